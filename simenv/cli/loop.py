"""The command that closes the loop: loop."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simenv.cli.choose import ENV_HELP, domain_of
from simenv.cli.words import Commands, command, count, emit, say, seed
from simenv.core.canonical import parse_trusted
from simenv.core.errors import UsageError

if TYPE_CHECKING:
    from simenv.train.loop.rounds import Round

_HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "peft", "matplotlib")
_GROWN = "synth:depth=1:2,breadth=1:2"


def loop(args: argparse.Namespace) -> int:
    """Train a policy where it is weak: run, score, explain, synthesize, train, test; round after round.

    Every round plays held-out tasks, attributes what failed to missing abilities, makes tasks by what is
    weak and can be learned, trains on them (on the oracle's demonstrations first, then by GRPO), and plays
    the held-out tasks again. A round that lost more than chance explains is rejected, and the policy of the
    round before is kept. All of it is in one report; the same command goes on where it was.

    Without --from, a small decoder learns from nothing. It solves no grown task yet, so its tasks are
    lessons: ungrown tasks of named intents, drawn by how weak and learnable each intent is. A larger model
    gets certified tasks whose operators are drawn by the skills that its failures show; --tasks chooses.

    Example:
      simenv loop --env simenv/airline-v0 --rounds 3 --out runs/loop
      simenv loop --env airline --from runs/b --tasks synth:depth=1:2,breadth=1 --set steps=20 --out runs/c
      simenv loop --env airline --rounds 3 --uniform --out runs/control
    """
    domain_of(args.env)
    try:
        # Heavy, and needed by no other command than those that train.
        from simenv.train.config import with_settings
        from simenv.train.loop.config import LoopConfig
        from simenv.train.loop.rounds import Loop
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _HEAVY:
            raise
        raise UsageError(
            f'simenv loop needs {error.name}, which is not installed: pip install "simenv[train]"'
        ) from error
    config = with_settings(LoopConfig, args.set or [], **_given(args))
    out = Path(args.out)
    if out.is_file():
        raise UsageError(f"{out} is a file; --out names a folder")
    try:
        rounds = Loop(config, out, say=say).run()
    except KeyboardInterrupt as stop:
        stop.add_note(f"What was finished is in {out}; the same command goes on from there.")
        raise
    for each in rounds[1:]:
        _tell(each)
    say(f"The policy that is kept is in {out / 'rounds' / f'{rounds[-1].policy:02d}' / 'model'}.")
    say(f"Look at {out / 'report.html'}.")
    return 0


def _given(args: argparse.Namespace) -> dict[str, Any]:
    given = {"env": args.env, "rounds": args.rounds, "seed": args.seed, "uniform": args.uniform}
    if args.model:
        given["model"] = args.model
        given |= _room(args.model)
    named = {name: getattr(args, name) for name in ("tasks", "size", "device") if getattr(args, name)}
    if args.model and not args.tasks and not _is_small(args.model):
        named["tasks"] = _GROWN
    return given | named


def _room(model: str) -> dict[str, int]:
    """Return how long episodes of a small decoder may be."""
    for part in ("", "model"):
        file = Path(model) / part / "shape.json"
        if file.is_file():
            return {"room": parse_trusted(file.read_text(encoding="utf-8"))["room"]}
    return {}


def _is_small(model: str) -> bool:
    """Whether a folder holds a small decoder, for which grown tasks are too hard."""
    return any((Path(model) / part / "shape.json").is_file() for part in ("", "model"))


def _tell(each: "Round") -> None:
    """Print one round."""
    found, trained = each.told["gate"], each.told["trained"]
    emit(
        {
            "round": each.number,
            "kept": not each.rejected,
            "rejected": each.rejected,
            "policy_of_round": each.policy,
            "difference": found["difference"],
            "interval_95": found["interval_95"],
            "p_regression": found["p_adjusted"],
            "won": len(each.told["progressions"]),
            "lost": len(each.told["regressions"]),
            "weights": each.told["weights"],
            "demonstrations": trained["demos"],
            "rollouts": trained["rollouts"],
        }
    )


def add(commands: Commands) -> None:
    """Add the command."""
    each = command(commands, "loop", loop)
    each.add_argument("--env", required=True, metavar="ENV", help=ENV_HELP)
    each.add_argument("--out", required=True, metavar="FOLDER", help="made, or gone on with")
    each.add_argument("--rounds", type=count, default=3, metavar="N", help="how many (default: 3)")
    each.add_argument(
        "--from", dest="model", default="", metavar="RUN", help="a training run, or a local checkpoint"
    )
    each.add_argument("--size", default="", metavar="NAME", help="of a decoder from nothing (default: 1m)")
    each.add_argument(
        "--tasks", default="", metavar="SPEC", help="synth:KEY=VALUE,... or simple:INTENT+INTENT"
    )
    each.add_argument("--seed", type=seed, default=0, help="of every choice (default: 0)")
    each.add_argument("--device", default="", metavar="NAME", help="cpu or cuda (default: what is there)")
    each.add_argument(
        "--uniform", action="store_true", help="draw tasks as ever, whatever is weak: the control"
    )
    each.add_argument(
        "--set", action="append", metavar="KEY=VALUE", help="any other setting; may be repeated"
    )
