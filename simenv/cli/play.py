"""The play command: a person is the agent, in the terminal."""

import argparse
import shlex
import sys
from contextlib import suppress
from typing import Any

from simenv.cli.choose import ENV_HELP, add_split, add_uncertified, domain_of, pack_in, proven
from simenv.cli.transcript import atom, lines
from simenv.cli.words import Commands, command, emit, say, seed, wrapped
from simenv.core.canonical import StrictJsonError, canonical, parse_strict
from simenv.core.errors import UsageError
from simenv.core.pack import Pack, bundled
from simenv.core.tools import Tool, json_schema
from simenv.episodes.actions import show_arguments
from simenv.episodes.episode import Episode
from simenv.episodes.progress import Snapshot
from simenv.scoring.verify import Verdict

with suppress(ImportError):
    # Gives input() a history and arrow keys; Windows has none.
    import readline  # noqa: F401

_HELP = """\
What you type goes to the customer, unless it is a call or begins with a colon.
  get_user_details user_id=sara_doe_496     call a tool; single quotes around lists and spaces
  {"name": "...", "arguments": {...}}       the same as an agent writes it
  :tools [NAME]   the tools, or one in full       :policy   the written rules
  :hint           how to go about it              :undo     take the last step back
  :help           this                            :quit     stop here"""


def play(args: argparse.Namespace) -> int:
    """Be the agent yourself, in the terminal.

    Talk to the customer, call tools, and see the verdict at the end.

    Standard input may also be a script, with a line per action; :help lists what there is.

    Example:
      simenv play airline --seed 7
    """
    domain = domain_of(args.env)
    pack = pack_in(args.tasks, uncertified=args.uncertified) if args.tasks else bundled(domain, args.split)
    if pack.domain != domain:
        raise UsageError(f"{args.tasks} holds tasks of domain {pack.domain!r}, not of {domain!r}")
    game = Game(Episode(proven(pack, [_place(pack, args)])[0]))
    game.begin()
    while not game.over and (line := _read()) is not None:
        game.take(line)
    verdict = game.episode.verdict()
    explain(verdict)
    emit({"task": game.episode.task.id, "digest": game.episode.digest} | verdict.to_json())
    return 0


def _place(pack: Pack, args: argparse.Namespace) -> int:
    if args.task is None:
        return int(args.seed)
    return pack.ids().index(pack.find(args.task).id)


def _read() -> str | None:
    """Return the next line of input, or None where it ends."""
    if not sys.stdin.isatty():
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None
    try:
        return input("you> ")
    except EOFError:
        say()
        return None


