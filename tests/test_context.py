"""A window on long conversations: laws of the view, and agents that succeed only with it."""

import json
import re
from collections.abc import Sequence
from itertools import islice
from typing import Any

import gymnasium
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.context import ARMS, count, measure, outcome
from benchmarks.long.tasks import long_tasks
from simenv.agents.long import Prompts, in_window
from simenv.agents.oracle import oracle, plain_call
from simenv.agents.protocol import play
from simenv.core.canonical import canonical
from simenv.core.errors import UsageError
from simenv.core.pack import bundled
from simenv.envs.window import ContextWindow
from simenv.episodes.chat import Message, assistant, environment, system, tool_result, user
from simenv.episodes.context import Context, Memory
from simenv.episodes.episode import Episode
from simenv.episodes.window import Window

BUDGET = 1_000
OPENING = [system("the policy, in a few words"), user("Hello, I want something.")]
BOUNDLESS = Memory(recalls=10**6, notes=10**6)
Deed = tuple[str, Any]


def letters(message: Message) -> int:
    """Count a token for each character, so that a view is easily filled."""
    calls = [call["function"] for call in message.get("tool_calls", ())]
    return 3 + len(message["content"]) + sum(len(call["name"] + call["arguments"]) for call in calls)


_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=300)
_CALLS = st.lists(st.tuples(st.sampled_from(["get_a", "get_b"]), _TEXT), min_size=1, max_size=3)
_DEED = st.one_of(
    st.tuples(st.just("call"), _CALLS),
    st.tuples(st.just("words"), st.tuples(_TEXT, _TEXT)),
    st.tuples(st.just("wrong"), _TEXT),
    st.tuples(st.just("note"), _TEXT),
    st.tuples(st.just("recall"), st.tuples(st.integers(0, 40), st.integers(-1, 4))),
)
_DEEDS = st.lists(_DEED, max_size=30)


def heard(deed: Deed, number: int) -> list[Message]:
    kind, what = deed
    if kind == "words":
        return [assistant(what[0]), user(what[1])]
    if kind == "wrong":
        return [assistant(what), environment("error bad_json: The action is not valid JSON.")]
    named = [(f"call_{number}_{at}", name, f'{{"id":"{at}"}}') for at, (name, _) in enumerate(what)]
    results = [tool_result(i, name, text) for (i, name, _), (_, text) in zip(named, what, strict=True)]
    return [assistant("", named), *results]


def note(text: str) -> str:
    return plain_call("note", canonical({"text": text}))


def recall(step: int, part: int = 1) -> str:
    return plain_call("recall", canonical({"part": part, "step": step}))


def memory(context: Context) -> str:
    """Return what stands in view of what was cut and noted."""
    return "\n".join(message["content"] for message in context.view[2 : context.head])


def do(context: Context, deed: Deed) -> Sequence[Message]:
    """Do one thing and return its messages."""
    kind, what = deed
    if kind in ("note", "recall"):
        chat = context.answer(note(what) if kind == "note" else recall(*what))
        assert chat is not None
        return chat
    chat = tuple(heard(deed, context.whole.stop))
    context.hear(chat)
    return chat


@settings(max_examples=50)
@given(_DEEDS)
def test_the_view_fits_is_only_appended_to_and_ends_with_the_last_turn_whole(deeds: list[Deed]) -> None:
    context = Context(OPENING, BUDGET, letters, memory=BOUNDLESS)
    first, turns = context.view, []
    for deed in deeds:
        before, epoch = context.view, context.epoch
        chat = do(context, deed)
        view = context.view
        assert view[-len(chat) :] == tuple(chat)
        assert context.tokens == sum(map(letters, view))
        assert context.full == (context.tokens > BUDGET)
        if context.epoch == epoch:
            assert view == (*before, *chat)
        if context.full:
            assert context.epoch == epoch + 1
            # Only what a single turn brought can be too much.
            assert sum(map(letters, chat)) > BUDGET // 4
        turns.append(chat)
        assert view[:2] == first
        assert view[context.head :] == tuple(message for at in context.whole for message in turns[at])
        assert len(view[: context.head]) <= 3


@settings(max_examples=50)
@given(_DEEDS)
def test_nothing_is_lost(deeds: list[Deed]) -> None:
    context = Context(OPENING, BUDGET, letters, memory=BOUNDLESS)
    brought = [chat for deed in deeds if (chat := do(context, deed)) and deed[0] not in ("note", "recall")]
    lines = memory(context)
    for part, step in re.findall(r'call recall \{(?:"part": (\d+), )?"step": (\d+)\}', lines):
        assert int(step) <= len(brought)
        assert part != "1"
    for step, chat in enumerate(brought, 1):
        for part, message in enumerate(chat):
            answer = context.answer(recall(step, part))
            assert answer is not None
            if message.get("tool_calls"):
                assert json.loads(answer[1]["content"]) == [
                    call["function"] for call in message["tool_calls"]
                ]
            else:
                assert answer[1]["content"] == message["content"]


