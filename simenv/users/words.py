"""The small words of English that turn the reading of a sentence; none belongs to a domain."""

from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


YES_OPENERS: Final = _words(
    "do does did is are am was were can could will would shall should may might have has had"
)
"""First words of a question that a yes or a no answers."""
DETERMINERS: Final = _words(
    "a an the your my our their his her its any this that these those new preferred desired all each"
    " every both corrected correct updated full exact specific relevant total"
)
BARE_CHOICES: Final = _words(
    "one ones option options of choice choices you would works work is do should shall"
)
"""What follows "which" where the things to choose between were named before."""
ADDING: Final = _words(
    "add purchase buy include get check bring have need any adding purchasing buying including bringing"
    " added included"
)
"""Words after "would you like to" that ask about an extra rather than for a go-ahead."""
SPEAKERS: Final = frozenset(("you", "i", "we"))
"""Words that open a clause about a fact: "the date you would like"."""
LINKS: Final = (
    _words(
        "such like including and or as well along with plus also both all either friend husband wife"
        " son daughter partner colleague mother father brother sister child"
    )
    | DETERMINERS
)
"""What may stand between two facts of one request."""
PREPOSITIONS: Final = _words("from in on for of with by at to during after under")
"""Before "which" they make it no question."""
PREFACES: Final = _words("to so before since as because while although in")
"""Words that open an introduction, which asks for nothing: "to see which one it is, ..."."""
STATED: Final = _words("i we it this that matters happens means")
"""What follows a question word that opens a statement: "what i can do is"."""
VERBS: Final = _words(
    "is are was were has have can could will may means consists starts begins looks usually"
)
"""What follows a comma and a "which" that asks nothing: "the code, which is in your mail"."""
HEAD_REACH: Final = 4
"""How far after its question word a noun may start."""
LISTED: Final = frozenset(("option", "options", "choices", "alternatives"))
"""Words that announce ways to choose between."""
IMPERATIVES: Final = _words(
    "provide share specify send enter tell give state choose select pick list indicate supply need complete"
    " fill describe explain spell resend"
)
"""Verbs that ask for facts where they open a sentence or follow another order."""
OTHERS: Final = _words("else any anything more other further questions me")
"""Words that make what follows "or" no choice between values."""
GO_AHEAD: Final = frozenset(("proceed", "ahead", "continue"))
"""Words that make a sentence a request for a yes although it offers further help."""
MODIFIERS: Final = frozenset(("for", "of", "per", "on", "in", "about"))
"""Before a noun they make it part of another fact: "the names of all guests"."""
KNOWN: Final = frozenset(("the", "these", "those", "your", "both", "that"))
"""Before several extras they make them known ones: "add the bags to both"."""
BEING: Final = frozenset(("is", "are", "was", "were"))
"""Verbs that the noun asked for may follow: "what is your date"."""
PICKS: Final = frozenset(("choose", "select", "pick"))
"""Verbs whose object is chosen between, as after "which"."""
TELLERS: Final = _words("know me us confirm specify clarify and or of , : ;")
"""Words before a "who" that asks; after any other it says more of a noun."""
DEEDS: Final = _words(
    "keep leave stay change cancel book rebook upgrade downgrade look search explore choose use wait have pay"
    " split combine move switch modify continue consider try reschedule go remove add to rather instead"
)
"""Verbs after an "or" that make a question one between deeds: "cancel it, or keep it?"."""
SEVERAL: Final = LISTED | _words("two three four five several multiple both following these")
"""Words of a sentence that names several things."""
DESIRES: Final = frozenset(("like", "want", "wish", "any", "some", "about", "need", "in"))
"""Words before an extra that is asked about: "would you like insurance"."""
CLAIMS: Final = frozenset(("that", "if", "whether"))
"""Words after "please confirm" that open what is to be confirmed."""
CHECKS: Final = frozenset(("verify", "check"))
"""Verbs that ask for a yes where what is to be checked follows a colon."""
NOUNLESS: Final = _words(
    "you i we they would will should do does can are to of or and in for on there each , ; :"
)
"""What follows "how many" where the things counted were named before."""
ADDED: Final = _words("it them this that these those one some any")
"""What stands for an extra named before: "would you like to add it?"."""
TAKING: Final = frozenset(("add", "include", "purchase", "buy"))
"""Verbs that take an extra."""
PARTICULAR: Final = frozenset(("particular", "specific", "preferred", "certain"))
"""Words before a noun that make it asked for as "which" does: "is there a particular day"."""
YES_NOUNS: Final = frozenset(("confirmation", "approval", "consent", "permission"))
"""What a request for a yes may call it."""
