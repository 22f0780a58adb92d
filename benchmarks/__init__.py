"""Benchmarks: each measures one thing and prints one JSON object."""
