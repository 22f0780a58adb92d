"""Making tasks and packs of tasks; knows no domain."""
