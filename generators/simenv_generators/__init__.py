"""How a seed becomes a world, a first task and its expansions; one folder per domain."""
