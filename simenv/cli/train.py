"""Commands of the trainer: train sft, grpo, doctor, check-template."""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simenv.cli.words import Commands, bar, command, count, emit, say, seed
from simenv.core.errors import UsageError

if TYPE_CHECKING:
    from simenv.train.config import Config

HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "peft", "matplotlib")
"""What training needs and nothing else of simenv does."""
ENV = "simenv/airline-v0"

Progress = Callable[[str, int, int], object]


@contextmanager
def trainer(threads: int | None = None) -> Iterator[None]:
    """While it lasts, the trainer may be imported; torch uses so many threads.

    Args:
        threads: Of torch on the CPU; by default one, so that the same command gives the same bytes.

    Raises:
        UsageError: If what training needs is not installed.
    """
    try:
        # Heavy, and needed by no other command.
        from simenv.train.threads import use_threads

        use_threads(threads or 1)
        yield
    except ImportError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in HEAVY:
            raise
        raise UsageError(
            f'training needs {missing}, which is not installed: pip install "simenv[train]"'
        ) from error


def sft(args: argparse.Namespace) -> int:
    """Teach a model by demonstrations of the oracle, or by successful runs of any agent.

    Without --model a small decoder and its tokenizer are made from generated text, and taught simple tasks of
    three intents, which takes some minutes on a CPU. With --model, a transformers checkpoint learns the
    bundled tasks by rsLoRA.

    The folder gets model, metrics, checkpoints and report.html. The same command goes on where it was
    stopped, and leaves a finished run as it is. Ctrl-C stops after the step, twice stops at once.

    Every other setting is given by --set; a wrong name lists them. Kinds of demonstrations are plain,
    recovery (mistakes are shown, not taught), refusal (no is right) and answer (no call is needed).

    Example:
      simenv train sft --env simenv/airline-v0 --out runs/a
      simenv train sft --out runs/r --set kinds=plain:6,recovery:2,refusal:1,answer:1 --set lr=0.004
      simenv train sft --model checkpoints/qwen --from-runs gpt.jsonl --out runs/q
    """
    with trainer(args.threads):
        from simenv.train import defaults
        from simenv.train.config import SftConfig, with_settings
        from simenv.train.folder import finished
        from simenv.train.jobs import run_sft

        given = defaults.for_sft(args.env or ENV, args.model or "") | _given(args)
        given |= {"runs": tuple(args.from_runs)} if args.from_runs else {}
        given |= {"size": args.size} if args.size else {}
        config = with_settings(SftConfig, args.set, **given)
        if args.at is None and (done := finished(Path(args.out), "sft", config, start=config.model)):
            return _told_finished(args.out, "sft", config, done)
        _tell_plan("sft", config, args.out)
        with _bars() as (progress, tell):
            policy = run_sft(config, Path(args.out), step=args.at, progress=progress, tell=tell)
        return _told(args.out, "sft", config, policy.digest())


def grpo(args: argparse.Namespace) -> int:
    """Improve a model by its own rollouts: GRPO with rsLoRA.

    It begins from a run of `simenv train`, whose tasks it keeps, from one of the checkpoints in it, or from a
    transformers checkpoint: pure reinforcement. Reward is the verdict.

    The folder gets metrics, checkpoints, report.html and, of a small decoder, the model. The same command
    goes on where it was stopped, leaves a finished run as it is, and goes beyond its end with more --steps.
    Guards stop a run that has gone wrong, name the last good checkpoint and the command that goes on; --at
    goes back to an earlier checkpoint.

    Example:
      simenv train grpo --from runs/a --out runs/b
      simenv train grpo --from runs/a --out runs/c --steps 40 --set group=16 --set guards.mismatch=0.05
      simenv train grpo --from checkpoints/qwen --env simenv/airline-v0 --tasks synth:depth=1:2 --out runs/d
    """
    with trainer(args.threads):
        from simenv.train import defaults
        from simenv.train.config import GrpoConfig, with_settings
        from simenv.train.folder import finished
        from simenv.train.jobs import run_grpo

        start = args.start or args.model
        if not start:
            raise UsageError("reinforcement begins from something: give --from RUN, or --model CHECKPOINT")
        if args.start and args.model:
            raise UsageError("--from and --model both say what it begins from; give one of them")
        given = defaults.for_grpo(args.env or ENV, start) | _given(args)
        given |= {"env": args.env} if args.env else {}
        given |= {"workers": args.workers} if args.workers is not None else {}
        config = with_settings(GrpoConfig, args.set, **given)
        if args.at is None and (done := finished(Path(args.out), "grpo", config, start=start)):
            return _told_finished(args.out, "grpo", config, done)
        _tell_plan("grpo", config, args.out)
        with _bars() as (progress, tell):
            policy = run_grpo(config, Path(args.out), start=start, step=args.at, progress=progress, tell=tell)
        return _told(args.out, "grpo", config, policy.digest())


