"""The published airline benchmark, bug for bug: its data, its tools, its tasks, its rewards."""
