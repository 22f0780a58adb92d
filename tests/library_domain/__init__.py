"""A library's loans: the smallest whole domain, and the tutorial of CONTRIBUTING.md.

It stands outside of simenv, as anyone's own domain would, and registers itself with one line.
"""

from simenv.core.catalog import Entry, register
from simenv.core.domain import Domain
from tests.library_domain import policy, words
from tests.library_domain.schema import TABLES
from tests.library_domain.tools import TOOLS, breaches

DOMAIN = Domain(
    name="library",
    version=0,
    tables=TABLES,
    tools=TOOLS,
    rules=policy.RULES,
    policy=policy.text,
    compact=policy.compact,
    breaches=breaches,
    lexicon=words.LEXICON,
    describe=words.describe,
    reason=words.reason,
)

register("library", Entry("tests.library_domain:DOMAIN", "tests.library_domain.generator:GENERATOR"))
