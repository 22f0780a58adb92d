"""What customers of an airline ask, and what they make a request depend on."""

from typing import Any

from simenv.core.grammar import Rule
from simenv_generators.airline.wordings_synonyms import spelled_out

_REFUND = (
    "{HOWMUCH} would I {GOTBACK} in total if I {CANCELLED} {r:REF}?",
    "if I {CANCELLED} {r:REF}, {HOWMUCH} would I {GOTBACK} in total?",
    "what would my total {REFUND} [be|come to] if I {CANCELLED} {r:REF}?",
    "{SUPPOSE} I {CANCELLED} {r:REF}, what would the total {REFUND} [be|come to]?",
    "{SUPPOSE} I {CANCELLED} {r:REF}, {HOWMUCH} would I {GOTBACK} in total?",
    "{TELLME} {HOWMUCH} I'd {GOTBACK} in total if I {CANCELLED} {r:REF}?",
    "{TELLME} my total {REFUND} if I {CANCELLED} {r:REF}?",
    "how [big|large|high|sizeable] would the total {REFUND} be [if I {CANCELLED}|for {DROPPING}] {r:REF}?",
    "[how much|what] would {DROPPING} {r:REF} [bring|give|get|return to] me [back|] in total?",
    "[before I decide|hypothetically|just in theory|as things stand], what's the total {REFUND} for {r:REF}?",
    "what total {REFUND} [would I get|could I expect|am I looking at] for {DROPPING} {r:REF}?",
)
_REFUNDED = (
    "{HOWMUCH} has been [refunded|paid back|returned|reimbursed] to me in total for {r:REF}?",
    "{HOWMUCH} did I [get back|receive back|recover|see come back|end up getting back] in total for {r:REF}?",
    "what [was|is] the total [amount|sum] [refunded|paid back|returned] to me for {r:REF}?",
    "what total {REFUND} [did I get|have I received|was I given|did you send me] for {r:REF}?",
    "{TELLME} {HOWMUCH} was [refunded|paid back|returned] in total for {r:REF}?",
    "how [big|large|high|sizeable] was my total {REFUND} for {r:REF}?",
    "what did [you|the airline] [refund|pay back|return] to me in total for {r:REF}?",
    "what did my {REFUND} for {r:REF} [come to|add up to] in total?",
    "in total, {HOWMUCH} [was|has been] [refunded|returned|paid back] to me for {r:REF}?",
    "{LOOKINGAT} {r:REF}, {HOWMUCH} have I had back in total?",
)
_PAID = (
    "{HOWMUCH} did I {PAY} in total for {r:REF}?",
    "{TELLME} {HOWMUCH} I {PAID} in total for {r:REF}?",
    "[how much|what] did {r:REF} {CAMETO} in total?",
    "what [was|is] the total {PRICE} [of|for] {r:REF}?",
    "{TELLME} the total {PRICE} [of|for] {r:REF}?",
    "what's the total {PRICE} I {PAID} for {r:REF}?",
    "in total, {HOWMUCH} did I {PAY} for {r:REF}?",
    "{HOWMUCH} was I {CHARGED} in total for {r:REF}?",
    "{LOOKINGAT} {r:REF}, {HOWMUCH} did I {PAY} in total?",
    "{LOOKINGAT} {r:REF}, {TELLME} {HOWMUCH} I {PAID} in total?",
    "for {r:REF}, {HOWMUCH} was I {CHARGED} in total?",
)
_PAID_ALL = (
    "what did {r:REF} cost me {TOGETHER}?",
    "{HOWMUCH} did I {PAY} {TOGETHER} for {r:REF}?",
    "what's the [combined|overall|joint] {PRICE} of {r:REF}, {TOGETHER}?",
    "what do the [prices|costs|fares] of {r:REF} [add up to|come to|sum to] in total?",
    "in total, {HOWMUCH} did I {PAY} for {r:REF}, {TOGETHER}?",
    "[can|could] you add up what I {PAID} for {r:REF} and [tell me|give me|let me know] the total?",
    "what's the [grand total|sum total|overall total] of what I {PAID} for {r:REF}?",
    "{ADDING} {r:REF}, {HOWMUCH} did I {PAY} in total?",
    "{TELLME} {HOWMUCH} I {PAID} {TOGETHER} for {r:REF}?",
    "if you add up {r:REF}, {HOWMUCH} did I {PAY} in total?",
    "{HOWMUCH} was I {CHARGED} {TOGETHER} for {r:REF}?",
)
_STATUS = (
    "what is the {STATUSOF} of my flight on {d:DATE}, {PARTOF} {r:REF}?",
    "what's the {STATUSOF} of [the|my] {d:DATE} flight, {PARTOF} {r:REF}?",
    "{TELLME} the {STATUSOF} of my flight on {d:DATE}, {PARTOF} {r:REF}?",
    "what status does my flight on {d:DATE} have [at the moment|currently|now], {PARTOF} {r:REF}?",
    "[which|what] status [is shown|do you show|is listed] for my {d:DATE} flight, {PARTOF} {r:REF}?",
    "for {r:REF}, what's the {STATUSOF} of the flight on {d:DATE}?",
    "what's the {STATUSOF} of the flight that {r:REF} has on {d:DATE}?",
    "{LOOKINGAT} {r:REF}, what's the {STATUSOF} of the flight on {d:DATE}?",
    "[is all well|what's going on] with my {d:DATE} flight, {PARTOF} {r:REF}: what's its {STATUSOF}?",
    "{TELLME} the {STATUSOF} of the {d:DATE} flight, {PARTOF} {r:REF}?",
)
_BALANCE = (
    "what is the total {BALANCE} [of|on|across] {thing}?",
    "{TELLME} the total {BALANCE} [of|on|across] {thing}?",
    "{HOWMUCH} {IHAVELEFT} in total on {thing}?",
    "what do the balances of {thing} {SUMUP} in total?",
    "what [is|makes] the [sum|total] of the balances [of|on|across] {thing}?",
    "{ADDING} {thing}, what's [the|my] total {BALANCE}?",
    "{ADDING} {thing}, {HOWMUCH} {IHAVELEFT} in total?",
    "what are {thing} worth in total?",
    "{HOWMUCH} do {thing} {SUMUP} in total?",
    "what total {BALANCE} do {thing} [have|hold|carry|show] together?",
    "[could|can] you add up {thing} and [give|tell|show] me the total {BALANCE}?",
    "{LOOKINGAT} {thing}, what's the total {BALANCE}?",
    "{LOOKINGAT} {thing}, {HOWMUCH} {IHAVELEFT} in total?",
)
_MORE = (
    "{r:REF} [cost|was|had a price of] more than {m:MONEY} [in total|]",
    "I [paid|spent] more than {m:MONEY} [for|on] {r:REF}",
    "the [total|] price of {r:REF} [was|is|came to] [more than|over|above] {m:MONEY}",
    "I was charged [more than|over] {m:MONEY} for {r:REF}",
    "more than {m:MONEY} [was paid|went] [for|into] {r:REF}",
    "{r:REF} cost me [over|upwards of|in excess of] {m:MONEY}",
)
_LESS = (
    "{r:REF} cost less than {m:MONEY} [in total|]",
    "I [paid|spent] less than {m:MONEY} [for|on] {r:REF}",
    "the [total|] price of {r:REF} [was|is|came to] [less than|under|below] {m:MONEY}",
    "I was charged [less than|under] {m:MONEY} for {r:REF}",
    "less than {m:MONEY} was paid for {r:REF}",
    "{r:REF} cost me [under|below] {m:MONEY}",
)
_SEVERAL = (
    "there is more than one [passenger|traveller|person] on {r:REF}",
    "more than one [passenger|traveller|person] is [booked|listed|travelling] on {r:REF}",
    "{r:REF} [was booked|has been booked] for more than one [passenger|traveller|person]",
    "[at least two|two or more] [passengers|people] are on {r:REF}",
    "I'm not the only [passenger|traveller|person] on {r:REF}",
    "the number of [passengers|travellers|people] on {r:REF} is [greater|higher] than one",
)
_MANY = (
    "there are more than {n:NUM} [passengers|travellers|people] on {r:REF}",
    "more than {n:NUM} [passengers|travellers|people] are [booked|listed|travelling] on {r:REF}",
    "{r:REF} [was booked|has been booked] for more than {n:NUM} [passengers|people]",
    "the number of [passengers|travellers|people] on {r:REF} is [greater than|higher than|above] {n:NUM}",
    "you see more than {n:NUM} [passengers|names|people] on {r:REF}",
    "we are more than {n:NUM} [passengers|travellers|people] on {r:REF}",
)
_FEW = (
    "there are fewer than {n:NUM} [checked|] bags on {r:REF}",
    "fewer than {n:NUM} [checked|] bags are [booked|registered|listed] on {r:REF}",
    "I have fewer than {n:NUM} [checked|] bags on {r:REF}",
    "the number of checked bags on {r:REF} is [less than|lower than|below] {n:NUM}",
    "{r:REF} [was booked|has been booked] with fewer than {n:NUM} checked bags",
    "you see fewer than {n:NUM} checked bags on {r:REF}",
)
_BOTH = (
    "{a:INNER} and {b:INNER} [cost|came to] {more} than {m:MONEY} [together|in total|taken together]",
    "I [paid|spent] {more} than {m:MONEY} for {a:INNER} and {b:INNER} [together|combined|put together]",
    "the [prices|costs] of {a:INNER} and {b:INNER} [add up to|sum to|total] {more} than {m:MONEY}",
    "together, {a:INNER} and {b:INNER} cost {more} than {m:MONEY}",
    "{a:INNER} plus {b:INNER} [cost|came to] {more} than {m:MONEY}",
    "the [combined|total] [price|cost] of {a:INNER} and {b:INNER} [is|was] {more} than {m:MONEY}",
)


