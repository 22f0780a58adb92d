"""The closed loop: run, score, explain, synthesize, train, test for regressions."""
