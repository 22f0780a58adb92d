"""How a customer says things: a few personas, no model. The choice is addressed, so it repeats."""

from collections.abc import Iterable, Mapping, Sequence

from simenv.core.draws import Draws
from simenv.core.task import Card

Lines = Mapping[str, tuple[str, ...]]

_PLAIN: Lines = {
    "fact": ("{facts}", "{facts}", "Sure. {facts}", "Of course. {facts}"),
    "unknown": (
        "I'm afraid I can't tell you anything about the {what}.",
        "I don't know anything about the {what}.",
        "I have nothing to say about the {what}, sorry.",
    ),
    "yes": ("Yes, please go ahead.", "Yes, that's right, please do.", "Yes, go ahead.", "Yes, please."),
    "look": ("Yes, please.", "Yes, please do."),
    "no": ("No, thank you.", "No, thanks.", "No, that's not needed."),
    "stay": ("No, I'd rather have you help me.", "No, please help me yourself."),
    "wrong": ("No, that's not right. {facts}", "That isn't what I want. {facts}", "Not quite. {facts}"),
    "accept": ("I see. That's a pity.", "All right, I understand.", "Okay, then I'll leave it."),
    "insist": ("Are you sure? Please check again.", "I really need this. Is there nothing you can do?"),
    "next": (
        "One more thing. {wish}",
        "I also have another request. {wish}",
        "There is something else. {wish}",
    ),
    "again": ("{wish}", "My request is still open. {wish}", "Could you help me with this? {wish}"),
    "wait": ("Okay, I'll wait.", "Sure, take your time.", "All right."),
    "unclear": ("Hello? Are you there?", "I didn't get that.", "Sorry?"),
    "close": ("Thanks, that's all. Goodbye.", "Great, thank you. That was everything.", "Thank you, bye."),
    "leave": ("Thanks anyway. Goodbye.", "Goodbye.", "That's all then. Bye."),
    "give_up": ("This is getting nowhere. Goodbye.", "I'll try again some other time. Bye."),
    "transfer": ("Okay, I'll wait for your colleague.",),
}

_TERSE: Lines = {
    **_PLAIN,
    "fact": ("{facts}",),
    "unknown": ("I don't know the {what}.", "No idea about the {what}."),
    "yes": ("Yes.", "Yes, do it.", "Ok, yes."),
    "look": ("Yes.", "Ok."),
    "no": ("No.", "No thanks."),
    "stay": ("No.", "No, you do it."),
    "wrong": ("Wrong. {facts}", "No. {facts}"),
    "accept": ("Fine.", "Ok."),
    "next": ("Next. {wish}", "One more. {wish}"),
    "again": ("{wish}",),
    "close": ("Thanks, bye.", "That's all."),
    "leave": ("Bye.", "That's all."),
}

_CHATTY: Lines = {
    **_PLAIN,
    "fact": (
        "Oh, of course, let me look ... {facts}",
        "No problem at all. {facts} I hope that helps!",
        "Happy to tell you! {facts}",
    ),
    "yes": (
        "Yes, that sounds wonderful, please go ahead!",
        "Yes please, that's exactly what I'd like, thank you so much!",
    ),
    "wrong": ("Oh no, I think there's a mix-up. {facts}", "Hmm, that's not quite it, sorry. {facts}"),
    "accept": (
        "Oh, that's a shame. I understand, though.",
        "What a pity! Well, then there's nothing to be done.",
    ),
    "close": (
        "Perfect, you've been very kind, thank you! That's everything.",
        "Wonderful, thanks a lot! Bye!",
    ),
    "leave": ("Thanks for looking into it all the same. Bye!", "Thank you for trying anyway! Goodbye!"),
}

_POLITE: Lines = {
    **_PLAIN,
    "fact": ("Certainly. {facts}", "With pleasure. {facts}"),
    "yes": ("Yes, I would appreciate that.", "Yes, kindly proceed."),
    "no": ("No, thank you very much.",),
    "wrong": ("I beg your pardon, that is not correct. {facts}",),
    "close": ("Thank you very much for your help. Goodbye.",),
    "leave": ("Thank you all the same. Goodbye.",),
}

PERSONAS: Mapping[str, Lines] = {"plain": _PLAIN, "terse": _TERSE, "chatty": _CHATTY, "polite": _POLITE}


def say(card: Card, turn: int, kind: str, **parts: str) -> str:
    """Return one line of that kind in the customer's manner."""
    lines = PERSONAS[card.persona][kind]
    line = lines[Draws("customer", card.opening, turn, kind).below(len(lines))]
    return line.format(**parts)


def sentences(parts: Iterable[str]) -> str:
    """Say each thing once, in a sentence of its own.

    Example:
        >>> sentences(["my user ID is a_1", "it's just me.", "my user ID is a_1"])
        "My user ID is a_1. It's just me."
    """
    return " ".join(_sentence(part) for part in dict.fromkeys(parts))


def _sentence(text: str) -> str:
    closed = text if text[-1:] in (".", "!", "?") else f"{text}."
    return closed[:1].upper() + closed[1:]


def either(parts: Sequence[str]) -> str:
    """Join what is not known.

    Example:
        >>> either(["date", "route", "name"])
        'date, the route or the name'
    """
    last = f" or the {parts[-1]}" if len(parts) > 1 else parts[-1]
    return ", the ".join(parts[:-1]) + last
