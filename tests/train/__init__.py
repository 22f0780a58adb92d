"""Tests of the trainer; they need torch."""
