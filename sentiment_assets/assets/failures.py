"""Which failures another try can mend: those alone are retried.

What belongs here: sorting exceptions, and telling Dagster. A fault in the code, a wrong setting or
rows that break their contract fail the same way every time; what storage, the network or another
writer did may have passed in a minute. An unknown error counts as passing.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar, cast

import dagster as dg
import polars as pl

from sentiment_assets.core.quality import ConservationError
from sentiment_assets.engine.landing import RangeRefused, TopicMissing
from sentiment_assets.engine.spark import SparkJobFailed
from sentiment_assets.lake.bronze import UnreadableObject
from sentiment_assets.lake.objects import AccessDenied, LakeOriginError
from sentiment_assets.lake.tables import AuditFailed, ContractViolation

Body = TypeVar("Body", bound=Callable[..., Any])

_PERMANENT = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NameError,
    NotImplementedError,
    TypeError,
    ValueError,
    AccessDenied,
    AuditFailed,
    ConservationError,
    ContractViolation,
    LakeOriginError,
    RangeRefused,
    TopicMissing,
    UnreadableObject,
)


def is_permanent(error: BaseException) -> bool:
    """Another try would fail in the same way."""
    # Errors of the platforms' APIs say it themselves.
    retryable = getattr(error, "retryable", None)
    if retryable is not None:
        return not retryable
    if isinstance(error, SparkJobFailed):
        # Of an error that was raised elsewhere the name is all that came.
        return error.cause in {kind.__name__ for kind in _leaves(_PERMANENT)}
    if isinstance(error, pl.exceptions.PolarsError):
        # Reading from storage fails as ComputeError, everything else is of the query.
        return not isinstance(error, pl.exceptions.ComputeError)
    return isinstance(error, _PERMANENT)


def _leaves(kinds: Iterable[type[BaseException]]) -> Iterator[type[BaseException]]:
    for kind in kinds:
        yield kind
        yield from _leaves(kind.__subclasses__())


def permanent_failures_are_final(body: Body) -> Body:
    """Decorate an asset's body: what :func:`is_permanent` names becomes a failure without retry."""
    if inspect.isgeneratorfunction(body):

        @functools.wraps(body)
        def generating(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with _told_as_final():
                yield from body(*args, **kwargs)

        return cast(Body, generating)

    @functools.wraps(body)
    def returning(*args: Any, **kwargs: Any) -> Any:
        with _told_as_final():
            return body(*args, **kwargs)

    return cast(Body, returning)


@contextlib.contextmanager
def _told_as_final() -> Iterator[None]:
    try:
        yield
    except dg.Failure:
        raise
    except Exception as error:
        if not is_permanent(error):
            raise
        raise dg.Failure(f"{type(error).__name__}: {error}", allow_retries=False) from error
