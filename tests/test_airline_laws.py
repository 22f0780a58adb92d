"""The airline keeps the laws that every domain keeps."""

from simenv.testing import check_domain


def test_the_airline_keeps_every_law() -> None:
    check_domain("airline")
