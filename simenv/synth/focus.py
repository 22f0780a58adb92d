"""What to practise next: tasks drawn by weakness times learnability, from runs that went before.

For ability k a run gives its weakness ``w_k = (failures attributed to k + 1) / (episodes that need k + 2)``
and its learnability ``p_k(1 - p_k)``, unbiased where tasks were tried more than once. An operator is tried in
proportion to the greatest ``w_k p_k(1 - p_k)`` of the abilities that it calls for; one fifth of the tasks
is drawn as ever, so that nothing is unlearned unseen. Three more rules:

- *pairs*: two abilities together mostly fare worse than the weaker alone, so some tasks are drawn by the
  operators of the two weakest that fit together, from the upper half of the depths and breadths;
- *edits*: a task that was solved is grown by one more operator, proved again, and kept if the predicted
  learnability ``p(1 - p)`` rises, where ``p`` is the product of ``1 - w_k`` over the abilities that it needs;
- *integers*: all weights are integers that the order and every certificate carry, so that a set is made and
  verified without the runs.

Source:
    CrossEval (arXiv 2409.19951) for pairs; Parker-Holder et al. (2022), "Evolving Curricula with Regret-Based
    Environment Design" (ACCEL), for edits; sampling for learnability as in Kinetix (arXiv 2410.23208).
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, product

from simenv.core.draws import Draws
from simenv.core.growth import Grown, Operator
from simenv.core.pack import Pack
from simenv.synth.aim import Address, Aim, Edit, Weights
from simenv.synth.attribute import Profile
from simenv.synth.certificate import Certificate
from simenv.synth.grow import Grower, allowed
from simenv.synth.order import EDITED, Base, Focus, Order

NEUTRAL, _MOST, _TOGETHER = 4, 24, 40
_EDITS = 12
"""Draws of one more operator on a solved task."""
_SOLVED = (4, 5)
"""A task counts as solved from this share of its trials on."""


def focus_of(
    profile: Profile,
    runs: Sequence[tuple[str, str]],
    known: Mapping[str, Operator],
    split: str = "train",
) -> tuple[Focus, Weights]:
    """Return what runs say about the tasks to be made next, and the weights of the operators.

    Args:
        profile: The skills that the runs show.
        runs: (file name, digest) of each.
        known: Every operator, by name.
        split: The split that the tasks are for.
    """
    weakness = tuple(
        (skill.rung, 1000 * (skill.failures + 1) // (skill.exposures + 2)) for skill in profile.skills
    )
    pair = _weakest(profile, known, split)
    focus = Focus(
        runs=tuple(runs),
        weakness=weakness,
        pair=pair,
        paired=_together(pair, known),
    )
    return focus, weights_of(profile, known)


def weights_of(profile: Profile, known: Mapping[str, Operator]) -> Weights:
    """Return how often each operator is tried, of those that are tried more or less often than others.

    The operator of the most rewarding ability has 24, one of mastered or hopeless abilities 1, and one
    of abilities that were never needed stays at 4.
    """
    shares = {skill.rung: skill.weight if skill.learnability else 0.0 for skill in profile.skills}
    most = max(shares.values(), default=0.0)
    if not most:
        return ()
    found = []
    for name, operator in known.items():
        met = [shares[rung] for rung in operator.rungs if rung in shares]
        weight = max(1, int(_MOST * max(met) / most + 0.5)) if met else NEUTRAL
        if weight != NEUTRAL:
            found.append((name, weight))
    return tuple(found)


def _weakest(profile: Profile, known: Mapping[str, Operator], split: str) -> tuple[str, ...]:
    """Return the rungs of the two weakest abilities that tasks can call for together.

    Failures are attributed to both, and they have operators of different axes, which fit into one plan, and
    which the split allows together.
    """
    failed = [skill for skill in profile.skills if skill.failures]
    pairs = sorted(combinations(failed, 2), key=lambda two: -(two[0].weakness + two[1].weakness))
    for one, other in pairs:
        for a, b in product(_calling(one.rung, known), _calling(other.rung, known)):
            if a.axis != b.axis and allowed((a.name, b.name), split):
                return one.rung, other.rung
    return ()


def _calling(rung: str, known: Mapping[str, Operator]) -> list[Operator]:
    """Return the operators that call for an ability."""
    return [operator for operator in known.values() if rung in operator.rungs]


def _together(pair: Sequence[str], known: Mapping[str, Operator]) -> Weights:
    """Return weights under which tasks grow by operators of both abilities."""
    return tuple(
        (name, _TOGETHER if set(operator.rungs) & set(pair) else 1)
        for name, operator in known.items()
        if pair
    )


def bases_of(pack: Pack, passes: Mapping[str, Sequence[bool]], order: Order) -> list[Base]:
    """Return the solved tasks of a pack to grow on: certified, of the order's split and size, no twins."""
    if pack.header.get("split") != order.split or pack.domain != order.domain:
        return []
    found = []
    for index, line in enumerate(pack.lines):
        trials = passes.get(str(line["id"]), ())
        if not trials or sum(trials) * _SOLVED[1] < len(trials) * _SOLVED[0]:
            continue
        if line.get("size") != order.size or "certificate" not in line or line["certificate"].get("twin"):
            continue
        # The header is line 1 of the file and the first task line 2.
        proved = Certificate.from_json(line["certificate"], pack.place, index + 2)
        found.append(Base(tuple(line["world"]), proved.address, Aim.from_json(proved.aim), proved.ladder))
    return found


def chosen_bases(bases: Sequence[Base], focus: Focus, count: int) -> tuple[Base, ...]:
    """Return the solved tasks to be grown on, the easiest by prediction, by world.

    Not every one has a neighbour that can be proved, so twice as many as edits are wanted.
    """
    most = 2 * (count * EDITED // 100)
    easiest = sorted(bases, key=lambda base: (-focus.success(base.ladder), _text(base.address)))[:most]
    return tuple(sorted(easiest, key=lambda base: (_text(base.world), _text(base.address))))


def _text(address: Address) -> tuple[str, ...]:
    return tuple(map(str, address))


def edits(grower: Grower, order: Order, base: Base) -> Iterator[tuple[Grown, Aim, Address]]:
    """Yield (plan, aim, address) of what a solved task becomes by one more operator, in a drawn order."""
    begun = grower.grow(Draws(*base.address), base.aim)
    if begun is None:
        return
    more, names = dict(order.weights), order.operators
    pool = [each for each in grower.known.values() if not names or each.name in names]
    weights = [each.weight * more.get(each.name, NEUTRAL) for each in pool]
    for number in range(_EDITS):
        address = (*base.address, "edit", order.seed, number)
        draws = Draws(*address)
        operator = draws.at("operator").weighted(pool, weights)
        grown = grower.edit(begun, operator, draws, order.split)
        if grown is None:
            continue
        depth, breadth = grower.reach(grown.plan)
        edit = Edit(base.address, base.aim, operator.name)
        yield grown, Aim(depth, breadth, order.split, way="edited", edit=edit), address
