"""What an airline's facts, things and deeds are called in talk."""

from typing import Final

from simenv.core.lexicon import Lexicon, SlotWords, ValuePattern, WordSet

_SLOTS = (
    SlotWords(
        "user_id",
        "user ID",
        phrases=(
            "{user|customer|account|member|membership|profile|loyalty|frequent flyer|client} {id|ids|number|identifier}",
            "{userid|username|user name}",
            "{user|customer} {account|profile} {id|number}",
            "login{| id| name}",
        ),
    ),
    SlotWords(
        "reservation_id",
        "reservation ID",
        phrases=(
            "{reservation|booking|confirmation|ticket}{| confirmation| reference}"
            " {id|ids|number|numbers|code|codes|reference|identifier|locator}",
            "{pnr|record locator|booking reference}",
            "id of {the|your}{| current| existing| original} {reservation|booking}",
            "{reservation|reservations|booking|bookings|trip} you {would|want|wish|need|are referring|mean|have in"
            " mind}",
            "{affected|relevant|corresponding|other|second|specific|correct|right} {reservation|booking}",
            "six {character|digit} {|alphanumeric }{code|reservation code|id}",
        ),
        heads=(
            "{|specific |upcoming |existing |of your |of the |of these |of those }"
            "{reservation|reservations|booking|bookings|trip|trips}{| id| ids}",
        ),
        choices=("{reservation|reservations|booking|bookings|trips|reservation ids}",),
        kinds=("reservation_id",),
    ),
    SlotWords(
        "flight_choice",
        "preferred flight",
        phrases=(
            "flight {numbers|choice|selection|option|options|preference|preferences|details}",
            "{preferred|chosen|selected|desired} {flight|flights|option|itinerary}",
            "{new|specific|particular|alternative|replacement|different|exact} {flight|flights|itinerary}",
            "{|new }flight number",
            "{number|numbers} of {the|your|each}{| new| chosen| preferred| selected| desired} {flight|flights}",
            "{flight|flights|itinerary} {you would|you want|you prefer|you wish|in mind|suits|works}",
        ),
        heads=(
            "{|specific |available |connecting |outbound |return |new |outbound and return |of these |of the |of those |one of }"
            "{flight|flights|itinerary|itineraries|route|connection|leg|legs|segment|segments|combination}{| number| numbers| option| options|"
            " combination}",
        ),
        options=(
            "{different|another|other|alternative|earlier|later|direct|one stop} {option|options|flight"
            "|flights}",
        ),
        choices=(
            "{flight|flights|itinerary|itineraries|flight options|one stop|direct flights|connection|connections"
            "|nonstop|layover|layovers|departures|round trips|one way trips}",
        ),
        kinds=("flight_number",),
    ),
    SlotWords(
        "date",
        "date",
        phrases=(
            "{|travel |departure |return |flight |new |preferred |desired |departing |outbound "
            "|alternative |alternate |intended }"
            "{date|dates}{| of travel| of departure| of return| of the flight| of your flight}",
            "{day|days} {of travel|you would like|you want}",
            "{departure|travel|return|new|preferred|exact|specific|desired|different|alternative} {day|days}",
        ),
        heads=("{|specific |new |other }{day|days|date|dates}",),
        kinds=("date",),
        questions=("when", "how soon"),
    ),
    SlotWords(
        "origin_destination",
        "route",
        phrases=(
            "{origin|destination}{| airport| city| airports| cities| location}{| code}",
            "{departure|arrival|departing|origin and destination|departure and arrival|destination}"
            " {airport|city|airports|cities|location|locations}{| code| codes}",
            "{airport|airports|city} {code|codes|name|names|preference|code or name|name or code|names"
            " or codes|codes or names}",
            "{|specific |exact }{airport|airports|city|cities}",
            "route",
            "{name|names} of {the|your}{| departure| arrival| origin| destination} {airport|airports|city|cities}",
            "{destinations|origins}",
            "{from / to|from and to}",
            "{flying|traveling|travelling|departing|leaving} {from|to}",
        ),
        heads=("{|specific |new |other }{airport|city|airports|cities|destination|route}",),
        questions=("where", "{what|which} {airport|city} {are|do|will} you"),
        kinds=("airport", "city"),
    ),
    SlotWords(
        "cabin",
        "cabin class",
        phrases=(
            "{|preferred |desired |new |travel |service |ticket }{cabin|cabin class|cabin type|fare"
            " class|class of service|class of travel|seat class"
            "|travel class|class preference}{| preference| preferences| choice}",
            "{cabin|class|fare} {option|options|you would|you want|you prefer}",
        ),
        heads=("{class|cabin|cabins|classes}",),
        options=("{basic economy|economy|business}{| class}",),
        kinds=("cabin",),
    ),
    SlotWords(
        "passengers",
        "passengers",
        phrases=(
            "{number|list} of {passengers|travelers|travellers|people|adults|children|seats}",
            "{|updated |new }{passenger|traveler|traveller|passengers} {|personal }{details|information"
            "|info|count|list}",
            "{details|information|info} {of|for|about} {the|each|all|any|your}{| new| additional| other}"
            " {passenger|passengers|traveler|travelers}",
            "{passengers|travelers|travellers|passenger whose|passenger you}",
            "{for|of} {each|all|every|all the|both|any} {passenger|passengers|traveler|travelers}",
            "{for|of} the {passengers|travelers|travellers}",
        ),
        heads=("{passenger|passengers|traveler|travelers}",),
        questions=(
            "how many {passengers|people|travelers|travellers|persons|adults|children|of you|seats|tickets}",
            "{which|what} {passenger|passengers|traveler|travelers|person}",
            "who{| is| will be| else is| will}{| traveling| travelling| flying}",
        ),
    ),
    SlotWords(
        "date_of_birth",
        "date of birth",
        phrases=(
            "{date|dates} of birth for each {passenger|traveler}",
            "{date|dates|day|year} of birth",
            "{birth date|birthdate|birthday|dob|birth dates|dobs|birthdates|birth day|birth year|birthdays}",
        ),
        narrows="date",
        signs=("born",),
        echoes=("{exact|full|complete|correct|whole|precise} {date|day}",),
    ),
    SlotWords(
        "payment_method",
        "payment method",
        phrases=(
            "{|preferred |desired |new }{payment|refund} {method|methods|option|options|details"
            "|information|preference|preferences|type|source}",
            "{method|form|mode|means|way} of payment",
            "{preferred|desired} payment",
            "payment {method|option} for the{| additional| extra| remaining| total| outstanding} {amount|cost|charge|charges|difference|balance|fee|fees}",
            "payment method for {all|each|the|all the|both|any} {passenger|passengers}",
            "{last 4|last four}{| digits}",
            "{credit card|gift card|card|certificate} {number|numbers|details|information|id|ids}",
            "{|credit |gift }{card|cards|certificate|certificates} you {would|want|wish|prefer}",
            "how {the|any}{| additional| extra| remaining} {fare difference|difference|charges|cost|amount|balance|payment|total} should be {paid|covered|charged|split}",
        ),
        heads=(
            "{|specific |of your |of these |of the }{payment|payment method|payment methods|method|methods|card|cards|gift card|gift cards|credit card"
            "|certificate|certificates|credit cards}",
        ),
        questions=(
            "how {would|do|will|should} you{| like| want| wish| prefer| plan}{| me| us}{| to} {pay|cover|split"
            "|divide|allocate|charge}",
            "how you {would|will|want|wish|prefer|plan}{| like| prefer}{| me| us}{| to} {pay|cover|split|divide"
            "|allocate|charge}",
            "{what|which}{| one| ones} {would you like|do you want|would you prefer|do you wish|should i|shall i"
            "|you would like}{| me}{| to} {use|charge}",
            "what {would you like|do you want} to pay",
            "how {would you like|you would like|do you want|you want|would you prefer|you would prefer} {to|me to}"
            " {proceed with|go ahead with|handle|process|continue with|complete|make} {the|your|this} {payment|payments}",
            "how {would you like|you would like|do you want|you want} {the|your|any|this}"
            "{| remaining| fare| additional| extra} {rest|balance|difference|amount|cost|charge|charges|total|payment}",
            "how {would you like|you would like|do you want|you want} {the|your|any|this|it}{| to be}"
            " {paid|charged|covered|split}",
            "how {would you like|you would like|do you want|you want} me to handle {the|your|any|this}"
            "{| remaining| fare| additional} {rest|balance|difference|amount|cost|charge|charges|total|payment}",
            "where {would you like|should|do you want|shall} {the|your} refund",
            "how should {the|any|this|your}{| remaining| additional| extra| fare}{| rest| balance| difference| amount"
            "| cost| charge| charges| total| payment} be {paid|charged|covered|split|handled}",
            "{what|where|how} {to|should i|should we|shall i|can i|do i|do we} {charge|bill}",
            "how {should|shall} {i|we} {process|handle|take|split|apply} {the|this|your}{| remaining} {payment"
            "|charge|charges|balance}",
        ),
        options=(
            "{credit|gift|debit} {card|cards}",
            "{certificate|certificates|mastercard|visa}",
            "payment {method|methods}",
        ),
        choices=(
            "{payment|credit|gift|debit} {card|cards|method|methods|options}",
            "{certificate|certificates|mastercard|visa}",
        ),
        kinds=("payment_id", "last_four"),
    ),
    SlotWords(
        "bags",
        "bags",
        phrases=(
            "{number|amount} of{| total| extra| additional| free}{| checked} {bags|baggage|baggages"
            "|luggage|suitcases|pieces}{| for each passenger| for all passengers| for the passengers}",
            "{checked|baggage|luggage|bag|bags} {bags|baggage|details|information|preference|preferences"
            "|needs|requirements|count|counts|allowance}",
            "{baggage|baggages|luggage}",
            "{|checked |extra |additional |any }bags",
        ),
        questions=(
            "how many{| checked| additional| extra| total| pieces of} {bags|baggage|baggages|luggage"
            "|suitcases}",
            "how many{| of them} {would|will|do} you {be|like to|want to|plan to|wish to} {bring|check|add|bringing"
            "|checking|adding}",
        ),
        offers=("{|checked |extra |additional |more |free }{bag|bags|baggage|luggage|suitcase|suitcases}",),
    ),
    SlotWords(
        "insurance",
        "travel insurance",
        phrases=(
            "{|travel |trip |flight }insurance{| preference| option| coverage}",
            "{travel|trip} protection",
            "{|travel |trip |flight }insurance for {all|each|the|all the|both|any} {passenger|passengers}",
        ),
        offers=("{|travel |trip |flight }insurance", "{travel|trip} protection", "coverage"),
    ),
    SlotWords(
        "cancel_reason",
        "reason for cancelling",
        phrases=(
            "{reason|reasons}{| for| behind| of}{| the| your| this}{| cancellation| cancelling|"
            " canceling| canceling the}",
            "{cancellation|cancelation} {reason|reasons}",
        ),
        heads=("{reason|reasons}",),
        questions=(
            "why{| do| would| are| did}{| you}",
            "what{| is} behind {the|your|this|that} {cancellation|cancelation|decision|change}",
            "what {is making|making|makes|made|has made|led|prompted|prompting|is prompting|caused} {you|your|this|the}{| to}{| want| decide| wish"
            "| need| choose}{| to} {cancel|cancellation}",
        ),
        options=(
            "{health|weather|medical|personal}{| related} {reason|reasons}",
            "{change|changes} {of|in}{| your} {plan|plans}",
            "airline {cancellation|cancelled|canceled}",
            "{cancelled|canceled} by {the|our} airline",
        ),
    ),
    SlotWords(
        "other_reason",
        "reason",
        phrases=(
            "{reason|reasons} for {the |your |this |}{change|request|compensation|delay|complaint"
            "|changing|modification|modifying|upgrade|asking|requesting|claim|inquiry|dissatisfaction}",
            "{reason|reasons}{| why| that} you {would like|want|wish|need|have} to {change|modify|upgrade|switch"
            "|downgrade|replace|remove|move}",
            "{reason|reasons}{| why} you {would like|want|wish|need|have} to {change|modify|upgrade|switch"
            "|replace|remove|move} {the|your} {flight|flights|reservation|booking|cabin|date|name|passenger}",
            "{reason|reasons}{| why| that} you{| are} {ask|asking|request|requesting|seek|seeking|feel|believe|think}",
            "reason {the|your} flight",
        ),
        questions=(
            "why {you would like|you want|you need|you wish|do you want|do you need|would you like} to"
            " {change|update|modify|replace|remove|upgrade|correct}",
            "why {the|your|this|that|a}{| passenger| first| last} {name|names|spelling|passenger|flight|date}",
            "why {|do |are |would }you{| are} {feel|believe|think|ask|asking|request|requesting|seek|seeking}",
            "what {|happened that }{makes|made|is making} you {feel|think|believe|ask|request}",
        ),
    ),
    SlotWords(
        "name",
        "name",
        phrases=(
            "{|new |each }{passenger|passengers|traveler|travelers} {full |first |last |}{name|names}",
            "{|correct |exact }spelling",
            "{|full |first |last |legal |your |middle |first and last |passenger full |passenger first "
            "|passenger last }{name|names|surname}",
        ),
    ),
    SlotWords(
        "other",
        "details",
        phrases=(
            "{more|additional|further|any other|other|any additional|specific|any}{| specific|"
            " relevant}{| flight| trip| reservation| booking} {details|information|info}",
            "{changes|modifications|updates}",
            "nature of {the|your}",
            "{or|and} {time|times}",
            "{specific|desired|exact} {change|modification|update}",
            "{trip|travel|booking|itinerary} {details|information}",
            "{details|information} {of|for|about} {the|your}{| new| updated} {booking|trip|itinerary|change}",
            "preferences you",
            "membership {status|level|tier}",
            "{amount|amounts|balance|balances|value|details}{| available| remaining| left} {on|of|in|for} {the|each|any|your|all|all the}{| travel} {gift card|gift cards|certificate|certificates}{| you}",
            "{trip type|type of trip|one way or round trip|round trip or one way}",
            "{or|such as|like|including|e g}{| the| your| a} flight number",
            "{|short |brief |quick |detailed }{description|summary|explanation}",
            "{|preferred |desired }{departure|arrival|preferred|desired|flight} {time|times}",
            "time {preference|preferences|of day|window|range}",
            "{|maximum |approximate }budget",
            "{seat|meal|seating} {preference|preferences}",
            "type of {change|changes|request}",
            "{|total |exact |current |remaining |available }{amount|amounts|balance|balances|cost|costs|price}",
            "{phone number|email address|email|address|contact information|contact details|zip code}",
        ),
        heads=(
            "{time|times}{| of day| of the day}",
            "{part|parts|aspect|detail|details|kind|type|kinds|change|changes}{| of the| of your| of this}{| reservation| booking| trip}",
        ),
        options=("{one way|round trip|morning|afternoon|evening}",),
        questions=("where {should|shall} {we|i} {start|begin}",),
    ),
)