@settings(max_examples=50)
@given(_DEEDS)
def test_every_step_that_was_cut_is_named(deeds: list[Deed]) -> None:
    context = Context(OPENING, BUDGET, letters, memory=BOUNDLESS)
    turns = []
    for deed in deeds:
        do(context, deed)
        turns.append(deed[0] not in ("note", "recall"))
    told = memory(context)
    merged = re.search(r"\[cut: steps 1 to (\d+), ", told)
    named = {
        int(step) for pair in re.findall(r'"step": (\d+)\}|\[step (\d+):', told) for step in pair if step
    }
    cut = sum(turns[: context.whole.start])
    assert set(range(1 + (int(merged[1]) if merged else 0), cut + 1)) <= named
    kept = [text for kind, text in deeds if kind == "note" and len(text) <= 240]
    assert list(context.notes) == kept[len(kept) - len(context.notes) :]


@settings(max_examples=50)
@given(_DEEDS)
def test_the_view_is_a_function_of_what_was_heard(deeds: list[Deed]) -> None:
    both = [Context(OPENING, BUDGET, letters, memory=BOUNDLESS) for _ in range(2)]
    for deed in deeds:
        for context in both:
            do(context, deed)
    assert both[0].view == both[1].view
    assert both[0].epoch == both[1].epoch


