"""Requests that all runs of the instance share: one token bucket a credential, in PostgreSQL.

What belongs here: how a bucket fills and empties, where it is kept, who may take its last share.
What a platform grants stands in its client's file, waiting in ``api_clients.http``.

Why so: docs/decisions/0012-one-bucket-per-credential.md.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from resources.api_clients.errors import TransientApiError
from resources.api_clients.http import Allowance, utc_now
from resources.instance_tables import (
    DatabaseUnreachable,
    connect,
    in_table,
    is_missing_table,
    kind_of_error,
)

#: Of every bucket this share is kept for urgent callers: the 2-hourly run.
RESERVED_SHARE = 1 / 3
#: Sleeping less than this would be polling.
SHORTEST_WAIT_S = 0.05
#: Buckets that nobody has taken from for longer belong to credentials of the past.
LISTED_FOR = timedelta(days=7)

logger = logging.getLogger(__name__)
Outcome = TypeVar("Outcome")


class BudgetUnreachable(TransientApiError):
    """The instance's database didn't answer; nothing was taken, or at most one request."""


@dataclass(frozen=True)
class Bucket:
    """Requests that are left at a moment: the arithmetic, without a clock and without storage.

    ``tokens`` are requests and parts of one, from 0 to ``capacity``, refilled evenly so that an
    empty bucket is full after ``period``. Until ``resumes_at`` the API takes no requests, whatever
    is left. Moments are aware datetimes of one clock.
    """

    capacity: int
    period: timedelta
    tokens: float
    as_of: datetime
    resumes_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.capacity < 1 or self.period <= timedelta():
            raise ValueError(
                f"a bucket of {self.capacity} requests in {self.period} grants nothing; "
                "for example: 450 in 15 minutes"
            )

    @property
    def per_second(self) -> float:
        """How fast it fills."""
        return self.capacity / self.period.total_seconds()

    @property
    def reserve(self) -> float:
        """What callers that are not urgent leave; the smallest buckets grant them one request."""
        return min(self.capacity * RESERVED_SHARE, self.capacity - 1.0)

    def at(self, now: datetime) -> Bucket:
        """The same bucket, later."""
        # Two moments may arrive in the wrong order: refilling what lies between them twice would
        # make requests. A moment that lies further ahead than a period was told by a wrong clock.
        later = self.as_of <= now or self.as_of - now > self.period
        as_of = now if later else self.as_of
        gained = max((as_of - self.as_of).total_seconds(), 0.0) * self.per_second
        return replace(
            self,
            tokens=min(self.tokens + gained, float(self.capacity)),
            as_of=as_of,
            resumes_at=self.resumes_at if self.resumes_at and self.resumes_at > as_of else None,
        )

    def resized(self, capacity: int, period: timedelta) -> Bucket:
        """After its settings changed: nothing is granted anew."""
        tokens = min(self.tokens, float(capacity))
        return replace(self, capacity=capacity, period=period, tokens=tokens)

    def take(self, now: datetime, *, urgent: bool) -> tuple[Bucket, float]:
        """Take one request: what is left then, and 0.0, or the seconds until asking makes sense."""
        bucket = self.at(now)
        if bucket.resumes_at is not None:
            wait = (bucket.resumes_at - bucket.as_of).total_seconds()
            return bucket, max(wait, SHORTEST_WAIT_S)
        needed = 1.0 if urgent else 1.0 + bucket.reserve
        if bucket.tokens >= needed:
            return replace(bucket, tokens=bucket.tokens - 1.0), 0.0
        return bucket, max((needed - bucket.tokens) / bucket.per_second, SHORTEST_WAIT_S)

    def told(self, allowance: Allowance, now: datetime) -> Bucket:
        """After the API said what it still grants: lower where that is less, and never higher.

        It counts what others send with the credential, which nobody takes from here. Where it has
        more than the bucket, requests may be under way that it has not counted, or the setting
        leaves the rest to others: that is no reason to grant more.
        """
        bucket = self.at(now)
        if allowance.reset_at is not None and allowance.reset_at <= bucket.as_of:
            # An answer that was long under way: the API counts anew since.
            return bucket
        left = float(self.capacity)
        if allowance.remaining is not None:
            # A limit below the bucket's own is a smaller plan's or another endpoint's: its share
            # counts, not its number. Else 49 of 50 would keep those out who must leave 150 of 450.
            scale = max(self.capacity / allowance.limit, 1.0) if allowance.limit else 1.0
            left = min(left, allowance.remaining * scale)
        if allowance.used_share is not None:
            left = min(left, (1.0 - allowance.used_share) * self.capacity)
        resumes_at = bucket.resumes_at
        if allowance.used_up and allowance.reset_at is not None:
            # At most a period: one request then asks whether the refusal still stands.
            until = min(allowance.reset_at, bucket.as_of + self.period)
            resumes_at = max(until, resumes_at or until)
        return replace(bucket, tokens=min(bucket.tokens, max(left, 0.0)), resumes_at=resumes_at)


class LocalBudget:
    """A bucket for the threads of one process; another process has its own."""

    def __init__(
        self,
        requests: int,
        period: timedelta,
        urgent: bool = True,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._urgent = urgent
        self._clock = clock
        self._lock = threading.Lock()
        self._bucket = Bucket(requests, period, float(requests), clock())

    def take(self) -> float:
        """Take one request. Returns 0.0 if it was there, else seconds after which to ask again."""
        with self._lock:
            self._bucket, wait = self._bucket.take(self._clock(), urgent=self._urgent)
        return wait

    def observe(self, allowance: Allowance) -> None:
        """Learn what the API itself says is left."""
        with self._lock:
            self._bucket = self._bucket.told(allowance, self._clock())


class SharedBudget:
    """A bucket for every process that knows the instance's database.

    Args:
        url: of the database, for SQLAlchemy (``instance_storage.storage_url``).
        platform: whose API it is.
        credential: the token; only a digest of it is kept, here and in the table.
        requests: how many requests the credential has in ``period``.
        period: the time in which an empty bucket fills.
        urgent: whether the bucket's last share may be taken (``RESERVED_SHARE``).

    Nothing is connected before the first request. Time is the database's: hosts need not agree.
    """

    def __init__(
        self,
        url: str,
        platform: str,
        credential: str,
        requests: int,
        period: timedelta,
        urgent: bool,
    ) -> None:
        self._engine = _engine(url)
        self._key = {"platform": platform, "credential": digest(credential)}
        self._fresh = Bucket(requests, period, float(requests), utc_now())
        self._urgent = urgent

    def __repr__(self) -> str:
        capacity, period = self._fresh.capacity, self._fresh.period
        return f"SharedBudget({self._key['platform']!r}, {capacity} in {period})"

    def take(self) -> float:
        """Take one request. Returns 0.0 if it was there, else seconds after which to ask again.

        Raises:
            BudgetUnreachable: the database is lost. Going on without it would let each process
                send as much as all of them may.
        """
        return self._change(lambda bucket, now: bucket.take(now, urgent=self._urgent))

    def observe(self, allowance: Allowance) -> None:
        """Learn what the API itself says is left; a lost database is logged, the answer is not."""
        try:
            self._change(lambda bucket, now: (bucket.told(allowance, now), None))
        except BudgetUnreachable as error:
            logger.warning("%s; what the API said is left goes unnoted", error)

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._engine.dispose()

    def _change(self, step: Callable[[Bucket, datetime], tuple[Bucket, Outcome]]) -> Outcome:
        try:
            return in_table(
                self._engine, "sentiment_rate_budgets", _TABLE, lambda: self._transact(step)
            )
        except DatabaseUnreachable as error:
            failure = str(error)
        raise _unreachable(failure, f"rate budget of {self._key['platform']}")

    def _transact(self, step: Callable[[Bucket, datetime], tuple[Bucket, Outcome]]) -> Outcome:
        """One short transaction, which holds the row from its first statement to its end."""
        with self._engine.begin() as connection:
            row = connection.execute(_LOCK, self._key).one_or_none()
            if row is None:
                connection.execute(_ADD, {**self._key, **_columns(self._fresh)})
                row = connection.execute(_LOCK, self._key).one()
            found = _bucket(row)
            bucket = found.resized(self._fresh.capacity, self._fresh.period)
            after, outcome = step(bucket, row.now)
            # Who waits writes nothing: the refill follows from the time alone.
            if after.tokens != bucket.at(row.now).tokens or after.resumes_at != found.resumes_at:
                connection.execute(_KEEP, {**self._key, **_columns(after)})
        return outcome


@dataclass(frozen=True)
class BudgetLeft:
    """What a credential has left, as of ``as_of`` by the database's clock. Moments are aware UTC.

    ``left`` requests of ``capacity`` may be sent, ``left_for_backfills`` of them by runs that are
    not urgent. ``full_at`` is when the bucket is full if nobody takes from it, ``resumes_at`` when
    the API takes requests again (None: it does). ``credential`` is a digest.
    """

    platform: str
    credential: str
    capacity: int
    period: timedelta
    left: int
    left_for_backfills: int
    full_at: datetime
    resumes_at: datetime | None
    as_of: datetime


def budgets_left(url: str) -> list[BudgetLeft]:
    """The buckets of the last days' credentials, by platform; none before the first request.

    Raises:
        BudgetUnreachable: the database is lost.
    """
    engine = _engine(url)
    failure = ""
    try:
        with engine.connect() as connection:
            rows = connection.execute(_LIST, {"listed_for": LISTED_FOR}).all()
        return [_left(row) for row in rows]
    except ProgrammingError as error:
        if is_missing_table(error):
            return []
        failure = kind_of_error(error)
    except SQLAlchemyError as error:
        failure = kind_of_error(error)
    finally:
        engine.dispose()
    raise _unreachable(failure, "rate budgets")


def digest(credential: str) -> str:
    """Twelve characters that tell credentials apart and can't be turned back into one."""
    told = hashlib.blake2b(credential.encode(), digest_size=6, person=b"rate budget")
    return told.hexdigest()


