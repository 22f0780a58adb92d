"""The English in which any agent asks, offers, refuses and reports; no word here belongs to a domain."""

from enum import Enum, auto
from typing import Final


class Cue(Enum):
    """What a phrase does to the reading of the sentence it stands in."""

    # Members are looked up in sets all the time; Enum's own hash is Python code.
    __hash__ = object.__hash__

    ASK = auto()
    """Opens a request: the facts named after it are asked for."""
    CONDITION = auto()
    """Opens a request hidden in a condition: "once you have the number"."""
    IF_HAVE = auto()
    """Opens a condition that counts only where the sentence also says "provide it"."""
    WITHOUT = auto()
    """Opens a clause about facts that are missing: "if you don't have it"; the comma ends it."""
    CONFIRM = auto()
    """Asks for a yes, unless a fact or a question word follows at once."""
    IF_YES = auto()
    """Asks for a yes in a statement: "let me know if you'd like to"."""
    WHETHER = auto()
    """"Let me know if": asks for a fact if one follows, otherwise for a yes."""
    OFFER = auto()
    """Asks for a yes in a question: "would you like"."""
    HEAD = auto()
    """A question word with a noun after it: which, what."""
    QUESTION = auto()
    """Any other question word."""
    MANNER = auto()
    """Asks how to go on: which of the ways that were listed, if any were."""
    ANOTHER = auto()
    """Asks whether there is another one of the noun after it."""
    CHOICE = auto()
    """Names one of several things that were named before: "the option number"."""
    PURPOSE = auto()
    """Ends what is asked for: "so that I can"."""
    CLAUSE = auto()
    """Ends the noun after a question word: "you", "would"."""
    BACK = auto()
    """Points at facts named before: "those details", "it"."""
    MORE = auto()
    """Announces a list of facts: "the following"."""
    COURTESY = auto()
    """Makes a sentence that names no fact a closing politeness."""
    CLOSING = auto()
    """Makes the rest of the sentence a closing politeness, whatever it names."""
    INTEREST = auto()
    """Inside a request it goes on asking: "..., and whether you would like insurance"."""
    WANTED = auto()
    """"If you would like": with a bare "let me know" it asks for a yes."""
    INSTEAD = auto()
    """Offers another way than what was asked before."""
    ELSEWHERE = auto()
    """Sends the customer somewhere or tells them to wait; what it names is not asked for."""


_GIVE = (
    "{provide|share|send|give|tell|suggest|propose|supply|specify|state|indicate|list|enter|type|include"
    "|clarify|choose|select|pick|"
    "re check|recheck|resend|point me to|guide me to|elaborate|rephrase|repeat|fill in|fill out"
    "|complete|forward|pass on|upload"
    "|write|declare|spell"
    "|explain|let me have|"
    "double check|verify|name|describe|advise|submit|mention|identify|reply with|respond with|answer|inform"
    "|notify}{|"
    " me| us}{| with| of| about}"
)
_HAVE = "{have|find|locate|get|obtain|retrieve|found|remember|recall|are able to find|are able to locate}"
_PURPOSES = (
    "proceed|assist|help|access|locate|look|verify|continue|complete|find|check|retrieve|process|search"
    "|calculate|"
    "determine|ensure|pull|get started|make|confirm|finalize|move|modify|cancel|book|begin|start|see|identify"
)

