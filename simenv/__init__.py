"""Deterministic offline worlds for tool-using agents, exposed as Gymnasium environments."""

__version__ = "0.1.0.dev0"
