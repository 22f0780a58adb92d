"""How a customer of any domain puts things: greetings, requests, conditions. A domain adds its own words.

Rules of a domain supply the symbols DEED (a verb phrase: "cancel my trip"), ASKED (a whole question), TEST (a
clause: "my trip cost more than $300"), FACT (a statement without its full stop) and USER.
"""

import re
from collections.abc import Sequence
from itertools import product

from simenv.core.grammar import Rule, Terminal
from simenv_generators.wordings_talk import talk

POLITE = (
    *["{d:DEED}{TAIL}."] * 6,
    "{d:DEED}, [please|thanks|thank you|many thanks].",
    "{PLEASE} {d:DEED}.",
    "{PLEASE} {d:DEED}{TAIL}.",
    "{CANYOU} {d:DEED}{TAIL}?",
    "{CANYOU} {d:DEED}?",
    "{IWANT} {d:DEED}{TAIL}.",
    "{IWANT} {d:DEED}.",
    "{SOFTLY}, {CANYOU} {d:DEED}?",
    "{SOFTLY}, {IWANT} {d:DEED}.",
    "{SOFTLY}, {PLEASE} {d:DEED}.",
    "{NEED}, so {CANYOU} {d:DEED}?",
    "{NEED}, so {IWANT} {d:DEED}.",
    "{NEED}, so {PLEASE} {d:DEED}.",
    "my [request|wish|hope|plea] [today|for today|this time|] is {PLAIN}: {d:DEED}.",
    "[here's|here is|this is] [what|the thing] [I need|I'm after|I want|I ask]: {d:DEED}{TAIL}.",
    "[there's|there is] something [I need|on my list|I'm after|I'd ask of you]: {d:DEED}.",
    "[I'd|I would|we'd] be {GLAD} if you {COULD} {d:DEED}.",
    "[it would|it'd|it would really|it would just] be {NICE} if you {COULD} {d:DEED}.",
    "you'd {OBLIGE} me [a lot|greatly|very much|] if you {COULD} {d:DEED}.",
    "[help|assist|support] me with [this|the following|something|a task]{TAIL}: {d:DEED}.",
    "{PLEASE} {d:DEED}.",
    "{CANYOU} {d:DEED}?",
    "{IWANT} {d:DEED}.",
)
PLEASE = (
    "[please|kindly|do|just|simply|now|go ahead and]",
    "please [kindly|just|simply|quickly|promptly|also|now]",
    "[be so good as to|be so kind as to|be an angel and|do me a favour and|help me out and|do your best to]",
)
CANYOU = (
    "[could|can|would|will] you [please|kindly|possibly|quickly|perhaps|maybe|simply|just|promptly|]",
    "[could|can|would|will] [somebody|someone|one of you|your team|you people|anyone] [please|kindly|just|]",
    "[would|could] you be [so kind as to|willing to|able to|so good as to|prepared to|ready to]",
    "[would it be|is it|might it be] [possible|feasible|okay|all right|doable] [for you|] to",
    "[is there any|any|is there a] [chance|way|possibility|hope] [that|] you [could|can|might]",
    "do you [think|suppose|reckon|believe] you [could|can|might]",
    "[would|do] you mind if I [asked|ask|bothered|troubled] you to",
    "[may|might|could|can] I [ask|trouble|bother] you to [please|]",
    "[are you|would you be|will you be] [able|in a position|ready|willing] to",
    "[why don't you|couldn't you|won't you|might you]",
    "[can|could|may] I [count|rely|depend] on [you|your team|someone] to",
)
IWANT = (
    "[I'd|I would|we'd|we would] [like|love|prefer] [you|you all|your team|someone] to",
    "I [need|want|require|expect|ask|urge|instruct|request|trust|authorise] [you|your team|someone there] to",
    "[I'm|I am|we're] [asking|requesting|begging|relying on|counting on|hoping for] [you|someone] to",
    "I was [hoping|wondering if|thinking] you [could|might|would] [perhaps|maybe|kindly|just|]",
    "[I'm|I am] [hoping|trusting|confident|sure|positive] you [can|could|will] [quickly|just|]",
    "[my hope|my plan|the plan|the idea|my wish|my aim] is [for you|to get you] to",
    "[it's time|it's necessary|it's important|it'd be good|it'd be best] for [you|someone|your team] to",
    "what I [need|want|ask|wish] [today|now|from you|] is for [you|someone] to",
)
PLAIN = ("[simple|this|a simple one|easily told|quickly said|modest|short|the following|clear enough]",)
GLAD = (
    "[grateful|glad|happy|thankful|much obliged|delighted|pleased|relieved|over the moon|thrilled|content]",
)
NICE = ("[great|lovely|wonderful|good|kind|helpful|perfect|ideal|super|terrific|a relief|a big help]",)
OBLIGE = ("[help|oblige|please|assist]",)
COULD = ("[could|would|were to|managed to|agreed to|were able to]",)
TAIL = (
    *[""] * 9,
    ", [thanks|thank you|many thanks]",
    ", if [that's all right|that works|it's no bother]",
    ", [as soon as you can|when you get to it|at your convenience|without delay|right away|today]",
    ", [while I'm|as I'm busy|since I'm busy] {CHORE}",
    ", [as|since|because|seeing that] {KIN} [can't|won't|couldn't|didn't] [help|help me|do it|find time]",
)
SOFTLY = (
    "if [it's no trouble|that's all right|that works for you|nothing speaks against it]",
    "if it [isn't|is not|won't be] too much [trouble|work|bother|hassle]",
    "[when|once|whenever] you [have|get|find] a [moment|minute|second|chance]",
    "as soon as you [can|get a chance|find the time|are able to|have time]",
    "at your [earliest convenience|convenience|leisure]",
    "[in short|in a nutshell|simply put|long story short|to be brief|basically|to be clear|in plain words]",
    "[first off|to start with|for today|this time|right away|without further ado|to begin]",
    "[with your help|if that's within your power|if it's up to you|if the system lets you]",
    "[before I forget|while I have you|now that I've reached you|since you're here|as you're the expert]",
    "[on behalf of|at the request of] {KIN}",
    "[while|seeing that|since] I'm {CHORE}",
    "before I [start|get back to|return to|go on with] {CHORE}",
)
NEED = (
    "I [can't|cannot|couldn't] [do|manage|arrange|settle] this [myself|online|on my own|from here|alone]",
    "[it's been on my list|I've put this off] for [days|weeks|too long|a while|ages]",
    "[I'd rather not wait|time is short|I don't have long|the clock is ticking|today is a busy day]",
    "{OBSTACLE}",
    "{KIN} [keeps reminding|reminded|keeps asking|is nagging|asked] me",
    "I [have to|must|should|want to|need to] [get back to|return to|go on with|finish|start] {CHORE}",
    "I'm [busy|occupied|behind] with {CHORE}",
)
QUESTION = (
    *["{q:ASKED}"] * 6,
    "{SOFTLY}, {q:ASKED}",
    "{SOFTLY}, [tell me|do tell me|let me know|help me out]: {q:ASKED}",
    "{NEED}, so [tell me|here's my question|let me ask|I'll ask you|I'm asking you]: {q:ASKED}",
    "{KIN} [asked|asks|wants to know|wonders|was asking], [so|and so|and now I ask you]: {q:ASKED}",
    "[quick|a quick|a short|a small] question[| for you| today]{TAIL}: {q:ASKED}",
    "[can|could|would] you [look this up|check something|check this][ for me|]{TAIL}: {q:ASKED}",
    "[tell me|remind me|help me out here|help me understand|do tell me|let me ask you]{TAIL}: {q:ASKED}",
    "[I'd|I would] [like|love|need] to know [something|this|the following]{TAIL}: {q:ASKED}",
    "[I'm|I am] [curious|wondering|trying to work out|unsure about something|doing my accounts]: {q:ASKED}",
    "{q:ASKED} I [can't|couldn't] [find|see|spot] [it|that|the answer] [anywhere|online|myself].",
    "{q:ASKED} I'm [asking|only asking] [for my records|for my own records|for my budget|for my tax papers].",
    "{q:ASKED} [Please|Could you please|Kindly] [check|look it up|look that up for me].",
    "{q:ASKED} [That's|That is] [what I want to know|what I'd like to find out|what I can't figure out].",
    "{q:ASKED} [A rough guess won't do|I need the exact answer|I'd like to be sure], [please|thanks].",
    "{q:ASKED} {KIN} [and I|] [would like|wanted|would love] to know{TAIL}.",
    "[my question|my question today|what I want to ask|what I can't tell|the thing I'm after] is: {q:ASKED}",
)
WHEN = (
    "if {c:TEST}, [please|kindly|then|] {t:DEED}; [otherwise|if not|else], [please|] {e:DEED}.",
    "[please|kindly|] {t:DEED} [if|provided|in case] {c:TEST}, and [if not|otherwise], {e:DEED}.",
    "[could|can|would] you {t:DEED} [if|provided] {c:TEST}, [and otherwise|or else|and if not] {e:DEED}?",
    "{SOFTLY}, {t:DEED} if {c:TEST}; [otherwise|failing that|if not], {e:DEED}.",
    "[check|find out|see] [whether|if] {c:TEST}: if [so|yes|it's true], {t:DEED}, and if not, {e:DEED}.",
    "[it depends|this depends on one thing]: if {c:TEST}, {t:DEED}, [otherwise|but if not], {e:DEED}.",
    "[I'd|I would] like you to {t:DEED} if {c:TEST}. [Otherwise|If not|If that's not so], {e:DEED}.",
    "[in case|provided] {c:TEST}, [please|I'd like you to] {t:DEED}. [If not|Otherwise], {e:DEED}.",
    "[look up|check for me] whether {c:TEST}. If [so|it is so], {t:DEED}. If not, {e:DEED}.",
)
WHEN_ONLY = (
    "if {c:TEST}, [please|kindly|then|] {t:DEED}. {NOTHING}",
    "[please|kindly|] {t:DEED}, but only if {c:TEST}. {NOTHING}",
    "[please|could you|would you] check whether {c:TEST}, and if so, {t:DEED}. {NOTHING}",
    "{SOFTLY}, {t:DEED}, provided {c:TEST}. {NOTHING}",
    "only if {c:TEST}, [I'd like you to|I want you to|should you] {t:DEED}. {NOTHING}",
    "[I'd like you to|I want you to|I need you to] {t:DEED} if {c:TEST}. {NOTHING}",
    "[in case|provided|supposing] {c:TEST}, {t:DEED}[, please|]. {NOTHING}",
)
NOTHING = (
    "",
    "[otherwise|if not|failing that], leave [everything|things|it all] [as it is|alone|unchanged].",
    "[if not|otherwise], [don't change anything|do nothing|I don't want any changes].",
    "[if that's not so|if it isn't so|if it isn't true], there's nothing [to do|to be done|for you to do].",
)
WHEN_BOTH = (
    "if {c:TEST}, [please|then|] {t:DEED}, and [also|in addition|on top of that|besides that] {u:DEED}.",
    "if {c:TEST}, do two things[ for me|, please|]: {t:DEED}, and {u:DEED}.",
    "[please|kindly|] {t:DEED} and [also|additionally] {u:DEED}, [but only if|if|provided] {c:TEST}.",
    "[check|find out] whether {c:TEST}. If [so|it is so], {t:DEED} and [also|then] {u:DEED}.",
    "[in case|provided|supposing] {c:TEST}, {t:DEED}, and [then|after that|also] {u:DEED}.",
    "{SOFTLY}, if {c:TEST}, {t:DEED} and [then|also] {u:DEED}.",
)
FALLBACK = (
    "[please|kindly|] {a:DEED}; if [that's|that is] not [possible|allowed|permitted], {b:DEED} instead.",
    "[I'd|I would] like you to {a:DEED}. Should that not be [possible|allowed|permitted], {b:DEED} instead.",
    "[could|can] you {a:DEED}? If [the rules forbid it|it's refused], {b:DEED} instead.",
    "{SOFTLY}, {a:DEED}. If your [rules|policies] don't [allow|permit] [it|that], {b:DEED} instead.",
    "my [first choice|preference]: {a:DEED}. [Only if it's refused|If that's forbidden], {b:DEED} instead.",
    "see if you can {a:DEED}, and if [that's not allowed|the rules say no], {b:DEED} instead.",
    "[ideally|preferably|if the rules allow it], {a:DEED}; [failing that|if they don't], {b:DEED} instead.",
    "[please|] {a:DEED}. [Plan B|The alternative], [if that's not allowed|if it's refused]: {b:DEED}.",
    "I need you to {a:DEED}, or, [if that's not permitted|if the rules forbid it|failing that], to {b:DEED}.",
)
MIND = (
    "[actually|wait|hold on|hang on|oh|hmm|no], I've changed my mind: {f:FACT}",
    "on [second|further] [thought|reflection|thoughts], {f:FACT}",
    "[sorry|apologies|pardon me], I've [reconsidered|thought again|had another think]: {f:FACT}",
    "[scratch that|forget that|never mind what I said|strike that|ignore what I said before]: {f:FACT}",
    "[let me correct myself|let me take that back|I have to correct myself|a correction]: {f:FACT}",
    "[as it turns out|now that I think about it|come to think of it|thinking about it again], {f:FACT}",
    "what I said [before|earlier|at first] [no longer holds|is out of date|doesn't stand any more]: {f:FACT}",
    "[please forget|please ignore|disregard] what I [said|told you] [before|earlier|at first]: {f:FACT}",
)


