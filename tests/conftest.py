"""Hypothesis profiles: ``ci`` unless HYPOTHESIS_PROFILE names another."""

import os

import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None, print_blob=True)
settings.register_profile("deep", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest file first, so that two workers end together."""
    items.sort(key=lambda item: item.path.name != "test_learning.py")
