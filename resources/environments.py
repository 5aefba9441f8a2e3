"""Settings and environments: every value from outside, typed, documented once, read once.

What belongs here: what can be set, what it defaults to, and which resources an environment has.
Each setting is read from ``SENTIMENT_<NAME>``; secrets are held as such and never printed.
Importing this module reads nothing.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import dagster as dg
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)

from resources.api_clients.http import check_base_url, check_bearer_token
from resources.api_clients.x import XClient
from resources.keys import load_or_create_keys
from resources.lake_io_manager import LakeIOManager
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import PLATFORMS, Origin
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import Tracking, parse_tracking
from sentiment_assets.engine.in_process import Budget
from sentiment_assets.lake.objects import Lake, LakeLocation

Environment = Literal["local", "aws"]

PREFIX = "SENTIMENT_"
#: Names of the same prefix that mean something else: where tests find data that is not shipped.
NOT_SETTINGS = ("SENTIMENT_SHARED_DATA",)
PROJECT_ROOT = Path(__file__).resolve().parents[1]


class SettingsError(Exception):
    """A setting has a wrong value; the message names each with an example."""


class Settings(BaseModel):
    """What can be set. ``examples`` are what an error message shows."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    env: Environment = Field("local", description="Where the platform runs.", examples=["aws"])
    source: Literal["simulator", "live"] = Field(
        "simulator",
        description="Whose posts are fetched: the simulator's or the platforms' own.",
        examples=["live"],
    )
    home: Path = Field(
        PROJECT_ROOT / ".sentiment",
        description="Folder of everything local: lake, keys, Dagster's home, PostgreSQL's data.",
        examples=["/var/lib/sentiment"],
    )
    tracking: Path = Field(
        PROJECT_ROOT / "tracking.yaml",
        description="The YAML file that says what is tracked.",
        examples=["/etc/sentiment/tracking.yaml"],
    )
    lake_uri: str | None = Field(
        None,
        description="Root of the lake: an absolute folder or s3://bucket/prefix. "
        "By default a folder in the home, one for simulated and one for live posts.",
        examples=["s3://my-bucket/sentiment"],
    )
    s3_region: str = Field(
        "us-east-1", description="Region of the bucket.", examples=["af-south-1"]
    )
    s3_endpoint: str | None = Field(
        None,
        description="Address of an S3 API other than AWS's.",
        examples=["http://127.0.0.1:9000"],
    )
    s3_access_key_id: SecretStr | None = Field(
        None, description="Access key; by default the role of the machine.", examples=["AKIA…"]
    )
    s3_secret_access_key: SecretStr | None = Field(
        None, description="Secret of the access key.", examples=["(a secret)"]
    )
    s3_kms_key_id: str | None = Field(
        None,
        description="KMS key that encrypts every object (SSE-KMS); needed on aws.",
        examples=["arn:aws:kms:af-south-1:123456789012:key/…"],
    )
    x_base_url: str | None = Field(
        None,
        description="Address of X's API: https://api.x.com when live, the simulator's otherwise.",
        examples=["https://api.x.com"],
    )
    x_bearer_token: SecretStr | None = Field(
        None, description="Bearer token of the X app; needed when live.", examples=["AAAA…"]
    )
    x_max_pages: int | None = Field(
        None,
        ge=1,
        description="Pages of 100 posts that one query of one window may cost; by default all.",
        examples=["50"],
    )
    x_max_wait_seconds: float = Field(
        960.0,
        ge=0,
        description="How long one request may wait for a rate limit before the run gives up.",
        examples=["960"],
    )
    pseudonym_keys: Path | None = Field(
        None,
        description="File of the pseudonym keys, made on first use with mode 0600. "
        "By default in the home, one for simulated and one for live posts.",
        examples=["/etc/sentiment/pseudonym_keys.json"],
    )
    keep_text: bool = Field(
        True,
        description="Keep masked text in silver; it is personal data still.",
        examples=["false"],
    )
    min_authors: int = Field(
        10,
        ge=1,
        description="Gold hides cells with fewer distinct authors.",
        examples=["10"],
    )
    rebuild_minutes: int = Field(
        10,
        ge=0,
        description="A partition's silver and gold are rebuilt at most once in so many minutes.",
        examples=["10"],
    )
    held_rows: int = Field(
        200_000,
        ge=1_000,
        description="Rows of a window that may be held in memory; larger windows are read twice.",
        examples=["200000"],
    )
    postgres_url: SecretStr | None = Field(
        None,
        description="Dagster's storage; by default an embedded PostgreSQL in the home.",
        examples=["postgresql+psycopg2://dagster@db.internal/dagster"],
    )

    @field_validator("home", "tracking", "pseudonym_keys")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @field_validator("x_base_url")
    @classmethod
    def _private(cls, url: str | None) -> str | None:
        if url is not None:
            check_base_url(url)
        return url

    @field_validator("x_bearer_token")
    @classmethod
    def _sendable(cls, token: SecretStr | None) -> SecretStr | None:
        if token is not None:
            check_bearer_token(token.get_secret_value())
        return token

    @field_validator("s3_endpoint")
    @classmethod
    def _with_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("the address must begin with http:// or https://")
        return url

    @field_validator("postgres_url")
    @classmethod
    def _psycopg2(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith("postgresql"):
            raise ValueError("must begin with postgresql+psycopg2://")
        return url

    @model_validator(mode="after")
    def _agree(self) -> Settings:
        try:
            _ = self.lake_location
        except ValueError as error:
            raise ValueError(f"SENTIMENT_LAKE_URI: {error}") from None
        if (self.s3_access_key_id is None) != (self.s3_secret_access_key is None):
            raise ValueError(
                "SENTIMENT_S3_ACCESS_KEY_ID and SENTIMENT_S3_SECRET_ACCESS_KEY must be set "
                "together; for the role of the machine, set neither"
            )
        if self.env == "aws":
            if self.source != "live":
                raise ValueError("SENTIMENT_SOURCE must be live when SENTIMENT_ENV is aws")
            if not self.lake_uri or not self.lake_uri.startswith("s3://"):
                raise ValueError(
                    "SENTIMENT_LAKE_URI must name a bucket when SENTIMENT_ENV is aws; "
                    "for example: s3://my-bucket/sentiment"
                )
            if not self.s3_kms_key_id:
                raise ValueError(
                    "SENTIMENT_S3_KMS_KEY_ID must name a KMS key when SENTIMENT_ENV is aws; "
                    "for example: alias/sentiment"
                )
        if self.source == "live" and self.x_bearer_token is None:
            raise ValueError(
                "SENTIMENT_X_BEARER_TOKEN must be set when SENTIMENT_SOURCE is live; "
                "for example: export SENTIMENT_X_BEARER_TOKEN=AAAA…"
            )
        return self

    @property
    def origin(self) -> Origin:
        """Whose posts the lake holds."""
        return "simulated" if self.source == "simulator" else "live"

    @property
    def lake_location(self) -> LakeLocation:
        """Where the lake lies; simulated and live posts never share a root."""
        uri = self.lake_uri or str(self.home / "lake" / self.origin)
        if not uri.startswith("s3://"):
            return LakeLocation(uri, self.origin)
        options = {"AWS_REGION": self.s3_region}
        if self.s3_endpoint:
            options["AWS_ENDPOINT_URL"] = self.s3_endpoint
            if self.s3_endpoint.startswith("http://"):
                options["AWS_ALLOW_HTTP"] = "true"
        if self.s3_access_key_id and self.s3_secret_access_key:
            options["AWS_ACCESS_KEY_ID"] = self.s3_access_key_id.get_secret_value()
            options["AWS_SECRET_ACCESS_KEY"] = self.s3_secret_access_key.get_secret_value()
        if self.s3_kms_key_id:
            options["AWS_SERVER_SIDE_ENCRYPTION"] = "aws:kms"
            options["AWS_SSE_KMS_KEY_ID"] = self.s3_kms_key_id
        return LakeLocation(uri, self.origin, options)

    @property
    def pseudonym_key_file(self) -> Path:
        """Where the pseudonym keys lie."""
        return self.pseudonym_keys or self.home / "keys" / f"pseudonyms-{self.origin}.json"

    def open_lake(self) -> Lake:
        """Open the lake; raises LakeOriginError where it holds the other kind of posts."""
        return Lake.open(self.lake_location)

    def read_tracking(self) -> Tracking:
        """Read what is tracked.

        Raises:
            SettingsError: the file is missing.
            TrackingError: it says something wrong; the message names the lines.
        """
        try:
            text = self.tracking.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"SENTIMENT_TRACKING: cannot read {self.tracking} ({error.strerror}); "
                f"for example: {PROJECT_ROOT / 'tracking.yaml'}"
            ) from error
        return parse_tracking(text, self.tracking.name)


