"""How a customer says things: a few personas, no model. The choice is addressed, so it repeats."""

from collections.abc import Mapping, Sequence

from simenv.core.draws import Draws
from simenv.core.task import Card

Lines = Mapping[str, tuple[str, ...]]

_PLAIN: Lines = {
    "fact": ("{facts}.", "It's {facts}.", "Sure: {facts}.", "Of course, {facts}."),
    "unknown": (
        "I'm afraid I don't know the {what}.",
        "I can't tell you the {what}.",
        "No idea about the {what}, sorry.",
    ),
    "yes": ("Yes, please go ahead.", "Yes, that's right, please do.", "Yes, go ahead.", "Yes, please."),
    "no": ("No, thank you.", "No, thanks.", "No, that's not needed."),
    "wrong": ("No, that's not right. {facts}.", "That isn't what I want. {facts}.", "Not quite: {facts}."),
    "accept": ("I see. That's a pity.", "All right, I understand.", "Okay, then I'll leave it."),
    "insist": ("Are you sure? Please check again.", "I really need this. Is there nothing you can do?"),
    "next": ("One more thing: {wish}", "I also have another request. {wish}", "Next: {wish}"),
    "again": ("As I said: {wish}", "My request is still open. {wish}", "{wish}"),
    "wait": ("Okay, I'll wait.", "Sure, take your time.", "All right."),
    "unclear": ("Hello? Are you there?", "I didn't get that.", "Sorry?"),
    "close": ("Thanks, that's all. Goodbye.", "Great, thank you. That was everything.", "Thank you, bye."),
    "give_up": ("This is getting nowhere. Goodbye.", "I'll try again some other time. Bye."),
    "transfer": ("Okay, I'll wait for your colleague.",),
}

_TERSE: Lines = {
    **_PLAIN,
    "fact": ("{facts}.", "{facts}"),
    "yes": ("Yes.", "Yes, do it.", "Ok, yes."),
    "no": ("No.", "No thanks."),
    "wrong": ("Wrong. {facts}.", "No. {facts}."),
    "accept": ("Fine.", "Ok."),
    "next": ("Also: {wish}",),
    "again": ("{wish}",),
    "close": ("Thanks, bye.", "That's all."),
}

_CHATTY: Lines = {
    **_PLAIN,
    "fact": (
        "Oh, of course, let me look ... {facts}.",
        "No problem at all, here you go: {facts}. I hope that helps!",
        "Happy to tell you: {facts}.",
    ),
    "yes": (
        "Yes, that sounds wonderful, please go ahead!",
        "Yes please, that's exactly what I'd like, thank you so much!",
    ),
    "wrong": ("Oh no, I think there's a mix-up. {facts}.", "Hmm, that's not quite it, sorry. {facts}."),
    "close": ("Perfect, you've been very kind, thank you! That's everything.",),
}

_POLITE: Lines = {
    **_PLAIN,
    "fact": ("Certainly, {facts}.", "With pleasure: {facts}."),
    "yes": ("Yes, I would appreciate that.", "Yes, kindly proceed."),
    "no": ("No, thank you very much.",),
    "wrong": ("I beg your pardon, that is not correct. {facts}.",),
    "close": ("Thank you very much for your help. Goodbye.",),
}

PERSONAS: Mapping[str, Lines] = {"plain": _PLAIN, "terse": _TERSE, "chatty": _CHATTY, "polite": _POLITE}


def say(card: Card, turn: int, kind: str, **parts: str) -> str:
    """Return one line of that kind in the customer's manner."""
    lines = PERSONAS[card.persona][kind]
    line = lines[Draws("customer", card.opening, turn, kind).below(len(lines))]
    return line.format(**parts)


def listed(parts: Sequence[str]) -> str:
    """Join what is said in one breath.

    Example:
        >>> listed(["my user ID is a_1", "two bags", "no insurance"])
        'my user ID is a_1; two bags; no insurance'
    """
    return "; ".join(part.rstrip(".") for part in parts)