class Game:
    """An episode in a person's hands, with its past for undo."""

    def __init__(self, episode: Episode) -> None:
        self.episode = episode
        self.past: list[Snapshot] = []
        self.over = False

    def begin(self) -> None:
        """Show the rules and the customer's first words."""
        say(wrapped("", self.episode.policy))
        say("\n" + _HELP + "\n")
        self._show(1)

    def take(self, line: str) -> None:
        """Carry out one line of input."""
        text = line.strip()
        if not text:
            return
        if text.startswith(":"):
            self._command(*text[1:].split(maxsplit=1) or [""])
            return
        try:
            action = self._action(text)
        except UsageError as error:
            say(f"({error})")
            return
        self.past.append(self.episode.snapshot())
        before = len(self.episode.messages)
        self.episode.act(action)
        # Words that a person has just typed stand on the screen already.
        typed = sys.stdin.isatty() and action == text and not text.startswith(("{", "["))
        self._show(before + typed)
        self.over = self.episode.done

    def _show(self, start: int) -> None:
        for text in lines(self.episode.messages[start:], shortened=False):
            say(text)
        say()

    def _action(self, text: str) -> str:
        """Return the action that a line means; a tool's name begins a call."""
        name, _, rest = text.partition(" ")
        tool = self._offered().get(name)
        return call(tool, rest) if tool else text

    def _command(self, name: str, rest: str = "") -> None:
        match name:
            case "tools":
                self._tools(rest)
            case "policy":
                say(wrapped("", self.episode.policy))
            case "hint":
                self._hint()
            case "undo":
                self._undo()
            case "quit":
                self.over = True
            case "help":
                say(_HELP)
            case _:
                say(f"(no command is named :{name})\n{_HELP}")

    def _undo(self) -> None:
        if not self.past:
            say("(nothing to take back)")
            return
        self.episode = Episode.restore(self.past.pop())
        say("(the last step is taken back; this was the last message)")
        self._show(-1)

    def _offered(self) -> dict[str, Tool]:
        """Return the tools of this task by name, look-alikes where they stand."""
        known = self.episode.domain.toolbox | self.episode.domain.lookalike
        names = [str(schema["function"]["name"]) for schema in self.episode.tools]
        return {name: known[name] for name in names}

    def _tools(self, name: str) -> None:
        tool = self._offered().get(name)
        if tool:
            say(f"{signature(tool)}\n{wrapped('  ', tool.summary)}")
            for part, schema in tool.schema["function"]["parameters"]["properties"].items():
                say(wrapped(f"  {part}: ", canonical(schema)))
            return
        for tool in self._offered().values():
            say(f"{signature(tool)}  [{tool.effect}]\n{wrapped('    ', tool.summary)}")

    def _hint(self) -> None:
        """Say how any task is gone about; nothing of this task's right outcome."""
        offered = self._offered().values()
        by_effect = {
            effect: ", ".join(tool.name for tool in offered if tool.effect == effect)
            for effect in ("read", "write", "act")
        }
        say("- Steps are limited, and idle words cost the customer's patience.")
        say(wrapped("- ", f"Look things up before you trust them: {by_effect['read']}."))
        say(wrapped("- ", f"Say what you will do and wait for a yes before each of: {by_effect['write']}."))
        say(wrapped("- ", f"What the policy forbids is recorded, then explained: {by_effect['act']}."))
        say("- Do what was asked, all of it and nothing else; then ask whether there is more.")


def signature(tool: Tool) -> str:
    """Return how a call of ``tool`` is typed."""
    return " ".join([tool.name, *(f"{name}=..." for name in tool.parameters)])


def call(tool: Tool, rest: str) -> str:
    """Return the call that ``name key=value ...`` stands for, as an agent writes it.

    Raises:
        UsageError: If a part is not ``key=value`` of an argument of the tool.
    """
    try:
        parts = shlex.split(rest)
    except ValueError as error:
        raise UsageError(f"{error}; quotes come in pairs") from None
    arguments = {}
    for part in parts:
        name, equals, value = part.partition("=")
        if not equals or name not in tool.parameters:
            raise UsageError(f"{part!r} is not an argument; type: {signature(tool)}")
        arguments[name] = _value(value, json_schema(tool.parameters[name]))
    return f'{{"arguments":{show_arguments(arguments)},"name":{canonical(tool.name)}}}'


def _value(text: str, schema: dict[str, Any]) -> Any:
    """Read a value of a typed call; what must not be a string is read as JSON if it is."""
    if schema.get("type") == "string":
        return text
    try:
        return parse_strict(text)
    except StrictJsonError:
        return text


def explain(verdict: Verdict) -> None:
    """Say what the verifier found."""
    say(f"{'Passed' if verdict.passed else 'Not passed'}: {verdict.reason}.")
    for title, changes in (
        ("This should have changed and did not:", verdict.missing),
        ("This changed and nobody asked for it:", verdict.collateral),
    ):
        if changes:
            say(title)
        for change in changes:
            say(wrapped("  ", atom(change)))
    for goal, found in verdict.answers.items():
        say(f"The answer to {goal} was {'not given' if found == 'none' else found}.")
    process = verdict.process
    say(f"Steps: {process.steps}, calls: {process.calls}, of these repeated: {process.repeats}.")
    for name, counts in (("Mistakes", process.errors), ("Rules broken", process.breaches)):
        if counts:
            say(f"{name}: " + ", ".join(f"{key} ({number})" for key, number in counts.items()))


def add(commands: Commands) -> None:
    """Add the command."""
    each = command(commands, "play", play)
    each.add_argument("env", metavar="ENV", help=ENV_HELP)
    each.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="the task's place in the pack (default: 0)"
    )
    each.add_argument("--task", metavar="ID", help="the task's id, instead of a seed")
    each.add_argument("--tasks", metavar="FILE", help="a pack of your own")
    add_split(each)
    add_uncertified(each)
