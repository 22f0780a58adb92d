"""Words that mean the same wherever they stand: fillers inside the phrases of the other tables."""

from simenv.core.grammar import Rule

_LISTS = """
VOID: cancel, call off, scrap, drop, void, annul, scratch, undo, withdraw, give up, terminate, revoke, ditch,
    abandon, nullify, do away with, get rid of, pull the plug on
VOIDED: cancelled, called off, voided, annulled, scrapped, withdrawn, dropped, struck off, terminated, undone,
    revoked, taken off my account, removed from my bookings
WHOLLY: for me, altogether, completely, entirely, outright, in full, for good, on my behalf, without replacement,
    once and for all, in its entirety
PROCESS: process, put through, take care of, see to, arrange, handle, carry out, initiate, start, complete,
    request, make, execute, organise
OFF: from my account, off the books, from my bookings, from your system, from my travel plans, off my list,
    from my profile, off my schedule
SET: set, fix, update, change, bring, raise, increase, adjust, take, lift, amend, correct
BAGGAGE: number of checked bags, checked baggage, checked luggage, bag count, luggage count,
    number of checked suitcases, baggage entry, luggage total, tally of checked bags
NOTE: note, register, record, enter, book, arrange, organise, reserve, sort out, put down, order, sign up
EXTRA: more, additional, extra, further, a few more, some more, some extra, a few additional
CASES: checked bags, checked suitcases, bags to check in, suitcases to check in, pieces of checked luggage,
    pieces of checked baggage, hold bags
ALTER: change, switch, alter, swap, modify, adjust, revise, amend, update, reset, edit
ALTERED: changed, switched, altered, modified, adjusted, revised, amended, updated, reset
SHIFT: move, shift, transfer, switch, change, reassign, bring over, convert
MOVED: moved, shifted, transferred, switched, changed, reassigned
REDO: rebook, reissue, redo, rewrite, remake, re-ticket
CLASS: cabin, class, cabin class, travel class, class of travel, seating class, service class
OTHER: another, a different, some other, an alternative, a new
SEAT: seat, put, place, accommodate, book, settle
GIVE: give, get, allow, grant, allot, assign
FIX: correct, fix, change, amend, update, repair, rectify, sort out, adjust, edit, revise, straighten out, remedy,
    clean up, attend to, deal with, take care of
FIXED: corrected, fixed, changed, amended, updated, repaired, rectified, sorted out, adjusted, put right, revised
NAMING: a passenger's name, a traveller's name, one passenger's name, the spelling of a name, a misspelled name,
    the name of one passenger, a typo in a name, a spelling mistake in a name, one of the passenger names,
    a wrongly spelled name, an error in a passenger's name, one name among the passengers, a name with a typo,
    somebody's misspelled name, a misprint in a passenger's name, the way a passenger's name is spelled,
    a slip in the spelling of a name, one traveller's misspelled name
WITHIN: on, in, for, under, within
RESCHEDULE: move, shift, change, reschedule, transfer, switch, rebook, reassign
THEDAY: date, departure date, travel date, day, departure day, day of travel, date of travel, flight date
COMPENSATION: compensation, some compensation, the due compensation, a compensation payment, fair compensation,
    proper compensation, the compensation that's due, suitable compensation, reasonable compensation
GRANT: give, pay, send, grant, get, issue, offer, award, secure, provide
PARTOF: part of, which is part of, which belongs to, belonging to, a leg of, included in, one leg of, within,
    on, one of the flights of, which I took as part of, under
CLAIMFOR: arrange, process, see to, organise, handle, sort out, put through, take care of, initiate, work out
GETME: book, get, find, reserve, arrange for, secure, organise for, pick out for, sort out for, hold for
NONSTOP: direct, nonstop, non-stop
ONESTOP: one-stop, single-stop, one-change
SEATON: a seat, a place, a ticket, passage, a spot, a reservation, space, room
FLYME: fly, take, bring, carry, send, get, transport
MAKE: make, create, open, start, set up, prepare, put together, draw up, enter, place, add
TELLME: can you tell me, could you tell me, do you know, can you see, could you work out, would you tell me,
    can you check, could you look up, do you happen to know, are you able to tell me, might you know
HOWMUCH: how much, how much money, what, what sum, what amount
GOTBACK: get back, receive back, recover, be refunded, be paid back, be reimbursed, have refunded, see again
CANCELLED: cancelled, called off, gave up, were to cancel, were to call off, dropped, decided to cancel,
    went ahead and cancelled, chose to cancel
REFUND: refund, reimbursement, refund amount, amount refunded, repayment
PAY: pay, spend, hand over, lay out, part with, shell out, fork out
PRICE: price, cost, amount, sum, charge, fare, bill, outlay
CAMETO: come to, amount to, add up to, work out at, run to, total up to
LOOKINGAT: looking at, concerning, regarding, about, as for, when it comes to, as far as, turning to
STATUSOF: status, current status, latest status, present status, flight status, state
HOLDING: balance, credit, value, worth, amount left, money left
SUMUP: add up to, come to, sum to, amount to, total, make, make up, reach
TRIP: trip, booking, reservation, journey, itinerary, travel booking
IHAVE: I have, of mine, on my account, in my name, I booked, on my profile, I hold, under my name, that's mine
"""


def synonyms() -> list[Rule]:
    """Return a rule for every list."""
    found = []
    for line in _LISTS.replace("\n    ", " ").strip().splitlines():
        name, words = line.split(": ")
        found.append(Rule(name, None, tuple(word.strip() for word in words.split(","))))
    return found
