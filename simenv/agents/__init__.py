"""Agents that play episodes: the oracle, the ladder, the audit and any chat model."""