def _left(row: sa.Row[Any]) -> BudgetLeft:
    bucket = _bucket(row).at(row.now)
    tokens = 0.0 if bucket.resumes_at else bucket.tokens
    missing = timedelta(seconds=(bucket.capacity - bucket.tokens) / bucket.per_second)
    return BudgetLeft(
        platform=row.platform,
        credential=row.credential,
        capacity=bucket.capacity,
        period=bucket.period,
        left=int(tokens),
        left_for_backfills=int(max(tokens - bucket.reserve, 0.0)),
        full_at=(bucket.as_of + missing).astimezone(timezone.utc),
        resumes_at=bucket.resumes_at.astimezone(timezone.utc) if bucket.resumes_at else None,
        as_of=bucket.as_of.astimezone(timezone.utc),
    )


_TABLE = sa.text("""
    CREATE TABLE IF NOT EXISTS sentiment_rate_budgets (
        platform text NOT NULL,
        credential text NOT NULL,
        capacity integer NOT NULL,
        period interval NOT NULL,
        tokens double precision NOT NULL,
        as_of timestamptz NOT NULL,
        resumes_at timestamptz,
        PRIMARY KEY (platform, credential)
    )
""")
# The time is told outside of the locked query, so that it is read after the wait for the lock.
_LOCK = sa.text("""
    SELECT held.*, clock_timestamp() AS now FROM (
        SELECT capacity, period, tokens, as_of, resumes_at FROM sentiment_rate_budgets
        WHERE platform = :platform AND credential = :credential FOR UPDATE
    ) AS held
""")
_ADD = sa.text("""
    INSERT INTO sentiment_rate_budgets
        (platform, credential, capacity, period, tokens, as_of)
    VALUES (:platform, :credential, :capacity, :period, :tokens, clock_timestamp())
    ON CONFLICT DO NOTHING
""")
_KEEP = sa.text("""
    UPDATE sentiment_rate_budgets SET capacity = :capacity, period = :period, tokens = :tokens,
        as_of = :as_of, resumes_at = :resumes_at
    WHERE platform = :platform AND credential = :credential
""")
_LIST = sa.text("""
    SELECT *, clock_timestamp() AS now FROM sentiment_rate_budgets
    WHERE as_of > clock_timestamp() - CAST(:listed_for AS interval) ORDER BY platform, as_of DESC
""")


def _bucket(row: sa.Row[Any]) -> Bucket:
    return Bucket(row.capacity, row.period, row.tokens, row.as_of, row.resumes_at)


def _columns(bucket: Bucket) -> dict[str, object]:
    return {
        "capacity": bucket.capacity,
        "period": bucket.period,
        "tokens": bucket.tokens,
        "as_of": bucket.as_of,
        "resumes_at": bucket.resumes_at,
    }


def _engine(url: str) -> sa.Engine:
    # A crash of the server may forget the last half second of requests: the API counts them too,
    # and waiting for the disk at each would cost more.
    return connect(url, durable=False)


def _unreachable(failure: str, where: str) -> BudgetUnreachable:
    return BudgetUnreachable(
        f"the instance's database did not answer ({failure})",
        where,
        "check that it runs where SENTIMENT_POSTGRES_URL says",
    )
