"""What the charts and measures of a run report mean, in a sentence each, for who has not trained a model."""

from typing import Final

CHARTS: Final = {
    "reward": "What all episodes of a step earned by the reward that is trained on: if it is binary, 1 for a "
    "solved task and 0 for any other.",
    "success": "Solved episodes of the tasks that were trained on in a step; the band is the 95 % interval.",
    "families": "Success by what the customer asks for.",
    "reward-families": "The reward by what the customer asks for.",
    "loss": "How badly the model predicts demonstrations: those it learns from, and others (validation).",
    "accuracy": "Held-out demonstrations: how often it picks the tool of the solution, then its arguments.",
    "retention": "How badly it predicts text that has nothing to do with the training; a rise is forgetting.",
    "lengths": "What the model wrote in an episode, by whether the task was solved.",
    "turns": "How often the model spoke or called a tool; a fall to 1 means that it has stopped working.",
    "truncation": "Episodes that were ended from outside, by why: too many turns, too long, no room left.",
    "errors": "A refused call breaks a rule of the environment; an invalid one cannot be read. Per episode.",
    "zero-variance": "All attempts at a task earned the same, so no attempt shows what was better.",
    "kl": "How far the model has moved from the one it is held to (KL divergence, k3 estimate).",
    "entropy": "How undecided the model is between tokens; near 0 it always says the same.",
    "clip": "Tokens whose probability changed so much in a step that they no longer count, by direction.",
    "gradient": "How strongly a step pulls at the weights, before it is limited.",
    "update": "How far a step moved the weights, as a share of their size.",
    "mismatch": "Sampling and training must give a token the same probability; large gaps are a defect.",
    "ess": "Share of the sampled tokens that the correction for this gap leaves in effect; 1 is all.",
    "lr": "The size of the steps.",
    "seconds": "Where the time goes.",
    "throughput": "How fast each phase is.",
    "tokens": "How much a step sampled and trained on.",
}
"""By the key of a chart."""

MEASURES: Final = {
    "success": "tasks solved, of tasks that were not trained on",
    "kept of what passed": "of the tasks that were always solved before, those that still are",
    "tokens per success": "what was written in all episodes, for each that was solved",
    "characters per success": "what was written in all episodes, for each that was solved",
    "tool selection": "steps of the known solution at which the model picks its tool",
    "arguments": "where the right tool was picked, how often the arguments are right too",
    "validation loss": "how badly held-out demonstrations are predicted (nats per token; lower is better)",
    "retention loss": "how badly other text is predicted; a rise is forgetting (nats per token)",
}
"""By the name of a measure; ``pass@k`` and ``pass^k`` are named by their rule."""


SETS: Final = {
    "capability": "tasks that were not always solved before, which are to be won",
    "regression": "tasks that were always solved before, which must not be lost",
    "held back": "tasks that no training may see",
}
"""By the name of a set of tasks."""

TABLES: Final = {"gate": "Which rounds were kept: the test for a loss on held-out tasks"}
"""Headings of tables by their names."""


def measure(name: str) -> str:
    """Return what a measure means, or "".

    Example:
        >>> measure("pass@4"), measure("pass^4")
        ('solved in at least one of 4 attempts', 'solved in all of 4 attempts')
    """
    for sign, told in (("@", "at least one"), ("^", "all")):
        word, found, k = name.partition(sign)
        if found and word == "pass":
            return f"solved in {told} of {k} attempts"
    return MEASURES.get(name, "")