def spread(templates: Sequence[str]) -> tuple[str, ...]:
    """Return templates without alternatives, so that every expansion of them is equally likely."""
    found = []
    for template in templates:
        parts = re.split(r"\[([^\]]*)\]", template)
        options = [part.split("|") if at % 2 else [part] for at, part in enumerate(parts)]
        found += ["".join(chosen) for chosen in product(*options)]
    return tuple(found)


def _openings() -> list[Rule]:
    """Return a rule for every number of wants, with and without the customer's id and an aside."""
    found = []
    for wants, user, aside in product(range(1, 6), (False, True), (False, True)):
        names = "abcde"[:wants]
        pattern: dict[str, object] = {"says": [f"${name}" for name in names]}
        text = "{HELLO} " + " {ALSO} ".join(f"{{{name}:SAY}}" for name in names)
        if aside:
            pattern["aside"] = "$x"
            text += " {x:ASIDE}"
        if user:
            pattern["user"] = "$u"
            text += " {u:USER}"
        found.append(Rule("OPENING", pattern, (text + " {CLOSE}",)))
    return found


def _says() -> list[Rule]:
    found = []
    for count in range(7):
        names = "abcdef"[:count]
        pattern = {"want": "$w", "facts": [f"${name}" for name in names]}
        text = "{w:GOAL}" + "".join(f" {{{name}:FACT}}." for name in names)
        found.append(Rule("SAY", pattern, (text,)))
    return found