_AIRPORTS = (
    "SFO JFK LAX ORD DFW DEN SEA ATL MIA BOS PHX IAH LAS MCO EWR CLT MSP DTW PHL LGA "
    "DCA IAD BWI SAN TPA PDX SLC AUS BNA STL HNL FLL MDW HOU DAL RDU SJC OAK SMF MSY MCI CLE PIT IND CVG CMH"
)
_CITIES = (
    ("NYC", "new york{| city}"), ("SEA", "seattle"), ("CHI", "chicago"),
    ("DEN", "denver"), ("QHO", "houston"),
    ("EWR", "newark"), ("ATL", "atlanta"), ("PHL", "philadelphia"), ("LAX", "los angeles"), ("MIA", "miami"),
    ("BOS", "boston"), ("PHX", "phoenix"), ("LAS", "las vegas"), ("MCO", "orlando"), ("CLT", "charlotte"),
    ("MSP", "minneapolis"), ("DTT", "detroit"), ("SFO", "san francisco"), ("DFW", "dallas"),
)  # fmt: skip

# A first letter before the (?<!\w\w) that says that nothing precedes it is found sooner than a \b is.
LEXICON: Final = Lexicon(
    slots=_SLOTS,
    patterns=(
        ValuePattern("payment_id", r"\b((?:credit_card|gift_card|certificate)_\d{4,9})\b", hint="_"),
        ValuePattern("user_id", r"\b([a-z]{2,20}_[a-z]{2,20}_\d{3,5})\b", hint="_"),
        ValuePattern("flight_number", r"([A-Z](?<!\w\w)[A-Z]{1,2}\d{3,4})\b"),
        ValuePattern("last_four", r"\b(?:ending|ends|ended)(?: in| with|:)? ?#?(\d{4})\b", hint="end"),
        ValuePattern(
            "reservation_id",
            r"([A-Z0-9](?<!\w\w)(?:(?<=\d)(?=\d{0,4}[A-Z])|(?<=[A-Z])(?=[A-Z]{0,4}\d))[A-Z0-9]{5})\b",
        ),
        ValuePattern(
            "reservation_id",
            r"(?:R(?<!\w\w)eservation|r(?<!\w\w)eservation|B(?<!\w\w)ooking|b(?<!\w\w)ooking|I(?<!\w\w)D)"
            r"(?: ID)?(?: is)?:? {1,5}[\"']?([A-Z]{6})\b",
        ),
    ),
    words=(
        WordSet("cabin", (
            ("basic_economy", ("basic economy{| class}",)),
            ("economy", ("{|main |regular |standard }{economy|coach}{| class}",)),
            ("business", ("business{| class| cabin}",)),
        )),
        WordSet("status", (
            ("cancelled", ("{cancelled|canceled}",)),
            ("delayed", ("delayed",)),
            ("available", ("available",)),
            ("landed", ("landed",)),
            ("on time", ("on time",)),
            ("flying", ("{currently flying|in flight|in the air}",)),
        )),
        WordSet("trip", (
            ("round_trip", ("round trip",)),
            ("one_way", ("one way",)),
        )),
        WordSet("membership", (
            ("gold", ("gold{| member| membership| status}",)),
            ("silver", ("silver{| member| membership| status}",)),
            ("regular", ("regular {member|membership|status}",)),
        )),
        WordSet("insurance", (
            ("no", (
                "{|travel |trip }insurance : {no|none|not included|not purchased|declined}",
                "{no|without|without any|not include|not including|decline|declined|not have|not add|not"
                " purchase}{| travel| trip} insurance",
                "insurance {was|is} not {included|purchased|selected}",
            )),
            ("yes", (
                "{|travel |trip }insurance : {yes|included|purchased|added}",
                "{with|including|includes|include|add|added|adding|have|has|purchase|purchased}{| the}{|"
                " travel| trip} insurance",
                "insurance {was|is} {included|purchased|selected}",
            )),
        )),
        WordSet("airport", tuple((code, (code,)) for code in _AIRPORTS.split()), cased=True),
        WordSet("city", tuple((code, (phrase,)) for code, phrase in _CITIES)),
    ),
    counted=(
        ("bags", (
            "{bag|bags|baggages|suitcase|suitcases}",
            "{piece|pieces} of {baggage|luggage}",
            "total baggage",
        )),
        ("passengers", ("{passenger|passengers|people|travelers|travellers|adults}",)),
        ("seats", ("{seat|seats}",)),
        ("stops", ("{stop|stops|layover|layovers}",)),
        ("flights", ("{flight|flights}",)),
        ("reservations", ("{reservation|reservations|booking|bookings}",)),
    ),
    done=(
        "cancelled", "canceled", "booked", "updated", "changed", "upgraded", "downgraded", "modified",
        "refunded", "issued", "rebooked", "reserved", "charged",
    ),
)  # fmt: skip
