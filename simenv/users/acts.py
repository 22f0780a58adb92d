"""What a message does besides asking: telling, reporting, refusing, transferring, offering more."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from simenv.core.lexicon import Lexicon
from simenv.users.asks import Ask
from simenv.users.phrases import Phrases
from simenv.users.segments import Segment

ACTS: Final = (
    "report_done",
    "deny",
    "transfer",
    "inform",
    "request_confirmation",
    "offer_choice",
    "ask_slot",
    "ask_more",
    "wait",
)

_DENY = (
    "{i am|we are|i was|we were} {unable|not able|not allowed|not permitted}",
    "{unfortunately|regrettably}",
    "{i|we} {can not|cannot|will not be able to}",
    "{can not|cannot} be {done|changed|modified|cancelled|canceled|refunded|added|removed|combined|used"
    "|processed|waived|made}",
    "{is|are|it is} not {possible|allowed|permitted|eligible|refundable}",
    "{does|do|doesn|don} not {qualify|allow|permit|meet}",
    "not eligible",
)
_TRANSFER = (
    "{being|been|am|will be|will now be} transfer{red|ring}",
    "{transferring|connecting|passing|handing} {you|this|your case}",
    "{i have|i am|i will} {passed|passing|pass} {you|your case}",
    "{stay|remain} on the line",
    "{i will|let me|i am going to} {transfer|connect} you",
)
_WAIT = (
    "{one|a} {moment|minute|second}",
    "please {hold|wait|bear with me|stand by}",
    "{hold on|bear with me|hang on|hang tight}",
    "{give|allow} me {a|one|some}{| brief| few| short}{| moment| moments| minute| minutes| second}",
    "{let me|i will} {check|look|search|retrieve|pull|verify} {that|this|it|into|up}{| for you}",
)
_REPORTS = (
    "{has|have} {now |}been {|successfully |now }{{}}",
    "{i have|we have|i} {|now |successfully }{{}}",
    "successfully {{}}",
    "{is|are} now {{}}",
)
_PROMISE = (
    "{i|we} {can|will|could|would} {then |}{assist|help|proceed|look|be|check|move|calculate|start|begin"
    "|provide|get}",
    "{i am|i would be|i will be} {here|glad|happy}",
    "{thank you for|thanks for|you are welcome|take care}",
    "{once|when|after} {that|this|it|canceled|cancelled|done|completed|confirmed}",
)
_DONE = (
    "added",
    "removed",
    "processed",
    "completed",
    "made",
    "applied",
    "sent",
    "credited",
    "submitted",
    "confirmed",
    "corrected",
)


@lru_cache(maxsize=64)
def _deeds(lexicon: Lexicon) -> Phrases[str]:
    """Return the phrases of reports, refusals, transfers and pauses."""
    done = "{" + "|".join((*_DONE, *lexicon.done)) + "}"
    reports = [(phrase.replace("{{}}", done), "report_done") for phrase in _REPORTS]
    told = [
        (phrase, act)
        for act, phrases in (("deny", _DENY), ("transfer", _TRANSFER), ("wait", _WAIT), ("", _PROMISE))
        for phrase in phrases
    ]
    return Phrases([*reports, *told])


def acts_of(
    parts: Sequence[Segment],
    asks: Sequence[Ask],
    listed: Sequence[bool],
    offered: Sequence[bool],
    lexicon: Lexicon,
) -> tuple[str, ...]:
    """Return the acts of a message whose sentences were read, in the order of ``ACTS``.

    Args:
        parts: The sentences and list items of the message.
        asks: What each asks for.
        listed: Whether each belongs to a list of facts asked for.
        offered: Whether each asks to choose between things that the message offers.
        lexicon: The words of the domain.
    """
    acts: set[str] = set()
    deeds = _deeds(lexicon)
    last_offer = max((i for i, offer in enumerate(offered) if offer), default=-1)
    for i, (part, ask, listing) in enumerate(zip(parts, asks, listed, strict=True)):
        told = {act for _, _, act in deeds.among(part.words)}
        acts |= told - {"", "report_done" if ask.yes or ask.fact else ""}
        if "deny" in told:
            acts.add("inform")
        if ask.yes and not (listing or i < last_offer):
            acts.add("request_confirmation")
        if ask.courtesy and not ask.fact:
            acts.add("ask_more")
        if offered[i]:
            acts.add("offer_choice")
        elif ask.fact or ask.slots or listing:
            acts.add("ask_slot")
        if not (told or ask.yes or ask.fact or ask.courtesy or listing) and _tells(part):
            acts.add("inform")
    return tuple(act for act in ACTS if act in acts)


def _tells(part: Segment) -> bool:
    """Whether a sentence is more than a greeting or a readiness to help."""
    return part.item or len(part.words) > 6
