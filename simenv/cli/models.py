"""Options of a model that plays, on a server or in a folder: where it is, how it is asked, what is logged."""

import argparse
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from simenv.agents.cassette import Cassette
from simenv.agents.endpoint import Endpoint
from simenv.agents.protocol import Agent
from simenv.agents.registry import agents
from simenv.agents.remote import NAME, Model, RemoteAgent, RemotePlan
from simenv.agents.runs import Plan
from simenv.cli.words import count, seed
from simenv.core import catalog
from simenv.core.errors import UnknownNameError, UsageError
from simenv.core.task import Task
from simenv.episodes.context import Memory

if TYPE_CHECKING:
    from simenv.train.rollouts.agent import ModelAgent

HF = "hf"
"""Name of the agent that is a model in this process."""
_REMOTE = ("base_url", "api_key_env", "cassette", "prompt", "offline")
_EITHER = ("model", "temperature", "max_tokens")
_OWN = ("seed", "window", "device")
_HEAVY = ("torch", "transformers", "tokenizers", "safetensors", "peft")


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``--agent openai`` and ``--agent hf``."""
    group = parser.add_argument_group(f"with --agent {NAME} or {HF}: any model, on a server or in a folder")
    group.add_argument(
        "--model", metavar="NAME|PATH", help="what the server calls it; or its checkpoint, or a training run"
    )
    group.add_argument(
        "--temperature", type=float, metavar="T", help="0 to 2 (default: the server's; in a folder 1)"
    )
    group.add_argument(
        "--max-tokens",
        type=count,
        metavar="N",
        help="longest reply in tokens (default: the server's; in a folder 1024)",
    )
    group = parser.add_argument_group(f"with --agent {HF}: a model in this process")
    group.add_argument("--seed", type=seed, metavar="N", help="of every token that is drawn (default: 0)")
    group.add_argument(
        "--window",
        type=count,
        metavar="N",
        help="tokens it reads at most; older turns become lines, with notes and recall (default: all it can, "
        "or the room of a training run with context=cut)",
    )
    group.add_argument("--device", metavar="NAME", help="such as cpu or cuda (default: what is there)")
    group = parser.add_argument_group(f"with --agent {NAME}: any model behind an OpenAI-compatible server")
    group.add_argument("--base-url", metavar="URL", help="such as http://127.0.0.1:8000/v1")
    group.add_argument("--prompt", metavar="FILE", help="a text to put before the policy")
    group.add_argument(
        "--concurrency",
        type=count,
        default=8,
        metavar="N",
        help="episodes at once; the log is the same (default: 8)",
    )
    group.add_argument(
        "--retries", type=seed, default=5, metavar="N", help="tries after one that failed (default: 5)"
    )
    group.add_argument(
        "--timeout", type=float, default=120.0, metavar="S", help="seconds to wait for a reply (default: 120)"
    )
    group.add_argument("--api-key-env", metavar="NAME", help="environment variable that holds the API key")
    group.add_argument(
        "--cassette", metavar="FILE", help="keep every reply here, and use those that are here"
    )
    group.add_argument("--offline", action="store_true", help="use replies of --cassette only")


def kind_of(args: argparse.Namespace) -> str:
    """Return whether a model is to play: ``"openai"``, ``"hf"``, or "" for an agent that simenv brings.

    Raises:
        UsageError: If options of a model are given to another agent.
    """
    for name in (*_EITHER, *_REMOTE, *_OWN):
        takers = [NAME] * (name not in _OWN) + [HF] * (name not in _REMOTE)
        given = getattr(args, name)
        if given is None or given is False or args.agent in takers:  # 0 is a temperature and a seed
            continue
        what = {NAME: "a model behind a server", HF: "a model in a folder"}
        raise UsageError(
            f"--{name.replace('_', '-')} is of {' or '.join(what[taker] for taker in takers)}; "
            f"add --agent {' or '.join(takers)}, or leave it out"
        )
    return args.agent if args.agent in (NAME, HF) else ""


def local(name: str, domain: str, tasks: Sequence[Task]) -> Agent:
    """Return an agent that simenv brings.

    Raises:
        UnknownNameError: If there is none of that name.
    """
    known = agents(catalog.domain(domain), tasks)
    if name not in known:
        raise UnknownNameError("agent", name, [*known, NAME, HF])
    return known[name]


def model_of(args: argparse.Namespace) -> Model:
    """Return the model that the options name.

    Raises:
        UsageError: If they name none, or one of them is out of range.
    """
    if not args.model:
        raise UsageError(f"--agent {NAME} needs --model: what the server calls the model")
    prompt = Path(args.prompt).read_text(encoding="utf-8").strip() if args.prompt else ""
    return Model(args.model, temperature=args.temperature, max_tokens=args.max_tokens, prompt=prompt)


def planned_for(plan: Plan, name: str, header: Mapping[str, Any]) -> RemotePlan:
    """Return a plan that a model is to play, by the name of its agent and what a log says of it."""
    own = {each.name: getattr(plan, each.name) for each in fields(plan)}
    return RemotePlan(**own | {"agent": name}, model=header)


def in_process(args: argparse.Namespace) -> "ModelAgent":
    """Return the model in a folder that the options describe.

    Raises:
        UsageError: If they name none, one of them is out of range, or what training needs is not installed.
    """
    if not args.model:
        raise UsageError(f"--agent {HF} needs --model: the folder of a checkpoint or of a training run")
    try:
        # Heavy, and needed by no other agent.
        from simenv.train.folder import kept_config
        from simenv.train.rollouts.agent import Drawing, hf_agent
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in _HEAVY:
            raise
        raise UsageError(
            f'--agent {HF} needs {error.name}, which is not installed: pip install "simenv[train]"'
        ) from error
    usual, window, memory = Drawing(), args.window or 0, None
    kept = kept_config(Path(args.model))
    if args.window is None and kept.get("context") == "cut":
        # What learned in a window plays in it.
        usual, window = Drawing(max_tokens=kept["turn_tokens"]), kept["room"]
        memory = Memory(recalls=kept["recalls"], notes=kept["notes"])
    return hf_agent(
        args.model,
        temperature=usual.temperature if args.temperature is None else args.temperature,
        seed=args.seed or 0,
        max_tokens=args.max_tokens or usual.max_tokens,
        window=window,
        memory=memory,
        device=args.device or "",
    )


@contextmanager
def opened(args: argparse.Namespace, model: Model) -> Iterator[RemoteAgent]:
    """Yield the agent that the options describe; its cassette is closed afterwards.

    Raises:
        UsageError: If options are missing or contradict each other.
    """
    if args.offline and not args.cassette:
        raise UsageError("--offline plays a cassette; add --cassette FILE")
    if not args.offline and not args.base_url:
        raise UsageError(f"--agent {NAME} needs --base-url, such as http://127.0.0.1:8000/v1")
    with ExitStack() as stack:
        endpoint = None
        if not args.offline:
            endpoint = Endpoint(
                args.base_url, api_key=_key(args.api_key_env), retries=args.retries, timeout_s=args.timeout
            )
        cassette = None
        if args.cassette:
            cassette = stack.enter_context(Cassette(args.cassette, offline=args.offline))
        yield RemoteAgent(model, endpoint=endpoint, cassette=cassette)


def _key(variable: str | None) -> str:
    if variable is None:
        return ""
    key = os.environ.get(variable, "").strip()
    if not key:
        raise UsageError(f"--api-key-env names {variable}, which is not set or empty; export it first")
    return key
