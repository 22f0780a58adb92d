"""What customers of any domain say around their requests: how they begin, go on and end."""

from simenv.core.grammar import Rule

_HI = (
    "{GREETING}[!|.]",
    "{GREETING} {WHO}[!|.]",
    "{GREETING}, {WHO}[!|.]",
    "[ah|oh|okay|right|so|well|there you are], {GREETING}[ {WHO}|, {WHO}|][!|.]",
    "{GREETING}[ {WHO}|], [it's|it is] [me|only me] [again|once more|calling back].",
    "[nice|good|glad|great] to [finally|] [reach|find|meet|catch] [you|someone|somebody|a person][!|.]",
    "[excuse me|pardon me|sorry to barge in|sorry to bother you|pardon the interruption][, {WHO}|][!|.]",
)
_GREETING = (
    "[hi|hello|hey|hiya|howdy|greetings|morning|afternoon|evening|salutations|hullo|hi there|hey there]",
    "[hello there|hiya there|a warm hello|a very good day]",
    "good [day|morning|afternoon|evening]",
)
_WHO = (
    "[team|support|everyone|all|folks|people|friend|friends|helpdesk|agent|service desk]",
    "[dear|good|kind|lovely|patient] [people|team|folks|support|friends|agent|helper|souls]",
    "[whoever|anyone who|everyone who] [is there|reads this|is on duty|can help|looks after me|is free]",
    "[support|customer service|customer care|service] [team|desk|people|colleagues|staff|experts|crew]",
)
_GOOD = ("[good|kind|lovely|wonderful|friendly|helpful|patient|splendid|marvellous|brilliant]",)
_KIN = (
    "my [husband|wife|sister|brother|mother|father|daughter|son|uncle|aunt|niece|nephew|cousin|grandmother]",
    "my [neighbour|boss|colleague|partner|landlord|accountant|assistant|dentist|teacher]",
    "[a|an old|some|one] [friend|colleague|acquaintance|schoolmate] of mine",
    "[the|that] [lady|man|woman|guy|girl|fellow] [next door|upstairs|downstairs|from work|at the gym]",
)
_CHORE = (
    "[washing|feeding|brushing|looking after] the [dog|cat|horse|puppy|rabbit|ponies]",
    "[walking|training|bathing] the [dog|puppy|neighbour's dog]",
    "[cooking|preparing|planning|making] [dinner|lunch|breakfast|supper|a late lunch|a snack]",
    "[cleaning|tidying|clearing out|scrubbing] the [kitchen|garage|attic|cellar|shed|bathroom|oven]",
    "[folding|ironing|sorting|hanging up] [the laundry|shirts|the curtains|bed sheets|towels]",
    "[watering|tending|looking after] [the lawn|the roses|the garden|the hedge|my tulips]",
    "[grading|marking] [homework|exams|essays|a test]",
    "[reading|filing|sorting through] [letters|invoices|old papers|my post]",
    "[fixing|repairing|assembling|moving|dusting] [a shelf|a wardrobe|a bicycle|the radio|a lamp]",
    "[practising|learning] [the piano|the violin|chess|the cello|Spanish|the drums]",
)
_WHERE = (
    "from [the bus|the office|my kitchen|the balcony|the gym|the garden|a park bench|a waiting room|my desk]",
    "from [the library|a taxi|the car park|my sofa|a café|my hotel|the staff room|the train]",
    "[on|with|using] my [phone|tablet|old laptop|work computer|daughter's phone|new keyboard]",
    "[right after|just before] [a meeting|my shift|lunch|a lecture|yoga|choir practice|class|a call]",
)
_OBSTACLE = (
    "[the|your|that] [website|app|page|form|site|menu] [kept|was|started] [freezing|crashing|looping]",
    "[the|your|that] [website|app|page|form|site] [logged me out|gave up|timed out|made no sense to me]",
    "[my|the] [password|browser|screen|login|laptop|internet] [failed|let me down|wouldn't cooperate]",
    "[I|we] [got lost|gave up|saw only errors|found nothing] in [the|all those] [menus|pages]",
    "[the|that] [right|proper|correct] [button|link|box|entry] was [missing|greyed out|hidden|nowhere]",
    "I [ran out of|had no|lost my] [patience|nerve|time|luck|thread|battery]",
)
_MOOD = (
    "[tired|hasty|muddled|nervous|sleepy|grumpy|scattered|curt|fussy|slow|clumsy|puzzled|flustered]",
    "[a bit|a little|rather|somewhat|slightly|pretty] [tired|hasty|muddled|nervous|sleepy|grumpy|fussy|slow]",
)
_LEAD = (
    "I'm [writing|typing|sending] [this|you this] {WHERE}, so [bear with me|excuse any typos].",
    "[just|quickly] [checking in|writing|popping in|dropping by] {WHERE}[ while {CHORE}|].",
    "{KIN} [told|advised|urged|reminded|begged] me to [contact|message|ask|write to|try] [you|support].",
    "{KIN} [says|swears|claims|thinks|tells me] you [people|folks|lot] are {GOOD}.",
    "I tried [this|it] [myself|on my own|alone] [first|earlier|before], but {OBSTACLE}.",
    "[I'd have|I would have] [done|handled|managed] [this|it] [online|myself], [but|only] {OBSTACLE}.",
    "[sadly|annoyingly|as usual|of course|naturally], {OBSTACLE}, [so here I am|hence this message].",
    "I'm [in the middle of|halfway through|about to start|done with] {CHORE}, so I'll be [brief|quick].",
    "[sorry|forgive me|pardon me|excuse me] if I [sound|seem|come across as|appear] {MOOD}, I was {CHORE}.",
    "[I've been|I was] {CHORE} [all day|until now|for hours], [so this comes late|and only now found time].",
    "I [feel|am|have to say I'm] {MOOD}, [it's been a long day|sorry about that|so bear with me].",
    "{KIN} [is|was] {CHORE}, so I [finally|now] have [a moment|some peace|time] [for this|to write].",
    "[before|after|instead of] {CHORE}, I [thought|figured|decided] I'd [write|ask|get this done].",
    "[my list|my day] [says|reads|looks like this]: {CHORE}, [then|and then|and] [this|you|support].",
    "[I hope|hopefully|let's hope] [this|it] is [quicker|easier|more fun|less work] than {CHORE}.",
    "[you|your team] were {GOOD} [last time|before|the last two times], [so here I am|so I'm back].",
    "[what|such] a {GOOD} [service|chat|helpline], [truly|honestly|really].",
    "[I'm|I am] [reaching out|writing] {WHERE} [about|regarding] [my account|a matter of mine].",
    "[I've got|I have] a [request|small matter|task], and {KIN} [can't|couldn't] help[ me|].",
    "{KIN} [usually|normally|always] [does|handles|sorts out] this [for me|], but is [busy|out|away|asleep].",
    "[this|it] [should|will|ought to] take [less time|no longer] than {CHORE}.",
    "I'll [keep it|be] [short|brief|quick], [as|since|because] {KIN} [is waiting|wants the phone|needs me].",
    "[bear with me|have patience|be gentle], I'm {MOOD} [today|right now|this week].",
    "[apologies|sorry], [I'm|I was] [distracted|busy], {KIN} is {CHORE} [next to me|behind me|nearby].",
)
_ALSO = (
    "[there is|there's|I have|I've got] [one more|another|one other|yet another] thing.",
    "[and|also,|now,] [there is|there's] [something else|another matter|a further matter][ too|].",
    "[I also have|and I have] [another|one more|a further] [request|thing to ask|favour to ask].",
    "[that's|that is] [not all|not everything|only part of it], [though|however|there's more].",
    "[next|on to the next thing|moving on|next item|another thing|while we're at it|while I'm here].",
    "[one more|another|a further] [thing|request|item|point][, please| for you|, if I may|].",
    "[on top of that|apart from that|besides that], I [need|want] [something else|one more thing].",
    "[my list|the list] [goes on|isn't finished|has another item|is a little longer].",
    "[once|when|after] [that's done|that is settled], [there's more|here's the next|go on with this].",
    "[oh|ah], and [another thing|one more thing|something else|there's this too].",
    "[then|besides|furthermore], there's [another|a different|a separate] [matter|request|issue|thing].",
    "[I'm|I am] not [done|finished] [yet|quite yet|], [sorry|I'm afraid|there's one more].",
)
_KINDNESS = (
    "your [help|time|patience|support|attention|trouble|effort|kindness|assistance|quick reply]",
    "your [kind|quick|good|friendly|patient|swift|professional|reliable] [help|support|assistance|service]",
    "[the|all the|your] [help|support|good service|time you take|trouble you take|work you do]",
)
_FAVOUR = (
    "{KINDNESS}",
    "[sorting|working|figuring|straightening] [this|it|everything|that] out",
    "[reading|looking into|dealing with|handling|seeing to|taking care of] [this|it|everything|my message]",
    "being [so|this|very] [patient|helpful|kind|quick|reliable|friendly|thorough]",
    "[listening|helping out|bearing with me|putting up with me|getting back to me]",
)
_CLOSE = (
    *[""] * 16,
    "{THANKS}[!|.]",
    "{THANKS} for {FAVOUR}[!|.]",
    "{THANKS} [in advance|as always|already now] for {FAVOUR}[!|.]",
    "[I|we|I do|I really|I truly|my family and I|I always|I very much] [appreciate|value] {KINDNESS}.",
    "[let me know|tell me|just ask|shout] if [you need|you require|you want|you still need] {INFO}.",
    "[I'll get back to|I'm going back to|meanwhile, I'll go on with] {CHORE}[ now|].",
    "[pardon|excuse|forgive] the [rush|haste|hurry], {CHORE} [comes next|is next|awaits me|calls].",
    "[best|kind|warm|friendly] [regards|wishes].",
    "[sorry|apologies] for [sounding|being|coming across as|seeming] {MOOD}.",
)
_THANKS = (
    "[thanks|thank you|many thanks|cheers|ta|much obliged|all my thanks|warm thanks|big thanks]",
    "[thanks|thank you] [a lot|so much|a million|a bunch|very much|ever so much|kindly|loads|no end]",
)
_INFO = (
    "[anything|something|more|any details|any data|information|clarification|further details|more from me]",
    "[a word|a hint|an answer|anything else|anything more|further details] from [me|my side|us|my end]",
)


def talk() -> list[Rule]:
    """Return the rules of greetings, of turns to the next request, and of farewells."""
    return [
        Rule("HELLO", None, (*["{HI}"] * 8, "{HI} {LEAD}", "{LEAD}"), family="hello"),
        Rule("HI", None, _HI, family="hello"),
        Rule("GREETING", None, _GREETING),
        Rule("WHO", None, _WHO),
        Rule("THANKS", None, _THANKS),
        Rule("INFO", None, _INFO),
        Rule("LEAD", None, _LEAD, family="hello"),
        Rule("ALSO", None, _ALSO, family="also"),
        Rule("CLOSE", None, _CLOSE, family="close"),
        Rule("FAVOUR", None, _FAVOUR),
        Rule("KINDNESS", None, _KINDNESS),
        Rule("GOOD", None, _GOOD),
        Rule("KIN", None, _KIN),
        Rule("CHORE", None, _CHORE),
        Rule("WHERE", None, _WHERE),
        Rule("OBSTACLE", None, _OBSTACLE),
        Rule("MOOD", None, _MOOD),
    ]
