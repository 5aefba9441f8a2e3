"""Keyed pseudonyms: ids that join inside the lake and mean nothing outside it.

An id without a key is undone by trying all ids (a plain hash of ten digits falls within the hour),
so every pseudonym is HMAC-SHA256 under a secret. Where the secrets are kept and how they change
belongs elsewhere (``resources.keys``); they travel here as one frozen value.

A platform has one secret for each *epoch*: the dates from one rotation to the next. The epoch of a
post follows its own creation date (UTC), so that a rebuild gives the same ids. A secret is never
used itself: each use and each calendar year has a key derived from it (HMAC as a key derivation
function, NIST SP 800-108r1). Hence an author and a post with the same id have different pseudonyms,
and nobody can be followed from one year or epoch to the next.
"""

import datetime as dt
import hashlib
import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

import polars as pl
import polars_hash

Use = Literal["post", "author", "text"]
"""What is pseudonymised. A conversation's id is the id of its first post: use ``post``."""

PSEUDONYM_LENGTH = 32
_SECRET = re.compile(r"[0-9a-f]{64}")


def secret_fingerprint(platform: str, secret: str) -> str:
    """Twelve hex digits that tell one secret from another and nothing about the secret."""
    part = f"{platform}={_derived(secret, 'fingerprint')}"
    return hashlib.sha256(part.encode()).hexdigest()[:12]


def _derived(secret: str, label: str) -> str:
    return hmac.new(bytes.fromhex(secret), label.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True)
class Rotation:
    """A platform's posts from ``first_date`` on have another secret (64 hex digits)."""

    platform: str
    first_date: dt.date
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class PseudonymKeys:
    """The secrets of all platforms. Picklable; never shown.

    ``secrets`` are those of the first epochs, which have no lower bound: ``(platform, 64 hex
    digits)`` pairs. Each of ``rotations`` begins a later epoch; a platform's own stand in the order
    of their dates.
    """

    secrets: tuple[tuple[str, str], ...] = field(repr=False)
    rotations: tuple[Rotation, ...] = ()

    def __post_init__(self) -> None:
        platforms = [platform for platform, _ in self.secrets]
        if len(set(platforms)) < len(platforms):
            raise ValueError("a platform has two first pseudonym secrets: keep one each")
        for platform, secret in (*self.secrets, *((r.platform, r.secret) for r in self.rotations)):
            if not _SECRET.fullmatch(secret):
                raise ValueError(
                    f"a pseudonym secret of {platform!r} is not 64 lower-case hex digits: "
                    "make one with secrets.token_hex(32)"
                )
            if platform not in platforms:
                raise ValueError(f"{platform!r} rotates its pseudonym secret but has no first one")
        for platform in platforms:
            firsts = [r.first_date for r in self.rotations if r.platform == platform]
            if any(after <= before for before, after in pairwise(firsts)):
                raise ValueError(
                    f"the pseudonym epochs of {platform!r} don't follow each other: each must "
                    "begin on a later date than the one before"
                )

    def __repr__(self) -> str:
        names = ", ".join(
            f"{platform} {' '.join(secret_fingerprint(platform, s) for s in self._all(platform))}"
            for platform, _ in self.secrets
        )
        return f"PseudonymKeys({names})"

    def epoch(self, platform: str, date: dt.date) -> int:
        """Number of the epoch that holds a date; the first is 1.

        Raises ``ValueError`` for a platform without a secret.
        """
        self._all(platform)
        return 1 + sum(r.platform == platform and r.first_date <= date for r in self.rotations)

    def key(self, platform: str, date: dt.date, use: Use) -> str:
        """Key material (hex string) for one use on the posts of one platform and date.

        Raises ``ValueError`` for a platform without a secret.
        """
        return _derived(self._secret(platform, date), f"{platform}/{date.year:04d}/{use}")

    def fingerprint(self, platform: str, date: dt.date) -> str:
        """Fingerprint of the secret that a platform has on a date.

        Raises ``ValueError`` for a platform without a secret.
        """
        return secret_fingerprint(platform, self._secret(platform, date))

    def _secret(self, platform: str, date: dt.date) -> str:
        return self._all(platform)[self.epoch(platform, date) - 1]

    def _all(self, platform: str) -> list[str]:
        """The secrets of a platform, epoch by epoch."""
        first = dict(self.secrets).get(platform)
        if first is None:
            raise ValueError(
                f"no pseudonym secret for platform {platform!r}: load the keys with it among the "
                "platforms"
            )
        return [first, *(r.secret for r in self.rotations if r.platform == platform)]


def pseudonym_expr(column: str, key: str) -> pl.Expr:
    """First 32 hex digits of HMAC-SHA256 of a string column under ``PseudonymKeys.key``'s result.

    The hex string itself, as ASCII, is the HMAC's key. Null stays null.
    """
    hashed: pl.Expr = polars_hash.col(column).chash.hmac_sha256(key=key)
    return hashed.str.slice(0, PSEUDONYM_LENGTH).alias(column)


def pseudonyms_of_recurring(ids: pl.Series, key: str) -> pl.Series:
    """The same of a column in which values come again, as authors' ids do: each is hashed once."""
    encoded = ids.to_arrow().dictionary_encode()
    distinct = pl.DataFrame({"id": pl.Series(encoded.dictionary, dtype=pl.String)})
    hashed = distinct.select(pseudonym_expr("id", key)).to_series()
    return hashed.gather(pl.Series(encoded.indices)).alias(ids.name)


def pseudonyms_of(
    ids: pl.Series, keys: PseudonymKeys, platform: str, use: Use, dates: Iterable[dt.date]
) -> pl.DataFrame:
    """Every pseudonym that ids may have in the lake: for finding a person or a post again.

    Args:
        ids: the platform's own ids, as strings.
        keys: all epochs of the platform.
        platform: whose ids they are.
        use: what they are ids of.
        dates: those that the lake holds rows of. An id has one pseudonym in each of their epochs
            and calendar years.

    Returns:
        ``id, epoch, year, pid``, one row an id, epoch and year. Handle it as bronze: it undoes the
        pseudonyms of these ids.

    Raises:
        ValueError: the platform has no secret.
    """
    one_date = {(keys.epoch(platform, date), date.year): date for date in dates}
    given = pl.DataFrame({"id": ids.cast(pl.String)})
    frames = [
        given.with_columns(
            epoch=pl.lit(epoch, pl.Int64), year=pl.lit(year, pl.Int64), pid=pl.col("id")
        ).with_columns(pseudonym_expr("pid", keys.key(platform, date, use)))
        for (epoch, year), date in sorted(one_date.items())
    ]
    schema = {"id": pl.String, "epoch": pl.Int64, "year": pl.Int64, "pid": pl.String}
    return pl.concat([pl.DataFrame(schema=schema), *frames])
