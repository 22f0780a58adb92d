"""World images and the few connections on which episodes take turns.

An episode owns its state as data. To act it borrows a seat: a connection to its world's image.
The last borrower stays warm; anyone else's state is played onto the connection first.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, TypeVar

from simenv.core import catalog
from simenv.core.canonical import parse_trusted
from simenv.core.image import WorldImage
from simenv.core.world import State, World, check_setup, set_up

T = TypeVar("T")
IMAGES = 64
SEATS = 2
READS = 1024

_images: OrderedDict[tuple[object, ...], WorldImage] = OrderedDict()
_lock = threading.Lock()


def image(domain: str, address: tuple[str | int, ...], size: str) -> WorldImage:
    """Return the world at ``address``, built once and kept while it is among the last 64 used."""
    key = (domain, size, *address)
    with _lock:
        found = _images.get(key)
        if found is not None:
            _images.move_to_end(key)
            return found
    built: WorldImage = catalog.generator(domain).build(address, size)
    with _lock:
        _images[key] = built
        while len(_images) > IMAGES:
            _images.popitem(last=False)
    return built


def borrow(frozen: WorldImage, state: State) -> World:
    """Return a connection that plays ``state``, for the time of one act.

    Connections belong to the thread that opened them, as SQLite wants it.
    """
    seats = frozen.seats.get(threading.get_ident())
    if seats is None:
        _leave_dead_threads(frozen)
        seats = frozen.seats.setdefault(threading.get_ident(), [])
    for at, world in enumerate(seats):
        # An episode that was played on by another thread meanwhile has left its old connection behind.
        if world.state is state and world.holds(state):
            if at:
                seats.insert(0, seats.pop(at))
            return world
    world = seats.pop() if len(seats) >= SEATS else frozen.open()
    world.play(state)
    seats.insert(0, world)
    return world


def keep(frozen: WorldImage, place: tuple[Any, ...], make: Callable[[], T]) -> T:
    """Return what is kept with a world at a place; ``make`` works it out where nothing is.

    It goes when the world does: a cache of its own would hold on to worlds, which are large.
    """
    # One look: between two, another thread may have emptied a full store.
    found: T | None = frozen.kept.get(place)
    if found is None:
        found = make()
        if len(frozen.kept) >= READS:
            frozen.kept.clear()
        frozen.kept[place] = found
    return found


def base(frozen: WorldImage, setup: str = "") -> State:
    """Return the state in which episodes with this setup start; they play copies of it.

    Args:
        frozen: The world.
        setup: The setup as JSON, or "" where the world is as its image.

    Raises:
        UsageError: If the setup is malformed, or takes a row for the image's that is not.
    """
    return keep(frozen, ("base", setup), lambda: _base(frozen, setup))


def _base(frozen: WorldImage, setup: str) -> State:
    if not setup:
        return State()
    changes = parse_trusted(setup)
    check_setup(borrow(frozen, State()), changes)
    return set_up({table.name: table for table in frozen.tables}, changes)


def _leave_dead_threads(frozen: WorldImage) -> None:
    """Close the connections of threads that have ended."""
    alive = {thread.ident for thread in threading.enumerate()}
    for gone in [ident for ident in list(frozen.seats) if ident not in alive]:
        frozen.seats.pop(gone, None)


def leave() -> None:
    """Close the connections of the calling thread; its next episode opens new ones.

    A connection costs a megabyte or more, and threads that play many worlds would each keep all of them.
    """
    here = threading.get_ident()
    with _lock:
        held = list(_images.values())
    for frozen in held:
        frozen.seats.pop(here, None)


def _forget_seats() -> None:
    """A forked process must not touch its parent's connections or lock; it makes its own."""
    global _lock
    _lock = threading.Lock()
    for frozen in _images.values():
        frozen.seats.clear()


os.register_at_fork(after_in_child=_forget_seats)


def remember(reads: dict[tuple[str, str], str], place: tuple[str, str], text: str) -> None:
    """Keep what a read gave on an untouched world; a full store starts anew."""
    if len(reads) >= READS:
        reads.clear()
    reads[place] = text


def forget() -> None:
    """Drop every image and connection of this process; for tests and for memory."""
    with _lock:
        _images.clear()
