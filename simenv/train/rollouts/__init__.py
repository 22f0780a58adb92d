"""Sampling in lockstep, the worlds that are played, and what came of it."""
