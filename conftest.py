"""What holds for the whole suite.

Where torch is missing the trainer is left out of the collection; everything else runs without it.
A shell that starts the suite in the background has it ignore Ctrl-C, and so would every program that a test
interrupts.
"""

import signal
from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("torch") else ["simenv/train/*", "tests/train/*"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
