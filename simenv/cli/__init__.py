"""The ``simenv`` command: play, record, replay, compare and audit episodes.

Results go to standard output as JSON lines; words for people go to standard error.
Exit codes: 0 done, 1 a check failed, 2 the command was misused.
"""

import argparse
import os
import sys
from collections.abc import Sequence

import simenv
from simenv.cli import (
    audits,
    compare,
    demo,
    explain,
    loop,
    packs,
    phrases,
    play,
    published,
    runs,
    synth,
    train,
)
from simenv.cli.words import say
from simenv.core.errors import DataError, SimenvError, UnknownNameError, UsageError

_EPILOG = """\
exit codes: 0 done, 1 a check failed, 2 misused

example:
  simenv demo
  simenv run airline --agent oracle --tasks 20 --out oracle.jsonl
  simenv replay oracle.jsonl
  simenv play airline --seed 7
  simenv COMMAND --help
"""


def parser() -> tuple[argparse.ArgumentParser, list[str]]:
    """Return the parser and its commands' names; every command's help is its function's docstring."""
    root = argparse.ArgumentParser(
        prog="simenv",
        description=(__doc__ or "").rstrip(),
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    root.add_argument("--version", action="version", version=f"simenv {simenv.__version__}")
    commands = root.add_subparsers(required=True, metavar="COMMAND")
    for group in (demo, runs, compare, explain, play, packs, synth, train, loop, phrases, audits, published):
        group.add(commands)
    return root, list(commands.choices)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        root, names = parser()
        if arguments and not arguments[0].startswith("-") and arguments[0] not in names:
            raise UnknownNameError("command", arguments[0], names)
        args = root.parse_args(arguments)
        return int(args.command(args))
    except (UsageError, DataError) as error:
        return _failed(error, 2)
    except SimenvError as error:
        return _failed(error, 1)
    except BrokenPipeError:
        # The reader of our output has had enough, as `head` does; nothing more may reach the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        say(f"simenv: {place}{error.strerror or error}")
        return 2
    except KeyboardInterrupt as stop:
        return _failed(stop, 130, told="stopped")


def _failed(error: BaseException, code: int, *, told: str = "") -> int:
    say(f"simenv: {told or error}")
    for note in getattr(error, "__notes__", ()):
        say(f"  {note}")
    return code
