"""The contracts that every other part of simenv is written against."""
