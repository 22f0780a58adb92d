"""Pure functions from a finished trajectory to a verdict and its reports."""
