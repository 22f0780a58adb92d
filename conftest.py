"""Where torch is missing the trainer is left out of the collection; everything else runs without it."""

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["simenv/train/*", "tests/train/*"]
