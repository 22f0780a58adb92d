"""TRL itself with simenv; run by `make trl`, skipped where TRL is not installed."""