def generic() -> list[Rule]:
    """Return the rules that every domain shares."""
    return [
        *_openings(),
        *_says(),
        *talk(),
        Rule("PLEASE", None, PLEASE, family="request"),
        Rule("CANYOU", None, spread(CANYOU), family="request"),
        Rule("IWANT", None, spread(IWANT), family="request"),
        *[
            Rule(name, None, texts, family="request")
            for name, texts in (("PLAIN", PLAIN), ("GLAD", GLAD), ("NICE", NICE), ("OBLIGE", OBLIGE))
        ],
        Rule("COULD", None, COULD),
        Rule("TAIL", None, TAIL),
        Rule("SOFTLY", None, SOFTLY),
        Rule("NEED", None, NEED),
        Rule("NOTHING", None, NOTHING),
        Rule("GOAL", "$d", POLITE, family="request"),
        Rule("GOAL", "$q", QUESTION, family="question"),
        Rule("GOAL", {"when": "$c", "then": ["$t"], "else": ["$e"]}, WHEN, family="conditional"),
        Rule("GOAL", {"when": "$c", "then": ["$t"], "else": []}, WHEN_ONLY, family="conditional"),
        Rule("GOAL", {"when": "$c", "then": ["$t", "$u"], "else": []}, WHEN_BOTH, family="coupled"),
        Rule("GOAL", {"first": "$a", "instead": "$b"}, FALLBACK, family="fallback"),
        Rule("MIND", "$f", MIND, family="changed_mind"),
    ]


_PLACES = ("first", "second", "third", "fourth", "fifth", "sixth")
_NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def _place(value: object, context: object) -> str | None:
    del context
    return _PLACES[value - 1] if isinstance(value, int) and 2 <= value <= len(_PLACES) else None


def _number(value: object, context: object) -> str | None:
    del context
    return str(value) if type(value) is int and value >= 2 else None


def _dollars(value: object, context: object) -> str | None:
    del context
    return f"${value // 100}" if type(value) is int and value % 100 == 0 and value > 0 else None


def terminals() -> list[Terminal]:
    """Return the values that every domain shares: NTH, NUM (two or more), MONEY (whole dollars, as cents)."""
    return [
        Terminal("NTH", "|".join(_PLACES[1:]), _place, lambda text, _: _PLACES.index(text) + 1),
        Terminal("NUM", r"\d{1,4}(?!\d)", _number, lambda text, _: int(text) if int(text) >= 2 else None),
        Terminal("MONEY", r"\$\d{1,6}(?!\d)", _dollars, lambda text, _: int(text[1:]) * 100),
    ]