CUES: Final[tuple[tuple[str, Cue], ...]] = (
    # Requests for facts.
    (f"{{please|please do|could you|can you|would you|will you}} {_GIVE}", Cue.ASK),
    ("{could|can|would|will} you {let me|let us} know{| about}", Cue.ASK),
    ("{let me|let us} know{| about}", Cue.ASK),
    (f"go ahead and {_GIVE}", Cue.ASK),
    ("{would|do} you mind {providing|sharing|telling me|giving me|specifying|confirming}", Cue.ASK),
    (
        "{i|we} {|will |would |do |first |will first |have }{need|require}{| to know| to have| to ask}",
        Cue.ASK,
    ),
    ("{have|that is|that|got|with} {everything|all|all that|what} {i|we} need{|ed}", Cue.ELSEWHERE),
    ("{have|got} all {the|of the} {information|details|info} {i|we} need{|ed}", Cue.ELSEWHERE),
    ("need to {obtain|have|get|collect|gather|ask for|ask}", Cue.ASK),
    ("{i am|we are} {missing|going to need|looking for}", Cue.ASK),
    ("{may|can|could|might} {i|we} {please |}{have|get|ask for|know|ask}", Cue.ASK),
    (
        "you {will |would |}need to {provide|share|give|tell|specify|choose|select|send}{| me| us}{| with}",
        Cue.ASK,
    ),
    (
        "{if you|should you} {can|could|are able to|would|are willing to|} {provide|share|tell|give"
        "|specify}{| me| us}{| with}",
        Cue.ASK,
    ),
    ("{do|would} you {have|know|remember|recall|happen to have|happen to know}", Cue.ASK),
    ("{could|can|may|might} i trouble you for", Cue.ASK),
    ("let{| us} {start|begin} with", Cue.ASK),
    ("{missing|need|need now|needed} is", Cue.ASK),
    ("{is|are} there {a|any} {particular|specific|preferred|certain}", Cue.ASK),
    ("{missing|needed|required|pending|outstanding|remaining} :", Cue.ASK),
    (
        "let {me|us} know if you have {|a |any }{|specific |particular }{preference|preferences}{| for}",
        Cue.ASK,
    ),
    (
        "{do|would} you have {a|any} {|particular |specific |strong }{preference|preferences}"
        " {for|on|regarding|in}",
        Cue.ASK,
    ),
    ("feel free to {provide|share|send|tell|give}{| me| us}{| with}", Cue.ASK),
    ("{by providing|by sharing|by giving me}", Cue.ASK),
    (
        "{what i need|information needed|details needed|needed|required|still needed|information"
        " required|i would like to know}",
        Cue.ASK,
    ),
    ("{i would|i will} {need|like} to {know|ask|have}", Cue.ASK),
    ("{please |}{reply|respond} with", Cue.ASK),
    ("would you like to {provide|share|tell|give|specify}{| me| us}", Cue.ASK),
    ("whether you {would like|would prefer|prefer|want|need|wish|will need|will be|plan}", Cue.INTEREST),
    ("if you {would like|want|wish|need} to {add|purchase|include|buy|bring|check}", Cue.INTEREST),
    # Requests hidden in conditions.
    ("{requires|need|needs|without} your", Cue.CONDITION),
    (f"{{once|when|after|as soon as|whenever}} you {{|have |can |could }}{_HAVE}", Cue.CONDITION),
    (f"{{if|should}} you {{|have |can |could }}{_HAVE}", Cue.IF_HAVE),
    ("{if|once|when} you have access", Cue.WITHOUT),
    ("{once|when|after|as soon as} {i|we} {have|receive|know|get}", Cue.CONDITION),
    (
        "{once|when|after|as soon as} you {|have }{provide|provided|share|shared|give me|gave me|decide"
        " on|choose|select|know}",
        Cue.CONDITION,
    ),
    ("{once|when|after|as soon as} you are ready with", Cue.CONDITION),
    (
        "{if you|in case you|since you|as you} {do not|don not|can not|cannot|are unable to|are not able"
        " to|still can not|no longer} {have|find|remember|locate|provide|recall|know|access}",
        Cue.WITHOUT,
    ),
    ("{if you are|if you are still} {unable|not able|unsure|not sure}", Cue.WITHOUT),
    ("without", Cue.WITHOUT),
    # Requests for a yes.
    ("{please|could you|can you|would you|will you|need you to} confirm", Cue.CONFIRM),
    (
        "let {me|us} know {if|whether} {you would|you want|you wish|you agree|you are okay|you are ok"
        "|you are happy|you approve|you accept|this|that|these|those|it|everything|i should|i may|i can"
        "|we should|we can|to proceed}",
        Cue.IF_YES,
    ),
    ("let {me|us} know {if|whether}", Cue.WHETHER),
    ("{please |}tell {me|us} {if|whether}", Cue.WHETHER),
    ("tell {me|us}", Cue.ASK),
    (
        "{please |}{reply|respond|answer|say|type|state|write|send}{| with}{| a} {yes|no|confirm|ok|okay}",
        Cue.IF_YES,
    ),
    ("say the word", Cue.IF_YES),
    (
        "{if you|should you|let me know if you} have {any|more} {|additional |other |more |further }"
        "{information|details|info}",
        Cue.ASK,
    ),
    (
        "{if|whether} {you have|there is|there|there are} {a|any} {particular|specific|preferred|certain}",
        Cue.ASK,
    ),
    (
        "let me know if {you have|there is|there|there are} {a|any} {particular|specific|preferred|certain}",
        Cue.ASK,
    ),
    ("or {provide|share|specify|tell me|give me|send me}", Cue.ASK),
    ("{if|whether} you have {another|a different}", Cue.ANOTHER),
    (
        "{please|could you|can you|would you} {check|verify|double check} if there {is|might be|may be}"
        " {another|a different|any other|other}",
        Cue.ANOTHER,
    ),
    (
        "{may|can|could} {i|we} {have|get} your {confirmation|approval|consent|permission|go ahead|okay}",
        Cue.IF_YES,
    ),
    (
        "if {that|this|it|everything|all} {is |sounds |looks |}{okay|ok|fine|good|right|correct"
        "|acceptable|all right}",
        Cue.IF_YES,
    ),
    (
        "{once|when|if|after|as soon as} you {give|say|send}{| me}{| the| a| your} {go ahead"
        "|green light|ok|okay|yes"
        "|approval|confirmation}",
        Cue.IF_YES,
    ),
    ("{awaiting|waiting for|need|get|have} your {confirmation|approval|go ahead|ok|okay|yes}", Cue.IF_YES),
    (
        "{give|gives|given|have} me {the|a|your} {go ahead|green light|ok|okay|yes|approval|confirmation}",
        Cue.IF_YES,
    ),
    ("{once|if|when|after|as soon as} you confirm", Cue.CONFIRM),
    ("{upon|with|after|pending} your {confirmation|approval|permission}", Cue.IF_YES),
    (
        "{i|we} {will |would |}need {your|a|an}{| explicit} {confirmation|approval|consent|permission|go"
        " ahead|yes}",
        Cue.IF_YES,
    ),
    (
        "{would you|do you|are you} {like|want|wish|prefer|agree|confirm|approve|accept|okay|ok|happy"
        "|willing|ready}",
        Cue.OFFER,
    ),
    ("{shall|should} {i|we}", Cue.OFFER),
    ("{may|can} {i|we} {proceed|go ahead|continue|transfer|do|make|process|apply|use}", Cue.OFFER),
    ("{i|we} need to confirm", Cue.CONFIRM),
    ("{i|we} {|will |would |first }need you to confirm", Cue.CONFIRM),
    ("{please|could you|can you|would you} {verify|check|double check} {that|if|whether}", Cue.IF_YES),
    (
        "need to {obtain|get|have|receive} {|your }{|explicit }{confirmation|approval|consent|permission}",
        Cue.IF_YES,
    ),
    # Question words.
    ("{how|what} about", Cue.OFFER),
    ("{which|what} a{|n}", Cue.BACK),
    ("which is {why|when|where|how}", Cue.PURPOSE),
    ("what {it says|it shows|it reads|you see|is shown|is displayed}", Cue.BACK),
    ("{which|what}", Cue.HEAD),
    ("{who|whom|when|where|why|how|how many|how much}", Cue.QUESTION),
    (
        "{if|whether} there {is |might be |may be |could be |are |}{another|a different|any other|other}",
        Cue.ANOTHER,
    ),
    (
        "how {you would|would you|you want|do you want|you wish|do you wish|should i|should we}{| like}{"
        "| me| us} to {proceed|continue|move forward|handle this}",
        Cue.MANNER,
    ),
    ("your {decision|preference|preferences}", Cue.MANNER),
    ("{option|choice} {number|you|would|that}", Cue.CHOICE),
    ("your {choice|selection|preferred option|preferred choice|pick}", Cue.CHOICE),
    ("{pick|choose|select} {one|a number|an option|one option|the number|a letter}", Cue.CHOICE),
    ("your pick", Cue.CHOICE),
    ("{one|any|either} of {these|those|them|the options|the choices|the above}", Cue.CHOICE),
    ("a preference", Cue.CHOICE),
    ("or option {1|2|3|4|5|one|two|three|a|b|c}", Cue.CHOICE),
    # Ends of what is asked for.
    ("{when|once|whenever} {you are|it is|that is|ready|possible|convenient|available}", Cue.PURPOSE),
    ("so{| that} {i|we|you|you will}", Cue.PURPOSE),
    ("{and|then|and then|then we|then i} {i|we} {will|can|would|shall|could|am|are}", Cue.PURPOSE),
    (
        "{i|we} {will|can|could|would} {proceed|assist|be|help|look|check|then|take|process|get|find|do"
        "|go|move|search|verify|start|complete|provide|update|try}",
        Cue.PURPOSE,
    ),
    (f"{{|in order }}to {{{_PURPOSES}}}", Cue.PURPOSE),
    (
        "{in order to|for the purpose of|because|since|as this|before i|before we|unless|but|however"
        "|note that|even if}",
        Cue.PURPOSE,
    ),
    ("you {might|may|can|could|should|will} {want|find|check|also|be|see|need}", Cue.PURPOSE),
    (
        "{you|i|we|would|do|does|did|should|will|to|corresponds|correspond|is|are|was|were|for|from"
        "|works|work|best|has"
        "|have|they|happened|with|about|if|whether}",
        Cue.CLAUSE,
    ),
    # References.
    (
        "{those|these|this|that|the}{| necessary| required| requested| missing| above| needed|"
        " additional| remaining} {details|information|info|data|items|points}",
        Cue.BACK,
    ),
    ("{it|that|those|them|this|these|so|one}", Cue.BACK),
    ("{the |}following{| details| information| additional information| additional details| info}", Cue.MORE),
    ("{some|a few|a bit|a little}{| more| additional} {details|information|info|things|questions}", Cue.MORE),
    ("{questions|details|information|fields|form|items} {below|above|as follows}", Cue.MORE),
    (
        "{the|that|your|this} {complete|correct|full|right|valid|missing|exact|entire} {id|ids|number"
        "|numbers|code}",
        Cue.BACK,
    ),
    # Politeness.
    ("{anything|something|everything} {else|more|other|specific}", Cue.COURTESY),
    ("what else", Cue.COURTESY),
    (
        "{one|a few|two|three|some|a couple|a couple of} {more|last|final|quick} {question|questions}",
        Cue.MORE,
    ),
    ("{if|should} your {plans|mind|circumstances|situation} {change|changes}", Cue.CLOSING),
    (
        "{nothing|no|not} {|else |more |further |additional }{|action |steps |information |details }{"
        "|is |are }{needed"
        "|required|missing}",
        Cue.ELSEWHERE,
    ),
    ("take care of", Cue.BACK),
    ("let me know how it {goes|went}", Cue.CLOSING),
    ("what else {would|do|should} you", Cue.QUESTION),
    ("{if|should} {you|anything} {change your mind|changes|come|comes up|run into}", Cue.CLOSING),
    ("{if you|should you} {need|have} {any|anything|something|more|further}", Cue.COURTESY),
    ("{way|ways} {i|we} can {help|assist}", Cue.COURTESY),
    ("have i {addressed|answered|resolved|covered}", Cue.COURTESY),
    ("{talk to you soon|take care}", Cue.COURTESY),
    ("have a {great|nice|good|wonderful|pleasant|lovely|safe}", Cue.COURTESY),
    (
        "{further|any|more|additional|other|future|any further|any other|any more|any additional|any"
        " future}{| specific}"
        " {assistance|help|questions|question|support|concerns|inquiries|needs|requests}",
        Cue.COURTESY,
    ),
    ("feel free to {reach|ask|contact|let|return|come|message|get|call|write|chat}", Cue.CLOSING),
    ("{do not|don not|never|not} hesitate", Cue.CLOSING),
    (
        "let {me|us} know {when|once|whenever|after} you {|have |have had }{decided|decide"
        "|made up your mind|made a"
        " decision|a chance|talked|discussed|thought}",
        Cue.CLOSING,
    ),
    (
        "let {me|us} know {when|once|whenever|if} {you are|you feel|you|everything is}{| all} {ready"
        "|back|done|available}",
        Cue.CLOSING,
    ),
    ("let {me|us} know {if|how|what|whenever} {there is anything|there anything|i can|i may}", Cue.CLOSING),
    (
        "let {me|us} know {if|how|what|whenever} you {need|have} {any|anything|something|further|more"
        "|other|additional|help|questions|my|assistance|some}",
        Cue.CLOSING,
    ),
    ("{reach out|get back to me|come back|i am here to help|take your time}", Cue.CLOSING),
    ("{how|what} {can|may|could|else can} {i|we} {help|assist|do}", Cue.CLOSING),
    (
        "{if you|should you} {would like|want|wish|prefer|agree|would prefer|are okay|are happy|are"
        " interested|like|choose|decide}",
        Cue.WANTED,
    ),
    ("{alternatively|otherwise}", Cue.INSTEAD),
    ("{transfer you|be transferred}", Cue.INSTEAD),
    ("{human|live} {agent|representative}", Cue.INSTEAD),
    # Errands of the customer.
    ("{can|could|would} you {check|look|try}", Cue.ELSEWHERE),
    (
        "{please |could you |can you |would you |}{give|allow} {me|us} {a|one|just a|some|two}"
        " {moment|minute|second|while|bit|time|minutes|moments|seconds|few moments|few minutes|few seconds"
        "|little time|little while|short while|brief moment}",
        Cue.ELSEWHERE,
    ),
    (
        "please {check|ensure|make sure|note|wait|hold|allow|contact|visit|call|keep in mind|be aware|be"
        " advised|keep|understand|remember|bear|consider|review|take|stand}",
        Cue.ELSEWHERE,
    ),
)
