"""How an address becomes an airline, its customers and what they want."""

from simenv.core.generator import Generator
from simenv_generators.airline.tasks import INTENTS, propose
from simenv_generators.airline.world import build

GENERATOR = Generator(build=build, intents=tuple(INTENTS), propose=propose)
