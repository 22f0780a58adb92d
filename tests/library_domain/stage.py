"""A library as plans see it: its members, and their loans as the tools show them."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from simenv.core.canonical import canonical, parse_trusted_exact
from simenv.core.image import WorldImage
from simenv.core.rules import read_values
from simenv.core.vocabulary import Element
from simenv.core.world import State, set_up
from tests.library_domain import DOMAIN


class LibraryStage:
    """One library, opened; see ``core.vocabulary.Stage``."""

    def __init__(self, image: WorldImage) -> None:
        self.image, self.world = image, image.open()
        self.values = read_values(self.world)
        members = self.world.rows("SELECT member_id FROM members ORDER BY member_id")
        self.customers = [str(member) for (member,) in members]
        self.titles = [str(title) for (title,) in self.world.rows("SELECT title FROM books ORDER BY book_id")]
        self.reads: dict[str, Any] = {}

    def read(self, tool: str, **arguments: Any) -> Any:
        """Return what a read gives in the untouched library, as a program sees it."""
        key = canonical([tool, arguments])
        if key not in self.reads:
            self.world.play(State())
            self.reads[key] = self._call(tool, arguments)
        return self.reads[key]

    def _call(self, tool: str, arguments: dict[str, Any]) -> Any:
        return parse_trusted_exact(canonical(DOMAIN.toolbox[tool].call(self.world, arguments)))

    def user(self, customer: str) -> Mapping[str, Any]:
        """Return the member's record."""
        found: Mapping[str, Any] = self.read("get_member", member_id=customer)
        return found

    def elements(self, customer: str) -> Sequence[Element]:
        """Return the member's loans."""
        found: Sequence[Element] = self.user(customer)["loans"]
        return found

    def elements_with(self, customer: str, setup: Sequence[Any]) -> Sequence[Element]:
        """Return the same in a library with some rows changed."""
        self.world.play(set_up(DOMAIN.table, setup))
        try:
            found: Sequence[Element] = self._call("get_member", {"member_id": customer})["loans"]
            return found
        finally:
            self.world.play(State())

    def context(self, customer: str) -> None:
        """Return nothing: everybody's titles, days and numbers are written alike."""
        del customer


@lru_cache(maxsize=4)
def stage(image: WorldImage) -> LibraryStage:
    """Return a library, opened."""
    return LibraryStage(image)
