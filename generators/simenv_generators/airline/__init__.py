"""Airlines: how an address becomes a world, and a world its customers' requests."""

from simenv.core.generator import Generator
from simenv.domains.airline import DOMAIN
from simenv_generators.airline.vocabulary import VOCABULARY
from simenv_generators.airline.world import build

GENERATOR = Generator(DOMAIN, build, VOCABULARY)
