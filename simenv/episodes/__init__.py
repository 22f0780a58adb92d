"""One episode: the step API, its pool of connections, replay, budgets and faults."""
