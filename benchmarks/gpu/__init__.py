"""Benchmarks of training on a GPU."""