def read_settings(environment: Mapping[str, str] | None = None, **overrides: Any) -> Settings:
    """Read and validate the settings.

    Args:
        environment: instead of the process's own; for tests.
        overrides: values by field name, stronger than the environment.

    Raises:
        SettingsError: naming each wrong setting, what was wrong, and an example.
    """
    variables = os.environ if environment is None else environment
    _refuse_unknown(variables)
    known = {
        name: variables[variable]
        for name in Settings.model_fields
        if (variable := PREFIX + name.upper()) in variables and variables[variable] != ""
    }
    try:
        return Settings.model_validate({**known, **overrides})
    except ValidationError as error:
        raise SettingsError("\n".join(_complaints(error))) from None


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    """A mistyped name would leave its default standing, unseen."""
    names = [PREFIX + name.upper() for name in Settings.model_fields]
    complaints = []
    for variable in sorted(set(variables) - {*names, *NOT_SETTINGS}):
        if variable.startswith(PREFIX):
            near = difflib.get_close_matches(variable, names, 1)
            hint = f"did you mean {near[0]}?" if near else "`sentiment settings` lists all"
            complaints.append(f"{variable}: there is no such setting; {hint}")
    if complaints:
        raise SettingsError("\n".join(complaints))


def describe(
    settings: Settings, environment: Mapping[str, str] | None = None
) -> list[dict[str, str]]:
    """Each setting with its value (secrets masked), where it came from, and what it is for."""
    variables = os.environ if environment is None else environment
    described = []
    for name, field in Settings.model_fields.items():
        value = getattr(settings, name)
        variable = PREFIX + name.upper()
        described.append(
            {
                "setting": variable,
                "value": "" if value is None else str(value),
                "source": "environment" if variables.get(variable) else "default",
                "description": field.description or "",
            }
        )
    return described


