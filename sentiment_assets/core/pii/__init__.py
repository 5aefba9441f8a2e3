"""Personal data in post texts: found by rules of shape, replaced by masks.

One rule per file; ``redactor`` applies them, ``column`` to many texts at once. ``pseudonyms``
replaces ids by keyed hashes.
"""

from sentiment_assets.core.pii.column import redact_batch
from sentiment_assets.core.pii.redactor import KINDS, Redaction, redact
from sentiment_assets.core.pii.rule import Span

__all__ = ["KINDS", "Redaction", "Span", "redact", "redact_batch"]