@pytest.mark.parametrize("size", [58, 59, 60, 61, 62, 63])
def test_a_cut_makes_room_for_many_turns_and_keeps_more_than_one(size: int) -> None:
    context, epochs = Context(OPENING, 4 * BUDGET, letters), []
    chat = heard(("call", [("get_a", "x" * size)]), 0)
    turn = sum(map(letters, chat))
    for number in range(200):
        context.hear(chat)
        epochs.append(context.epoch)
        assert context.tokens <= 4 * BUDGET
        # Of the half that is kept, half is for whole turns, beside the opening.
        assert len(context.whole) >= min(number + 1, BUDGET // turn - 2)
    assert epochs[-1] >= 5
    # About half of the budget is free after a cut.
    assert all(epochs.count(epoch) >= 2 * BUDGET // turn - 3 for epoch in range(epochs[-1]))


def test_old_results_are_lines_that_say_how_to_see_them_again() -> None:
    context = Context(OPENING, 4 * BUDGET, letters)
    context.hear(heard(("words", ("Your ID?", "It is a_1.")), 0))
    context.hear(heard(("call", [("get_a", "x" * 1600), ("get_b", "on time")]), 1))
    context.hear(heard(("words", ("Why?", "w" * 500)), 2))
    context.hear(heard(("call", [("get_b", "y" * 1600)]), 3))
    context.hear(heard(("call", [("get_b", "z" * 400)]), 4))
    assert context.epoch == 1
    told = memory(context)
    for line in (
        '[step 1: you: "Your ID?"]',
        '[step 1: customer: "It is a_1."]',
        '[cut: get_a {"id":"0"} gave 1600 characters; call recall {"step": 2} to see it again]',
        '[step 2: get_b {"id":"1"} gave "on time"]',
        f'[step 3: customer: "{"w" * 240}" and more, 500 characters; call recall {{"step": 3}} to see it ',
    ):
        assert f"\n{line}" in told
    assert context.answer('{"name": "recall", "arguments": {"step": 2}}')[1]["content"] == "x" * 1600  # type: ignore[index]


def test_notes_stay_in_view_and_the_oldest_are_dropped_with_a_word() -> None:
    context = Context(OPENING, BUDGET, letters)
    said = [context.answer(note(f"note {number} {'x' * 30}"))[1]["content"] for number in range(4)]  # type: ignore[index]
    assert said == [
        "noted",
        "noted",
        "noted; the oldest were dropped: 1",
        "noted; the oldest were dropped: 1",
    ]
    for _ in range(9):
        context.hear(heard(("call", [("get_a", "x" * 200)]), 0))
    assert "note 3" in memory(context)
    assert "note 1" not in memory(context)


@pytest.mark.parametrize(
    ("action", "problem"),
    [
        (note("x" * 241), "error bad_value: A note holds at most 240 characters."),
        (recall(1), "error not_found: There is no step 1; the last one is 0."),
        ('{"name": "recall"}', "error bad_arguments: recall takes step, part."),
        ('{"name": "recall", "arguments": {"step": true}}', "error bad_arguments: step: of type integer."),
        ('{"name": "note", "arguments": {"text": 5}}', "error bad_arguments: text: of type string."),
        ('{"name": "note", "arguments": [1]}', "error bad_arguments: note takes text."),
        (
            '[{"name": "note", "arguments": {"text": "a"}}, {"name": "get_a"}]',
            "error bad_call: recall and note stand alone, without calls of other tools. Nothing was done.",
        ),
    ],
)
def test_mistakes_are_answered_like_those_of_other_tools(action: str, problem: str) -> None:
    context = Context(OPENING, BUDGET, letters)
    chat = context.answer(action)
    assert chat is not None
    assert {message["content"] for message in chat[1:]} == {problem}
    assert context.notes == ()


def test_beyond_its_limit_a_memory_call_is_a_mistake_that_costs_a_step() -> None:
    window = Window(Episode(bundled("airline", "train").at(0)), 10**6, letters, memory=Memory(notes=2))
    assert [window.act(note("a")).error for _ in range(3)] == ["", "", "unknown_tool"]
    assert len(window.steps) == 1
    assert window.context.used == {"recall": 0, "note": 2}
    while not window.done:
        window.act(note("a"))


@settings(max_examples=10)
@given(st.lists(st.sampled_from([note("a fact"), recall(1), recall(99), note("x" * 999)]), max_size=20))
def test_memory_leaves_no_trace_in_the_episode(calls: list[str]) -> None:
    task = bundled("airline", "train").at(0)
    alone = play(Episode(task, face="compact"), oracle())
    window = Window(Episode(task, face="compact"), 3_000, count)
    waiting = list(calls)
    for at, record in enumerate(alone.steps):
        for call in [waiting.pop() for _ in range(at % 3) if waiting]:
            step = window.act(call)
            assert (step.reward, step.terminated, step.truncated) == (0.0, False, False)
            assert step.digest == window.digest
        window.act(record.action)
        assert window.digest == record.chain
    assert window.trajectory() == alone.trajectory()
    assert window.verdict() == alone.verdict()
    assert window.verdict().passed


@pytest.mark.parametrize("split", ["train", "test"])
def test_sixty_calls_succeed_in_a_small_window_and_not_without(split: str) -> None:
    for task in islice(long_tasks(split, 60), 2):
        passed, steps, prompts = outcome(task, Memory(), 4_096)
        assert passed
        assert steps > 60
        assert prompts.longest <= 4_096
        passed, _, prompts = outcome(task, None, 4_096)
        assert not passed
        assert prompts.overflowed
        # It is the window that the plain agent lacks, nothing else.
        assert outcome(task, None, 10**6)[0]


def test_each_part_of_the_memory_is_needed_at_sixty_calls() -> None:
    solved = {row["arm"]: row["solved"] for row in measure(60, 2, 4_096)}
    assert solved == {**dict.fromkeys(ARMS, 0), "window": 2}


def test_what_is_fresh_after_a_cut_is_the_whole_prompt() -> None:
    task = next(long_tasks("train", 30))
    prompts = Prompts()
    windows: list[Window] = []

    def looks(shown: Any) -> Any:
        windows.append(shown)
        while True:
            yield '{"name": "list_all_airports"}'

    episode = Episode(task, face="compact")
    play(episode, in_window(looks, 2_500, count, memory=Memory(), prompts=prompts))
    assert windows[0].epoch > 0
    assert prompts.turns == len(episode.steps)
    assert prompts.tokens > prompts.fresh > prompts.longest


def test_the_gymnasium_wrapper_gives_the_same_view() -> None:
    task = bundled("airline", "train").at(1)
    actions = [step.action for step in play(Episode(task), oracle()).steps]
    budget = 2 * Window(Episode(task), 10**6, count).context.tokens
    window = Window(Episode(task), budget, count)
    env = ContextWindow(gymnasium.make("simenv/airline-v0"), budget, count)
    with pytest.raises(UsageError, match="call reset"):
        env.step("Hello?")
    _, info = env.reset(options={"task": task.id})
    assert info["tools"] == window.tools
    done = False
    for action in [note("hello"), *actions[:-1], recall(2), actions[-1]]:
        step = window.act(action)
        observation, reward, terminated, truncated, info = env.step(action)
        assert (observation, reward, terminated, truncated) == step[:1] + step[2:5]
        assert tuple(info["view"]) == window.messages
        assert (info["epoch"], info["digest"]) == (window.epoch, window.digest)
        done = terminated
    assert done
    assert window.epoch > 0
    with pytest.raises(UsageError, match="is over"):
        env.step(note("late"))
    env.close()


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(UsageError, match="give a budget of at least 112, got 100"):
        Context(OPENING, 100, letters, memory=Memory(recalls=0, notes=0))
    with pytest.raises(UsageError, match="opens with the system message"):
        Context(OPENING[1:], BUDGET, letters)
    with pytest.raises(UsageError, match="keep_share >= 2"):
        Memory(keep_share=1)
    with pytest.raises(UsageError, match=">= 0, got -1"):
        Memory(recalls=-1)
    episode = Episode(bundled("airline", "train").at(0))
    episode.act("Hello?")
    with pytest.raises(UsageError, match="has 1 steps"):
        Window(episode, 10**6, letters)