def _complaints(error: ValidationError) -> list[str]:
    complaints = []
    for problem in error.errors(include_url=False, include_input=False):
        if not problem["loc"]:
            complaints.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        said = problem["msg"].removeprefix("Value error, ")
        example = (Settings.model_fields[name].examples or [""])[0]
        complaints.append(
            f"{PREFIX}{name.upper()}: {said[:1].lower()}{said[1:]}; for example: {example}"
        )
    return complaints


def resources_for(settings: Settings) -> dict[str, dg.ResourceDefinition]:
    """The resources of an environment, by the names that assets ask for.

    Each is made when a run first needs it, from the settings and not from Dagster's run config, so
    that no secret can reach the event log.
    """

    def resource(make: Callable[[], Any]) -> dg.ResourceDefinition:
        return dg.ResourceDefinition(resource_fn=lambda _: make())

    return {
        "lake": resource(settings.open_lake),
        "lake_io_manager": dg.IOManagerDefinition(
            resource_fn=lambda _: LakeIOManager(settings.open_lake())
        ),
        "clients": resource(lambda: api_clients(settings)),
        "tracking": resource(settings.read_tracking),
        "rules": resource(lambda: silver_rules(settings)),
        "budget": resource(lambda: Budget(held_rows=settings.held_rows)),
        "min_authors": resource(lambda: settings.min_authors),
    }


def api_clients(settings: Settings) -> dict[str, XClient]:
    """One client a platform.

    Raises:
        SettingsError: the simulator is the source and nobody said where it listens.
    """
    base_url = settings.x_base_url
    if settings.source == "live":
        base_url = base_url or "https://api.x.com"
    elif base_url is None:
        base_url = running_services(settings.home).get("x_base_url")
    if base_url is None:
        raise SettingsError(
            "SENTIMENT_X_BASE_URL: no simulator is running that this process knows of. "
            "`make run` starts one with everything else; for live posts set SENTIMENT_SOURCE=live"
        )
    token = settings.x_bearer_token.get_secret_value() if settings.x_bearer_token else "simulated"
    return {
        "x": XClient(
            base_url,
            token,
            max_pages=settings.x_max_pages,
            max_wait_s=settings.x_max_wait_seconds,
        )
    }


def running_services(home: Path) -> dict[str, str]:
    """Addresses of what `sentiment run` started in this home; empty when none runs."""
    try:
        note = json.loads((home / "running.json").read_text(encoding="utf-8"))
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {name: value for name, value in note.items() if isinstance(value, str)}


def silver_rules(settings: Settings) -> SilverRules:
    """What cleaning needs: keys, topics, scorer.

    Raises:
        SettingsError: silver was made with keys that are not there.
    """
    key_file = settings.pseudonym_key_file
    if not key_file.exists() and settings.open_lake().table(SILVER_POSTS).exists():
        raise SettingsError(
            f"SENTIMENT_PSEUDONYM_KEYS: {key_file} is missing, and silver was made with its keys: "
            "new ones would part every author from the posts before. Restore it from its backup "
            "(docs/runbooks/lost-pseudonym-keys.md)"
        )
    return SilverRules(
        keys=load_or_create_keys(key_file, PLATFORMS),
        topics=settings.read_tracking().topics,
        keep_text=settings.keep_text,
    )
