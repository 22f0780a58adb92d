"""What customers of an airline say, as rules that also read it back."""

from simenv.core.grammar import Rule
from simenv_generators.airline.wordings_asks import questions, tests
from simenv_generators.airline.wordings_clauses import clauses
from simenv_generators.airline.wordings_deeds import deeds
from simenv_generators.airline.wordings_facts import facts
from simenv_generators.airline.wordings_refs import references
from simenv_generators.airline.wordings_synonyms import synonyms


def rules() -> list[Rule]:
    """Return every rule of the airline's words."""
    return [*synonyms(), *references(), *clauses(), *deeds(), *questions(), *facts(), *tests()]
