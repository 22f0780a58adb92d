"""Laws, golden replays, adversaries and documents that run."""