def _given(args: argparse.Namespace) -> dict[str, Any]:
    """Return the settings that options give."""
    from simenv.train.defaults import held_out_for

    named = ("tasks", "held_out", "steps", "device")
    given = {name: getattr(args, name) for name in named if getattr(args, name) is not None}
    if args.tasks is not None and args.held_out is None:
        given["held_out"] = held_out_for(args.tasks)
    return given


def _tell_plan(job: str, config: "Config", out: str) -> None:
    from simenv.train.report.words import counted

    say(f"{job} on {config.env}, tasks {config.tasks}, into {out} (config {config.digest[:12]}).")
    say(
        f"Success is to be measured on {counted(config.evaluations, 'task')} of {config.held_out}, in worlds "
        "that are not trained on."
    )


@contextmanager
def _bars() -> Iterator[tuple[Progress, Callable[[str], object]]]:
    """Yield what shows a bar for each thing that is being done, one after the other, and what says words."""
    shown: dict[str, Any] = {}

    def close() -> None:
        for each in shown.values():
            each.close()
        shown.clear()

    def progress(what: str, done: int, total: int) -> None:
        if what not in shown:
            close()
            shown[what] = bar(total, what)
        shown[what].update(done - shown[what].n)

    def tell(said: str) -> None:
        # Words in the line of a bar would be torn.
        close()
        say(said)

    try:
        yield progress, tell
    finally:
        close()


def _told(out: str, job: str, config: "Config", weights: str) -> int:
    """Print what came of a run."""
    folder = Path(out)
    flat = _emit_scores(out, job, config, weights)
    if flat.get("steps") and flat["steps_without_signal"] == flat["steps"]:
        say(
            f"No group had a signal in any of {flat['steps']} steps: the weights are those it began with. "
            "Give easier tasks (--tasks), larger groups (--set group=16) or a better start (--from)."
        )
    say((folder / "panel.txt").read_text("utf-8").rstrip())
    say(f"\nThe report is {folder / 'report.html'}")
    if job == "sft":
        say(f"Next: {_next_grpo(out)}")
    return 0


def _next_grpo(out: str) -> str:
    folder = Path(out)
    return f"simenv train grpo --from {out} --out {folder.with_name(folder.name + '-grpo')}"


def _told_finished(out: str, job: str, config: "Config", done: Mapping[str, Any]) -> int:
    """Print what came of a run that was finished before, where that is shown, and how to train on."""
    report = Path(out) / "report.html"
    if not report.is_file():
        # Made of what the folder holds; nothing is played or trained.
        from simenv.train.report.write import write_report

        write_report(out)
        say(f"The report was missing and has been written again: {report}")
    _emit_scores(out, job, config, str(done["weights"]))
    steps = int(done["step"])
    say(
        f"{out} holds this very run, and it is finished ({steps} step{'s' * (steps != 1)}); nothing was done."
    )
    say(f"Its report is {report}, its scores are in {Path(out) / 'panel.txt'}.")
    if job == "grpo":
        say(f"To train on, give the same command with more steps, such as --set steps={2 * steps or 20}.")
    else:
        # The learning rate falls to nothing over the steps, so more of them are another run.
        say(f"To train on: {_next_grpo(out)}")
        say("For more steps of the same, give --set steps=N and another folder: --out DIR.")
    return 0


def _emit_scores(out: str, job: str, config: "Config", weights: str) -> dict[str, int]:
    """Print the result of a run; return of GRPO in how many steps nothing could be learned."""
    folder = Path(out)
    panel = json.loads((folder / "panel.json").read_text("utf-8"))
    measures: Mapping[str, Any] = panel["measures"]
    spent = measures.get("tokens per success", {})
    flat = without_signal(folder) if job == "grpo" else {}
    emit(
        {
            "run": out,
            "job": job,
            "config": config.digest,
            "weights": weights,
            "success": {name: measures["success"][name] for name in ("before", "after", "change", "idle")},
            "tokens_per_success": {
                name: (spent.get(name) or {}).get("value") for name in ("before", "after")
            },
            "report": str(folder / "report.html"),
        }
        | flat
    )
    return flat