def questions() -> list[Rule]:
    """Return the rules of questions."""

    def asked(verb: str, templates: tuple[str, ...], args: Any = None) -> Rule:
        return Rule("ASKED", {"do": verb, "at": "$r", "args": args or {}}, templates, family=verb)

    return [
        asked("refund", spelled_out(_REFUND, "HOWMUCH")),
        asked("refunded", _REFUNDED),
        asked("paid", spelled_out(_PAID, "HOWMUCH", "PRICE")),
        asked("paid_all", spelled_out(_PAID_ALL, "HOWMUCH", "TOGETHER")),
        asked("status", spelled_out(_STATUS, "STATUSOF", "TELLME"), {"leg": "$d"}),
        *[
            Rule(
                "ASKED",
                {"do": "balance", "args": {"source": source}},
                tuple(text.replace("{thing}", f"{{{every}}}") for text in _BALANCE),
                family="balance",
            )
            for source, every in (("gift_card", "ALLCARDS"), ("certificate", "ALLVOUCHERS"))
        ],
    ]


def tests() -> list[Rule]:
    """Return the rules of conditions."""

    def test(left: Any, how: str, right: Any, templates: tuple[str, ...]) -> Rule:
        return Rule("TEST", {"left": left, "how": how, "right": right}, templates, family="test")

    price, people, bags = ({"of": field, "ref": "$r"} for field in ("price", "people", "bags"))
    both = {"sum": "price", "refs": ["$a", "$b"]}
    return [
        test(price, ">", "$m", _MORE),
        test(price, "<", "$m", _LESS),
        test(people, ">", 1, _SEVERAL),
        test(people, ">", "$n", _MANY),
        test(bags, "<", "$n", _FEW),
        test(both, ">", "$m", tuple(text.replace("{more}", "more") for text in _BOTH)),
        test(both, "<", "$m", tuple(text.replace("{more}", "less") for text in _BOTH)),
    ]
