"""Gymnasium faces of the episode; the only place that imports gymnasium."""
