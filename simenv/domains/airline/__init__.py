"""The airline domain: reservations, bags, cancellations, compensation."""

from simenv.core.domain import Domain
from simenv.domains.airline import policy, words
from simenv.domains.airline.breaches import breaches
from simenv.domains.airline.lexicon import LEXICON
from simenv.domains.airline.lookalikes import CONFUSABLE, LOOKALIKES
from simenv.domains.airline.schema import TABLES
from simenv.domains.airline.tools import TOOLS

DOMAIN = Domain(
    name="airline",
    version=0,
    tables=TABLES,
    tools=TOOLS,
    rules=policy.RULES,
    policy=policy.text,
    compact=policy.compact,
    breaches=breaches,
    lexicon=LEXICON,
    describe=words.describe,
    reason=words.reason,
    # The prefix of a payment method's id says what its source is.
    spare=frozenset({"address", "email", "source"}),
    lookalikes=LOOKALIKES,
    confusable=CONFUSABLE,
)
