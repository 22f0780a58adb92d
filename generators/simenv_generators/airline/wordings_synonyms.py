"""Words that mean the same wherever they stand: fillers inside the phrases of the other tables."""

from collections.abc import Iterable

from simenv.core.grammar import Rule

_LISTS = """
ADDING: adding up, taking together, counting up, summing up, putting together, pooling, tallying,
    tallying up, taking the sum of
ALLCARDS: all my gift cards, all of my gift cards, all the gift cards I have, all the gift cards on my
    profile, all the gift cards in my account, all gift cards in my name, all the gift cards I own, all
    those gift cards of mine, all gift cards that are mine
ALLVOUCHERS: all my travel certificates, all of my travel certificates, all the travel certificates I
    have, all the travel certificates on my profile, all the travel certificates in my account, all
    travel certificates in my name, all the travel certificates I own, all those travel certificates of
    mine
ALTER: change, switch, alter, modify, adjust, revise, amend, update, edit, correct
ALTERED: changed, switched, altered, modified, adjusted, revised, amended, updated, reset
BAGGAGE: number of checked bags, checked baggage, checked luggage, bag count, luggage count, number of
    checked suitcases, baggage entry, luggage total, tally of checked bags, number of bags to check in,
    number of hold bags, overall number of checked bags, count of checked bags
BALANCE: balance, credit, value, combined balance, overall balance, combined value, overall credit,
    available balance, remaining balance, remaining credit, remaining value, current balance
BOUND: bound for, headed for, heading for, headed to, going to, heading to, heading over to, going out
    to, on the way to, taking me to, bringing me to, getting me to
CAMETO: come to, amount to, add up to, work out at, run to, set me back, cost, cost me
CANCELLED: cancelled, called off, gave up, were to cancel, were to call off, dropped, decided to cancel,
    went ahead and cancelled, chose to cancel, backed out of, pulled out of, decided against, let go of
CASES: checked bags, checked suitcases, bags to check in, suitcases to check in, pieces of checked
    luggage, pieces of checked baggage, hold bags
CHARGED: charged, billed, debited, invoiced, asked to pay, made to pay
CLAIMFOR: arrange, process, see to, organise, handle, sort out, put through, take care of, initiate
CLASS: cabin, class, cabin class, travel class, class of travel, seating class, service class
CODE: number, code, reference, confirmation number, confirmation code, record number, reference number
COMPENSATION: compensation, some compensation, the due compensation, a compensation payment, fair
    compensation, proper compensation, the compensation that's due, suitable compensation, reasonable
    compensation, compensation in full, my compensation, the usual compensation, adequate compensation,
    rightful compensation, appropriate compensation, the compensation I'm due
DEPARTING: departing, leaving, starting, setting off, flying out, taking off, heading out
DROPPING: cancelling, calling off, dropping, giving up, scrapping, withdrawing from, annulling
EXTRA: more, additional, extra, further, some more, some extra, some further, some additional, yet more
FILED: under, numbered, filed under, listed under, saved as, recorded as, stored under, with number,
    with code, with reference
FINDME: look me up, find me, pull me up, search for me, identify me, bring me up
FIX: correct, fix, change, amend, update, repair, rectify, sort out, adjust, edit, revise, straighten
    out, remedy, clean up, attend to, deal with, take care of
FIXED: corrected, fixed, changed, amended, updated, repaired, rectified, sorted out, adjusted, put
    right, revised
FLYME: fly, take, get
FORTHIS: for reference, for your records, in case you need it, to identify me, so you can find me,
    before you ask, just so you know, to save you asking, for the record, by the way, to look me up
GETME: book, get, find, reserve, arrange for, secure, organise for, pick out for, sort out for, hold for
GIVE: give, get, allow, grant, allot, assign, hand, reserve
GOTBACK: get back, receive back, recover, be refunded, be paid back, be reimbursed, have refunded, have
    returned to me, get refunded, see returned, have reimbursed, get returned
GRANT: give, pay, send, grant, get, issue, offer, award, secure, provide
HOWMUCH: how much, how much money, what, what sum, what amount
IHAVE: I have, I've got, you have for me, I arranged, of mine, on my account, in my name, on my profile,
    I hold, under my name, I see on my account, I paid for, I set up, made in my name, shown on my account
IHAVELEFT: do I have, is there, is left, remains, is still available, do I still have, am I left with,
    do I own, do I have available, have I still got, have I got, is at my disposal
LISTED: registered, listed, signed in, known, filed, enrolled, on file, set up
LOOKINGAT: looking at, concerning, regarding, as for, when it comes to, with regard to, thinking of,
    going back to, talking of, in the case of, in respect of, considering, as regards
MAKE: make, create, open, start, set up, prepare, put together, draw up, enter, place, add
MOVED: moved, shifted, transferred, switched, changed, reassigned
NAMING: a passenger's name, a traveller's name, one passenger's name, the spelling of a name, a
    misspelled name, the name of one passenger, a typo in a name, a spelling mistake in a name, one of
    the passenger names, a wrongly spelled name, an error in a passenger's name, one name among the
    passengers, a name with a typo, somebody's misspelled name, a misprint in a passenger's name, the
    way a passenger's name is spelled, a slip in the spelling of a name, one traveller's misspelled
    name, a mistyped name, the typo in one traveller's name, the wrong spelling of a name, a passenger
    name that's misspelled, an incorrect passenger name, someone's wrongly written name, a letter in a
    passenger's name, the name of a traveller, the spelling of one traveller's name
NONSTOP: direct, nonstop, non-stop
NOTE: note, register, record, enter, book, arrange, organise, reserve, sort out, put down, order, set
    down, write down, mark down, add
OFF: from my account, off the books, from my bookings, from your system, from my travel plans, off my
    list, from my profile, off my schedule
ONESTOP: one-stop, single-stop, one-change
OTHER: another, a different, some other, an alternative, a new
PAID: paid, spent, handed over, laid out, was charged, had to pay, ended up paying, was billed, parted
    with, shelled out
PARTOF: part of, which is part of, which belongs to, belonging to, a leg of, included in, one leg of,
    within, one of the flights of, one part of, which falls under, contained in,
    that belongs to, listed under
PAY: pay, spend, hand over, lay out, part with, shell out, fork out
PRICE: price, cost, amount, sum, charge, fare, bill, outlay
PROCESS: process, put through, take care of, see to, arrange, handle, carry out, initiate, start,
    complete, execute, organise
REDO: rebook, reissue, redo, rewrite, remake, re-ticket
REFUND: refund, reimbursement, refund amount, repayment, refund sum
RESCHEDULE: move, shift, change, reschedule, transfer, switch, rebook, reassign
SEAT: seat, put, place, accommodate, book, settle
SEATON: a seat, a place, a ticket, passage, a spot, a reservation, space, room, an available seat, one
    seat, one ticket
SET: set, fix, update, change, bring, raise, increase, adjust, put up, amend, correct
SHIFT: move, shift, transfer, switch, change, reassign, bring over, convert
STATUSOF: status, current status, latest status, present status, flight status, up-to-date status,
    actual status, live status
SUMUP: add up to, come to, sum to, amount to, total, make up, reach
SUPPOSE: suppose, supposing, say, assuming, imagine, let's say, let's assume, let's suppose, just
    suppose
TELLME: can you tell me, could you tell me, do you know, can you see, could you work out, would you tell
    me, can you check, could you look up, do you happen to know, are you able to tell me, might you
    know, will you tell me, can you work out, please tell me, would you look up, could you check, can
    you find out
THEDAY: date, departure date, travel date, day, departure day, day of travel, date of travel, flight
    date
TOGETHER: altogether, all told, all in all, taken together, all together, put together, added up,
    combined
TRIP: trip, booking, reservation, journey, itinerary
USERID: user ID, customer ID, account ID, login, username, profile name, account name, ID, sign-in name
VOID: cancel, call off, scrap, drop, void, annul, scratch, undo, withdraw, give up, terminate, revoke,
    ditch, abandon, nullify, do away with, get rid of, pull the plug on
VOIDED: cancelled, called off, voided, annulled, scrapped, withdrawn, dropped, struck off, terminated,
    undone, revoked, taken off my account, removed from my bookings
WHOLLY: for me, altogether, completely, entirely, outright, in full, for good, on my behalf, once and
    for all
WITHIN: on, in, for, under, within
"""


def _words() -> dict[str, tuple[str, ...]]:
    lines = (line.split(": ") for line in _LISTS.replace("\n    ", " ").strip().splitlines())
    return {name: tuple(words.split(", ")) for name, words in lines}


_WORDS = _words()


def spelled_out(templates: Iterable[str], *names: str) -> tuple[str, ...]:
    """Return templates with the words of some lists as alternatives in place of their fillers."""
    found = list(templates)
    for name in names:
        found = [text.replace(f"{{{name}}}", f"[{'|'.join(_WORDS[name])}]") for text in found]
    return tuple(found)


def synonyms() -> list[Rule]:
    """Return a rule for every list."""
    return [Rule(name, None, words) for name, words in _WORDS.items()]
