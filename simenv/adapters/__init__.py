"""Faces of simenv for training libraries, one module each. Importing one imports no library."""
