"""What customers of an airline ask, and what they make a request depend on."""

from typing import Any

from simenv.core.grammar import Rule

_REFUND = (
    "how much would I get back in total if I [cancelled|were to cancel|called off] {r:REF}?",
    "how much [money|] would [come back|be refunded|be returned] to me in total if I cancelled {r:REF}?",
    "what would my total refund be if I [cancelled|were to cancel|gave up] {r:REF}?",
    "if I [cancelled|were to cancel|called off] {r:REF}, [how much|what] would I get back in total?",
    "[supposing|say|assuming] I cancelled {r:REF}, what would the total refund [be|come to|amount to]?",
    "[can|could] you tell me [how much|what] I'd get back in total for cancelling {r:REF}?",
    "what [total|overall] refund [would I get|could I expect] for cancelling {r:REF}, in total?",
    "how [big|large|high] would the total refund be [if I dropped|if I cancelled|for cancelling] {r:REF}?",
    "what would cancelling {r:REF} [bring|give|get] me back in total?",
    "[without cancelling it yet|before I decide anything], what's the total refund for {r:REF}?",
    "[what|how much] would you [refund|pay back|return to] me in total if I let go of {r:REF}?",
    "if {r:REF} [were cancelled|was cancelled], [how much|what] would be refunded in total?",
)
_REFUNDED = (
    "how much has been [refunded|paid back|returned] to me in total for {r:REF}?",
    "how much [money|] did I get back in total for {r:REF}?",
    "what [was|is] the total [amount|sum] [refunded|paid back] to me for {r:REF}?",
    "what total refund [did I get|have I received|was I given] for {r:REF}?",
    "[can|could] you tell me how much was refunded in total for {r:REF}?",
    "how [big|large|high] was my total refund for {r:REF}?",
    "what did [you|the airline] [refund|pay back to|return to] me in total for {r:REF}?",
    "what did my refund for {r:REF} [come to|amount to|add up to] in total?",
    "in total, [how much|what] [was|has been] refunded to me for {r:REF}?",
    "[how much|what] have I had back in total for {r:REF}?",
    "what's the total of [what you refunded|the refund] for {r:REF}?",
    "how much of my money came back in total [for|from] {r:REF}?",
)
_PAID = (
    "what did I [pay|spend] in total for {r:REF}?",
    "how much did I [pay|spend] in total [for|on] {r:REF}?",
    "what was the total [price|cost] [I paid|] for {r:REF}?",
    "how much did {r:REF} cost me in total?",
    "what did {r:REF} [cost|come to|set me back] in total?",
    "[can|could] you tell me [what|how much] I paid in total for {r:REF}?",
    "what [total|overall] [price|amount] was I charged in total for {r:REF}?",
    "how [much|much money] was I charged in total for {r:REF}?",
    "in total, [how much|what] did I [pay|spend|hand over] for {r:REF}?",
    "what's the total [amount|sum] [I paid|that I paid|I was charged] for {r:REF}?",
    "what did the whole of {r:REF} [cost|cost me] in total?",
    "[how much|what] did {r:REF} cost me in total, all charges included?",
    "what's the total price [you took|I was charged|on my card statement] for {r:REF}?",
    "[how much|what] went out of my pocket in total for {r:REF}?",
)
_PAID_ALL = (
    "what did {r:REF} cost me [altogether|all together|taken together]?",
    "how much did I [pay|spend] [altogether|all in all|all told] [for|on] {r:REF}?",
    "what's the [combined|total|overall] [price|cost] of {r:REF}, [added up|taken together|all together]?",
    "what do the prices of {r:REF} [add up to|come to|sum to] in total?",
    "in total, [how much|what] did I [pay|spend] for {r:REF}, [added up|taken together|put together]?",
    "[can|could] you add up what I paid for {r:REF} and [tell me|give me|let me know] the total?",
    "what's the [grand total|sum total|overall total] of what I paid for {r:REF}?",
    "how much money have I spent [altogether|all told] on {r:REF}?",
    "[adding up|summing up|taking together] {r:REF}, [what|how much] did I pay in total?",
    "what [sum|amount] did I pay altogether for {r:REF}?",
    "if you add up {r:REF}, [what|how much] did I pay in total?",
    "[what|how much] was I charged altogether for {r:REF}?",
)
_PART = "[part of|which is part of|which belongs to]"
_STATUS = (
    f"what is the [current|latest|] status of my flight on {{d:DATE}}, {_PART} {{r:REF}}?",
    f"what's the status of [the|my] {{d:DATE}} flight, {_PART} {{r:REF}}?",
    f"[can|could] you tell me the status of my flight on {{d:DATE}}, {_PART} {{r:REF}}?",
    f"what status does my flight on {{d:DATE}} have [at the moment|currently|now], {_PART} {{r:REF}}?",
    f"how does my flight on {{d:DATE}} stand, {_PART} {{r:REF}}, and what is its status?",
    f"[which|what] status [is shown|do you show|is listed] for my {{d:DATE}} flight, {_PART} {{r:REF}}?",
    "for {r:REF}, what's the [current|] status of the flight on {d:DATE}?",
    "what's the status of the flight that {r:REF} has on {d:DATE}?",
    "[looking at|concerning|regarding] {r:REF}, what's the status of the flight on {d:DATE}?",
    f"[is all well|what's going on] with my {{d:DATE}} flight, {_PART} {{r:REF}}: what's its status?",
    f"what's the [latest|current] status [for|of] the flight I have on {{d:DATE}}, {_PART} {{r:REF}}?",
    f"what status is my flight on {{d:DATE}} in, {_PART} {{r:REF}}?",
)
_BALANCE = (
    "what is the [total|combined|overall] balance [of|on] all my {thing}?",
    "how much is [left|] on all my {thing} [in total|combined|altogether]?",
    "how much [money|credit] do I have in total on [all of|all] my {thing}?",
    "[can|could] you tell me the [total|combined] balance of all [of|] my {thing}?",
    "what do the balances of all my {thing} [add up to|come to|sum to] in total?",
    "what's the [sum|total] of the balances of all my {thing}?",
    "if you add up all my {thing}, what's the total balance?",
    "[adding up|taking together|counting] all my {thing}, what is my total balance?",
    "what are all my {thing} worth in total?",
    "how much do all my {thing} [amount to|add up to|come to] in total?",
    "what total [balance|credit] do all [of|] my {thing} [have|hold|carry] together?",
    "[could|can] you add up [all|all of] my {thing} and [give|tell] me the total balance?",
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
        asked("refund", _REFUND),
        asked("refunded", _REFUNDED),
        asked("paid", _PAID),
        asked("paid_all", _PAID_ALL),
        asked("status", _STATUS, {"leg": "$d"}),
        *[
            Rule(
                "ASKED",
                {"do": "balance", "args": {"source": source}},
                tuple(text.replace("{thing}", thing) for text in _BALANCE),
                family="balance",
            )
            for source, thing in (("gift_card", "gift cards"), ("certificate", "travel certificates"))
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
