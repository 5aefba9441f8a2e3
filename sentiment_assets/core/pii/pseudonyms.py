"""Keyed pseudonyms: ids that join inside the lake and mean nothing outside it.

An id without a key is undone by trying all ids (a plain hash of ten digits falls within the hour),
so every pseudonym is HMAC-SHA256 under a secret. Where the secrets are kept belongs elsewhere
(``resources.keys``); they travel here as one frozen value.

A platform's secret is never used itself: each use and epoch has a key derived from it
(HMAC as a key derivation function, NIST SP 800-108r1). Hence an author and a post with the same id
have different pseudonyms, and an author can't be followed from one epoch to the next.
"""

import datetime as dt
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Literal

import polars as pl
import polars_hash

Use = Literal["post", "author", "text"]
"""What is pseudonymised. A conversation's id is the id of its first post: use ``post``."""

PSEUDONYM_LENGTH = 32
_SECRET = re.compile(r"[0-9a-f]{64}")


def epoch_of(date: dt.date) -> str:
    """Key epoch of a post: the calendar year of its own date, so that a rebuild gives its ids."""
    return f"{date.year:04d}"


def _derived(secret: str, label: str) -> str:
    return hmac.new(bytes.fromhex(secret), label.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class PseudonymKeys:
    """The secrets of all platforms: ``(platform, 64 hex digits)`` pairs. Picklable; never shown."""

    secrets: tuple[tuple[str, str], ...] = field(repr=False)

    def __post_init__(self) -> None:
        platforms = [platform for platform, _ in self.secrets]
        if len(set(platforms)) < len(platforms):
            raise ValueError("a platform has two pseudonym secrets: keep one each")
        for platform, secret in self.secrets:
            if not _SECRET.fullmatch(secret):
                raise ValueError(
                    f"the pseudonym secret of {platform!r} is not 64 lower-case hex digits: "
                    "make one with secrets.token_hex(32)"
                )

    def __repr__(self) -> str:
        names = ", ".join(f"{p} {self.fingerprint(p)}" for p, _ in self.secrets)
        return f"PseudonymKeys({names})"

    def key(self, platform: str, date: dt.date, use: Use) -> str:
        """Key material (hex string) for one use on the posts of one platform and date.

        Raises ``ValueError`` for a platform without a secret.
        """
        return _derived(self._secret(platform), f"{platform}/{epoch_of(date)}/{use}")

    def fingerprint(self, platform: str) -> str:
        """Twelve hex digits that tell one secret from another and nothing about the secret.

        Raises ``ValueError`` for a platform without a secret.
        """
        part = f"{platform}={_derived(self._secret(platform), 'fingerprint')}"
        return hashlib.sha256(part.encode()).hexdigest()[:12]

    def _secret(self, platform: str) -> str:
        secret = dict(self.secrets).get(platform)
        if secret is None:
            raise ValueError(
                f"no pseudonym secret for platform {platform!r}: load the keys with it among the "
                "platforms"
            )
        return secret


def pseudonym_expr(column: str, key: str) -> pl.Expr:
    """First 32 hex digits of HMAC-SHA256 of a string column under ``PseudonymKeys.key``'s result.

    The hex string itself, as ASCII, is the HMAC's key. Null stays null.
    """
    hashed: pl.Expr = polars_hash.col(column).chash.hmac_sha256(key=key)
    return hashed.str.slice(0, PSEUDONYM_LENGTH).alias(column)
