"""What a platform's client is opened with, and what it says about its access.

What belongs here: the shapes that every client shares. A platform's own settings, scopes and
limits stand in its file.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, ClassVar, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from resources.api_clients.http import check_base_url, check_bearer_token


class PlatformAccess(BaseModel):
    """Settings that every platform has; a platform adds its token and what else it asks for.

    Each is read from ``SENTIMENT_<PLATFORM>_<FIELD>``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    #: Where the platform itself answers.
    LIVE_URL: ClassVar[str]
    #: Requests that the platform grants a credential in ``PERIOD``, unless ``requests`` says other.
    REQUESTS: ClassVar[int]
    PERIOD: ClassVar[timedelta]
    #: The field that holds the secret that requests carry.
    CREDENTIAL: ClassVar[str]

    base_url: str | None = Field(
        None,
        description="Address of the API: the platform's own when live, the simulator's otherwise.",
        examples=["http://127.0.0.1:8080"],
    )
    requests: int | None = Field(
        None,
        ge=1,
        description="Requests that all runs together may send per period; by default what the "
        "platform documents.",
        examples=["200"],
    )
    max_pages: int | None = Field(
        None,
        ge=1,
        description="Pages that one source of one window may cost; by default all.",
        examples=["50"],
    )
    max_wait_seconds: float = Field(
        960.0,
        ge=0,
        description="How long one request may wait for a rate limit before the run gives up.",
        examples=["960"],
    )

    region: str | None = Field(
        None,
        description="Country of most authors there, two letters of ISO 3166, whose phone numbers "
        "are masked as it writes them at home; by default SENTIMENT_REGION.",
        examples=["ZA"],
    )

    @property
    def credential(self) -> SecretStr | None:
        """The secret that requests carry; null where none is set."""
        secret: SecretStr | None = getattr(self, self.CREDENTIAL)
        return secret

    @field_validator("base_url")
    @classmethod
    def _private(cls, url: str | None) -> str | None:
        if url is not None:
            check_base_url(url)
        return url


def sendable(token: SecretStr | None) -> SecretStr | None:
    """For validators: raise ValueError where no header can carry the token."""
    if token is not None:
        check_bearer_token(token.get_secret_value())
    return token


class Source(Protocol):
    """What is tracked: a search, a page, an account, under a name for logs."""

    @property
    def name(self) -> str:
        """In snake_case, for logs and manifests."""

    @property
    def kind(self) -> str:
        """One of the platform's kinds of sources, such as ``query`` or ``page``."""

    @property
    def value(self) -> str:
        """The query's text, the page's id."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: what, whether it is well, what was found, what to do."""

    what: str
    ok: bool
    said: str
    remedy: str = ""


@dataclass(frozen=True)
class TokenEnd:
    """What a platform says of the token: when it ends (UTC; null: never, or nobody says).

    ``refused`` says why it is not accepted any more; empty where it is.
    """

    ends_at: datetime | None
    refused: str = ""


@runtime_checkable
class TellsTokenEnd(Protocol):
    """A client whose platform says when a token ends."""

    def token_end(self) -> TokenEnd:
        """Ask for it; a request.

        Raises:
            ApiError: the platform did not say, for a reason other than the token.
        """


@dataclass(frozen=True)
class SourceCost:
    """What a source costs by its present volume; ``note`` says what the numbers rest on.

    ``requests_per_search`` is of one search over a stretch as the clock asks for; how many of them
    a tick makes is its plan's matter. ``price_per_post`` is in US dollars, for each post and each
    day on which it is returned; null where posts are not paid for.
    """

    source: str
    requests_per_search: int
    posts_per_day: float | None
    note: str = ""
    price_per_post: float | None = None


@dataclass(frozen=True)
class Connection:
    """What a client found when it looked at its own access; ``preview`` holds raw payloads."""

    findings: list[Finding]
    costs: list[SourceCost]
    preview: list[dict[str, Any]] = field(repr=False)

    @property
    def ok(self) -> bool:
        """Whether nothing stands in the way of fetching."""
        return all(finding.ok for finding in self.findings)