def without_signal(folder: Path) -> dict[str, int]:
    """Return how many steps a GRPO run has taken, and in how many every group earned the same."""
    with trainer():
        from simenv.train.report.metrics import FILE, read_metrics

        rows = read_metrics(folder / FILE).rows
    return {"steps": len(rows), "steps_without_signal": sum(row.get("groups") == 0 for row in rows)}


def doctor(args: argparse.Namespace) -> int:
    """Look whether training works here, on the small decoder or a model.

    Shows what is trained in a demonstration, and checks: sampler and trainer compute the same policy; one
    batch is learned by heart; a step changes the adapter, and only that; the reference stays; the sampler has
    the adapter; a lesson of one turn is learned, and before one of several turns. Exit code 1 if one fails.

    Example:
      simenv train doctor
      simenv train doctor --model checkpoints/qwen
    """
    with trainer(args.threads):
        from simenv.train.doctor import examine

        failed = []
        for check in examine(args.env or ENV, model=args.model or "", device=args.device or ""):
            if check.picture:
                say(check.picture + "\n")
            say(f"{'ok    ' if check.ok else 'FAILED'}  {check.name}: {check.said}")
            emit(check.to_json())
            failed += [] if check.ok else [check.name]
        say(f"\n{len(failed)} of the checks failed." if failed else "\nEverything works.")
        return int(bool(failed))


def check_template(args: argparse.Namespace) -> int:
    """Say whether a checkpoint's chat template only ever appends.

    Looks at results of tools, at turns of the customer after reasoning, and at parallel calls. One that
    changes what it has written makes tokens that nobody sampled; simenv's own families do not use it so.
    The last line says whether it is fit for training, why not, and the way out. Exit code 1 if it is not.

    Example:
      simenv train check-template checkpoints/qwen
    """
    with trainer():
        from simenv.train.chat.template import check_template as look

        report = look(args.path)
        for finding in report.findings:
            emit({"level": finding.level, "what": finding.what, "said": finding.said})
        say("\n".join(report.lines()))
        return int(not report.ok)


def _shared(each: argparse.ArgumentParser) -> None:
    each.add_argument("--env", metavar="ENV", help=f"an environment (default: {ENV}, or that of --from)")
    each.add_argument("--model", metavar="PATH", help="a transformers checkpoint on this machine, or a run")
    each.add_argument("--device", choices=("cpu", "cuda"), help="default: what is there")
    each.add_argument("--threads", type=count, metavar="N", help="of torch on the CPU (default: 1)")


def _job(each: argparse.ArgumentParser) -> None:
    each.add_argument("--out", required=True, metavar="DIR", help="the run folder; made, or continued")
    each.add_argument(
        "--tasks", metavar="SPEC", help="train, a pack file, synth:depth=1:2, or simple:INTENT+INTENT"
    )
    each.add_argument("--held-out", metavar="SPEC", help="the same for measuring, in other worlds")
    each.add_argument("--steps", type=count, metavar="N", help="steps of the optimizer at most")
    each.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="any other setting, such as lr=0.001; may be repeated",
    )
    each.add_argument("--at", type=seed, metavar="STEP", help="go on from this checkpoint, not the last")


def add(commands: Commands) -> None:
    """Add the commands of this group."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "train",
        help="Train a model: sft, grpo; look whether training works: doctor, check-template.",
        description=(
            "Train a model on tasks of an environment.\n\nexample:\n"
            "  simenv train sft --env simenv/airline-v0 --out runs/a\n"
            "  simenv train grpo --from runs/a --out runs/b"
        ),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    jobs = parser.add_subparsers(required=True, metavar="JOB")

    each = command(jobs, "sft", sft)
    _shared(each)
    _job(each)
    each.add_argument("--size", metavar="NAME", help="of the small decoder (default: 1m)")
    each.add_argument(
        "--from-runs", nargs="+", metavar="RUN.jsonl", help="learn what passed in these runs of any agent"
    )

    each = command(jobs, "grpo", grpo)
    _shared(each)
    _job(each)
    each.add_argument("--from", dest="start", metavar="RUN", help="a run folder, a checkpoint or a model")
    each.add_argument("--workers", type=int, metavar="N", help="processes of the environment (default: 0)")

    _shared(command(jobs, "doctor", doctor))
    each = command(jobs, "check-template", check_template)
    each.add_argument("path", metavar="PATH", help="a checkpoint, a tokenizer_config.json or a .jinja file")
