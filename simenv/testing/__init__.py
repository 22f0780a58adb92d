"""Laws for anyone's own domain, and Hypothesis strategies to write more of them.

    from simenv.testing import check_domain

    def test_my_domain_keeps_the_laws() -> None:
        check_domain("my_domain")

A law takes a ``Sample`` and yields every ``Broken`` that it finds; a law that yields nothing holds. Each can
be tried alone: ``list(rules_stand_in_the_text(Sample.draw("my_domain")))``.
"""

from collections.abc import Callable, Iterator

from simenv.testing.sample import Broken, LawError, Sample
from simenv.testing.strategies import HOSTILE, actions, arguments, hostile, words_of
from simenv.testing.tasks import (
    a_state_plays_back,
    a_task_survives_json,
    every_required_act_is_needed,
    honest_agents_earn_all,
    idle_earns_nothing,
    one_more_write_spoils_the_gold,
    replay_is_equal,
    rest_changes_nothing,
    tasks_differ,
    the_customer_says_what_is_needed,
    the_gold_is_hidden,
    the_policy_tag_is_true,
)
from simenv.testing.worlds import (
    another_process_agrees,
    every_intent_gives_tasks,
    every_tool_has_a_manual,
    hostile_actions_are_answered,
    queries_are_ordered,
    reads_change_nothing,
    refused_calls_leave_no_trace,
    rows_are_strict,
    rules_stand_in_the_text,
    the_address_fixes_the_world,
)

Law = Callable[[Sample], Iterator[Broken]]

LAWS: tuple[Law, ...] = (
    every_tool_has_a_manual,
    rows_are_strict,
    rules_stand_in_the_text,
    the_address_fixes_the_world,
    every_intent_gives_tasks,
    tasks_differ,
    a_task_survives_json,
    honest_agents_earn_all,
    idle_earns_nothing,
    every_required_act_is_needed,
    one_more_write_spoils_the_gold,
    the_policy_tag_is_true,
    the_customer_says_what_is_needed,
    the_gold_is_hidden,
    replay_is_equal,
    rest_changes_nothing,
    a_state_plays_back,
    queries_are_ordered,
    reads_change_nothing,
    refused_calls_leave_no_trace,
    hostile_actions_are_answered,
    another_process_agrees,
)
"""Every law, the cheap ones that explain others first."""


def check_domain(name: str, *, worlds: int = 3, tasks_per_intent: int = 3) -> None:
    """Hold a registered domain against every law.

    Args:
        name: Its name in the catalog.
        worlds: How many worlds are built.
        tasks_per_intent: How many tasks of each intent are played, over all worlds.

    Raises:
        LawError: On the first law that is broken; it names the law, the witness and the address.
    """
    sample = Sample.draw(name, worlds=worlds, tasks_per_intent=tasks_per_intent)
    for law in LAWS:
        for broken in law(sample):
            raise LawError(law.__name__, broken)


__all__ = [
    "HOSTILE",
    "LAWS",
    "Broken",
    "Law",
    "LawError",
    "Sample",
    "a_state_plays_back",
    "a_task_survives_json",
    "actions",
    "another_process_agrees",
    "arguments",
    "check_domain",
    "every_intent_gives_tasks",
    "every_required_act_is_needed",
    "every_tool_has_a_manual",
    "honest_agents_earn_all",
    "hostile",
    "hostile_actions_are_answered",
    "idle_earns_nothing",
    "one_more_write_spoils_the_gold",
    "queries_are_ordered",
    "reads_change_nothing",
    "refused_calls_leave_no_trace",
    "replay_is_equal",
    "rest_changes_nothing",
    "rows_are_strict",
    "rules_stand_in_the_text",
    "tasks_differ",
    "the_address_fixes_the_world",
    "the_customer_says_what_is_needed",
    "the_gold_is_hidden",
    "the_policy_tag_is_true",
    "words_of",
]
