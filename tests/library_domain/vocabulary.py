"""What plans of a library are made of: the fields of a loan, the verbs, the simple kinds of tasks."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from simenv.core.draws import Draws
from simenv.core.plan import Manner, Plan
from simenv.core.program import Act, Aggregate, Compute, Decline, If, Judge, Lookup, Node, Report
from simenv.core.task import Fact, Question
from simenv.core.vocabulary import Answer, Arg, Draft, Element, Field, Job, Stage, Verb, Vocabulary
from tests.library_domain import policy
from tests.library_domain.grammar import grammar
from tests.library_domain.stage import LibraryStage, stage

Args = Mapping[str, Any]

FIELDS = (
    Field("title", "title", "word", slot="title", points=True),
    Field("due", "due_date", "day", slot="due_date", points=True, ranks=True, asks=True),
    Field("renewals", "renewals", "count", points=True, ranks=True, asks=True),
    Field("fine", "cents:fine", "money", ranks=True, asks=True),
)


def _nothing(stage: LibraryStage, member: str, loan: Element | None, draws: Draws) -> Iterator[Args]:
    del stage, member, loan, draws
    yield {}


def _always(stage: LibraryStage, member: str, loan: Element | None, args: Args) -> Answer:
    del stage, member, loan, args
    return "yes"


def _renew_answer(stage: LibraryStage, member: str, loan: Element | None, args: Args) -> Answer:
    del member, args
    if loan is None:
        return ""
    return "yes" if policy.renew_limit({"renewals": loan["renewals"]}, stage.values) else "no"


def _renew_draft(job: Job) -> Draft:
    facts = {name: job.target(name) for name in ("due_date", "renewals")}
    loan = {"loan_id": job.target("loan_id")}
    no = loan | {"rule_id": "renew_limit", "facts": facts}
    may, do = job.id("may"), job.id("do")
    nodes: tuple[Node, ...] = (
        Judge(id=may, step=may, rule="renew_limit", facts=facts),
        If(
            id=job.id("if"),
            step=may,
            test=job.ref("may"),
            then=[Act(id=do, step=do, tool="renew_loan", args=loan, goal=job.goal)],
            orelse=[Decline(id=job.id("no"), step=do, rule="renew_limit", args=no, goal=job.goal)],
        ),
    )
    return Draft(
        nodes=nodes,
        words=("renew", "renewal", "extend", "loan"),
        tools=("renew_loan",),
        expects={name: [each[name] for each in job.targets[:1]] for name in ("loan_id", "title")},
        exact=("loan_id", "title"),
    )


def _reserve_propose(stage: LibraryStage, member: str, loan: Element | None, draws: Draws) -> Iterator[Args]:
    del member, loan
    yield from ({"title": title} for title in draws.sample(stage.titles, 4))


def _reserve_draft(job: Job) -> Draft:
    title = job.values["title"]
    held = {"member_id": {"$": "uid"}, "book_id": job.ref("book.book_id"), "days": job.ref("days")}
    do = job.id("do")
    nodes: tuple[Node, ...] = (
        Lookup(id=job.id("book"), tool="find_book", args={"title": job.args["title"]}),
        Judge(id=job.id("days"), step=job.id("days"), rule="hold_days", facts={"kind": {"$": "me.kind"}}),
        Act(id=do, step=do, tool="reserve_book", args=held, goal=job.goal),
    )
    return Draft(
        nodes=nodes,
        words=("reserve", "reserved", "hold", "book"),
        tools=("reserve_book",),
        expects={"title": [title]},
        exact=("title",),
        settle=lambda arguments: {"book_id": [arguments["book_id"]]},
    )


def _asked(job: Job, node: Node, subject: str) -> Draft:
    """Return the draft of a question whose answer is the amount that a node gives."""
    about = ["fine", "fines", "total", "owe"]
    tell = job.id("tell")
    report = Report(id=tell, step=tell, subject=subject, money=True, value={"$": node.id}, goal=job.goal)
    return Draft(nodes=(node, report), words=tuple(about[:3]), question=Question(kind="money", about=about))


def _fine_draft(job: Job) -> Draft:
    sought = Compute(id=job.id("sum"), step=job.id("sum"), fn="measure", args=[{"$": job.at}, "cents:fine"])
    return _asked(job, sought, "fine for this loan")


def _fine_total_draft(job: Job) -> Draft:
    at = job.id("sum")
    sought = Aggregate(id=at, step=at, fn="sum", of={"$": job.at}, by="cents:fine")
    return _asked(job, sought, "total of these fines")


VERBS = (
    Verb(
        "renew",
        _renew_draft,
        _nothing,  # type: ignore[arg-type]
        _renew_answer,  # type: ignore[arg-type]
        writes=("due", "renewals"),
        spreads=True,
    ),
    Verb(
        "reserve",
        _reserve_draft,
        _reserve_propose,  # type: ignore[arg-type]
        _always,  # type: ignore[arg-type]
        args=(Arg("title", "title", kind="title", core=True),),
        over="none",
        steps=(2, 2),
    ),
    Verb("fine", _fine_draft, _nothing, _always, question=True, steps=(2, 2)),  # type: ignore[arg-type]
    Verb("fine_total", _fine_total_draft, _nothing, _always, over="set", question=True, steps=(2, 2)),  # type: ignore[arg-type]
)
_BY_NAME = {verb.name: verb for verb in VERBS}
_ALL: dict[str, Any] = {"by": "all", "where": [], "besides": None}


def _simple(name: str, wanted: Answer = "yes") -> Callable[[LibraryStage, Draws], Plan | None]:
    verb = _BY_NAME[name]

    def draw(stage: LibraryStage, draws: Draws) -> Plan | None:
        """Draw a witness: a member and, if the verb is about one, a loan that gets the answer wanted."""
        for member in draws.at("members").shuffled(stage.customers):
            loans = stage.elements(member) if verb.over == "one" else [None]
            for loan in draws.at("loans", member).shuffled(loans):
                for args in verb.propose(stage, member, loan, draws.at("args", member)):
                    if verb.answer(stage, member, loan, args) == wanted:
                        return _plan(verb, member, loan, dict(args), draws)
        return None

    return draw


def _plan(verb: Verb, member: str, loan: Element | None, args: dict[str, Any], draws: Draws) -> Plan:
    want: dict[str, Any] = {"do": verb.name, "args": args}
    if loan is not None and draws.at("number").chance(30):
        want["at"] = {"by": "number", "id": loan["loan_id"]}
    elif loan is not None:
        want["at"] = {"by": "clauses", "where": [["title", "==", loan["title"]]]}
    elif verb.over == "set":
        want["at"] = _ALL
    opened = ["user"] * draws.at("user").chance(30)
    return Plan(
        customer=member, wants=[want], manner=Manner(opened=opened, insists=draws.at("insists").below(2))
    )


INTENTS = {
    "renew": _simple("renew"),
    "renew_denied": _simple("renew", "no"),
    "reserve": _simple("reserve"),
    "fine_total": _simple("fine_total"),
}


def _own_facts(stage: Stage, member: str) -> tuple[Fact, ...]:
    return (Fact(slot="name", said=f"my name is {stage.user(member)['name']}"),)


VOCABULARY = Vocabulary(
    key="loan_id",
    tool="get_loan",
    key_slot="loan_id",
    user_slot="member_id",
    user_tool="get_member",
    owned="loans",
    inline=True,
    fields=FIELDS,
    verbs=VERBS,
    grammar=grammar,
    stage=stage,
    intents=INTENTS,  # type: ignore[arg-type]
    own_facts=_own_facts,
)
