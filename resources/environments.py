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
from functools import partial
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import dagster as dg
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    SerializeAsAny,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from resources.api_clients.access import PlatformAccess
from resources.api_clients.http import RateBudget
from resources.keys import load_or_create_keys
from resources.lake_io_manager import LakeIOManager
from resources.rate_budget import BudgetLeft, LocalBudget, SharedBudget, budgets_left, digest
from sentiment_assets.automation import URGENT_TAG
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.layout import Origin
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.sentiment import SCORERS, Scorer, ScorerError, scorer_named
from sentiment_assets.core.sentiment.onnx import onnx_scorer
from sentiment_assets.core.sentiment.social import SOCIAL, SocialVader
from sentiment_assets.core.sentiment.word_list import parse_word_list
from sentiment_assets.core.silver import SilverRules
from sentiment_assets.core.tracking import Tracking, parse_tracking
from sentiment_assets.engine.in_process import Budget
from sentiment_assets.lake.objects import Lake, LakeLocation

Environment = Literal["local", "aws"]

PREFIX = "SENTIMENT_"
#: Names of the same prefix that mean something else: where tests find data that is not shipped.
NOT_SETTINGS = ("SENTIMENT_SHARED_DATA",)
#: Before the path of a model in SENTIMENT_SCORER.
MODEL_PREFIX = "onnx:"
PROJECT_ROOT = Path(__file__).resolve().parents[1]
#: The simulator grants a first fill of a week at once; the platforms don't.
SIMULATED_REQUESTS = 100_000
#: A platform's client is the module of its name, with ``Access`` and ``open_client``.
CLIENTS: Mapping[str, ModuleType] = {
    platform: import_module(f"resources.api_clients.{platform}") for platform in PLATFORMS
}


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
    catch_up_days: int = Field(
        7,
        ge=1,
        description="How many days back the clock fetches what is missing; older dates are for a "
        "backfill.",
        examples=["7"],
    )
    #: By platform; each is read from SENTIMENT_<PLATFORM>_<FIELD>.
    platforms: dict[str, SerializeAsAny[PlatformAccess]]
    pseudonym_keys: Path | None = Field(
        None,
        description="File of the pseudonym keys, made on first use with mode 0600. "
        "By default in the home, one for simulated and one for live posts.",
        examples=["/etc/sentiment/pseudonym_keys.json"],
    )
    scorer: str = Field(
        "vader",
        description="Who scores: vader; vader+social, with today's words; textblob; or onnx: and "
        "the file of a model of your own (docs/add-a-scorer.md).",
        examples=["vader+social"],
    )
    corrections: Path | None = Field(
        None,
        description="YAML file of words that vader+social reads in another way, for every post or "
        "for those of a tracked topic.",
        examples=["/etc/sentiment/corrections.yaml"],
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

    @field_validator("scorer")
    @classmethod
    def _known_scorer(cls, scorer: str) -> str:
        if scorer in SCORERS:
            return scorer
        if (path := scorer.removeprefix(MODEL_PREFIX)) and path != scorer:
            # Runs begin in other folders.
            return f"{MODEL_PREFIX}{Path(path).expanduser().absolute()}"
        known = ", ".join(sorted(SCORERS))
        raise ValueError(f"must be {known}, or {MODEL_PREFIX} and the path of a model")

    @field_validator("home", "tracking", "pseudonym_keys", "corrections")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

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
        if self.corrections is not None and self.scorer != SOCIAL.name:
            raise ValueError(
                f"SENTIMENT_CORRECTIONS is read by {SOCIAL.name} alone: set "
                f"SENTIMENT_SCORER={SOCIAL.name}, or leave the corrections out"
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
        if self.source == "live" and not self.connected:
            needed = " or ".join(credential_setting(name) for name in PLATFORMS)
            raise ValueError(
                f"when SENTIMENT_SOURCE is live, a platform's token must be set: {needed}; "
                "docs/access.md says how to get one"
            )
        return self

    @property
    def connected(self) -> list[str]:
        """Platforms that can be asked: the simulator's, or those with a token when live."""
        if self.source == "simulator":
            given = [name for name in PLATFORMS if self.platforms[name].base_url is not None]
            return given or list(PLATFORMS)
        return [name for name in PLATFORMS if self.platforms[name].credential is not None]

    @property
    def simulator_given(self) -> bool:
        """Somebody said where a simulator listens; another need not be started."""
        return any(access.base_url is not None for access in self.platforms.values())

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

    def make_scorer(self) -> Scorer:
        """Make the scorer, with all that it needs: it is shipped to workers without a file.

        Raises:
            SettingsError: a file is missing, or is no model that can score.
            WordListError: the corrections say something wrong; the message names the lines.
        """
        if self.scorer.startswith(MODEL_PREFIX):
            path = Path(self.scorer.removeprefix(MODEL_PREFIX))
            try:
                return onnx_scorer(path.read_bytes(), path.stem)
            except OSError as error:
                raise SettingsError(
                    f"SENTIMENT_SCORER: cannot read {path} ({error.strerror}); "
                    f"for example: {MODEL_PREFIX}/etc/sentiment/model.onnx"
                ) from error
            except ScorerError as error:
                raise SettingsError(f"SENTIMENT_SCORER: {error}") from error
        if self.corrections is None:
            return scorer_named(self.scorer)
        try:
            text = self.corrections.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"SENTIMENT_CORRECTIONS: cannot read {self.corrections} ({error.strerror}); "
                "docs/scorers.md has an example"
            ) from error
        topics = [topic.name for topic in self.read_tracking().topics]
        return SocialVader(parse_word_list(text, self.corrections.name, topics))


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
    complaints: list[str] = []
    platforms: dict[str, PlatformAccess] = {}
    for platform in PLATFORMS:
        access: type[PlatformAccess] = CLIENTS[platform].Access
        prefix = f"{platform}_"
        given = _given(variables, access, prefix)
        for field in access.model_fields:
            if prefix + field in overrides:
                given[field] = overrides.pop(prefix + field)
        try:
            platforms[platform] = access.model_validate(given)
        except ValidationError as error:
            complaints += _complaints(error, access, prefix)
            platforms[platform] = access.model_validate({})
    given = _given(variables, Settings, "")
    try:
        settings = Settings.model_validate({"platforms": platforms, **given, **overrides})
    except ValidationError as error:
        complaints = [*_complaints(error, Settings, ""), *complaints]
    if complaints:
        raise SettingsError("\n".join(complaints))
    return settings


def setting_names() -> dict[str, tuple[str | None, str]]:
    """Every setting: its name in the environment -> its platform, if it is one's, and field."""
    names: dict[str, tuple[str | None, str]] = {
        PREFIX + field.upper(): (None, field)
        for field in Settings.model_fields
        if field != "platforms"
    }
    for platform in PLATFORMS:
        for field in CLIENTS[platform].Access.model_fields:
            names[f"{PREFIX}{platform}_{field}".upper()] = (platform, field)
    return names


def setting_field(variable: str) -> FieldInfo:
    """What stands of a setting: description, default, examples."""
    platform, name = setting_names()[variable]
    model: type[BaseModel] = Settings if platform is None else CLIENTS[platform].Access
    return model.model_fields[name]


def credential_setting(platform: str) -> str:
    """Name of the setting that holds a platform's token."""
    access: type[PlatformAccess] = CLIENTS[platform].Access
    return f"{PREFIX}{platform}_{access.CREDENTIAL}".upper()


def _given(variables: Mapping[str, str], model: type[BaseModel], prefix: str) -> dict[str, Any]:
    return {
        field: variables[variable]
        for field in model.model_fields
        if variables.get(variable := f"{PREFIX}{prefix}{field}".upper())
    }


def _refuse_unknown(variables: Mapping[str, str]) -> None:
    """A mistyped name would leave its default standing, unseen."""
    names = list(setting_names())
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
    for variable, (platform, name) in setting_names().items():
        value = getattr(settings.platforms[platform] if platform else settings, name)
        described.append(
            {
                "setting": variable,
                "value": "" if value is None else str(value),
                "source": "environment" if variables.get(variable) else "default",
                "description": setting_field(variable).description or "",
            }
        )
    return described


def _complaints(error: ValidationError, model: type[BaseModel], prefix: str) -> list[str]:
    complaints = []
    for problem in error.errors(include_url=False, include_input=False):
        if not problem["loc"]:
            complaints.append(problem["msg"].removeprefix("Value error, "))
            continue
        name = str(problem["loc"][0])
        said = problem["msg"].removeprefix("Value error, ")
        example = (model.model_fields[name].examples or [""])[0]
        variable = f"{PREFIX}{prefix}{name}".upper()
        complaints.append(f"{variable}: {said[:1].lower()}{said[1:]}; for example: {example}")
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
        "clients": dg.ResourceDefinition(
            resource_fn=lambda context: api_clients(
                settings, database=_database_of(context), urgent=_is_urgent(context)
            )
        ),
        "requests_left": dg.ResourceDefinition(
            resource_fn=lambda context: partial(requests_left, settings, _database_of(context))
        ),
        "tracking": resource(settings.read_tracking),
        "rules": resource(lambda: silver_rules(settings)),
        "budget": resource(lambda: Budget(held_rows=settings.held_rows)),
        "catch_up_days": resource(lambda: settings.catch_up_days),
        "min_authors": resource(lambda: settings.min_authors),
    }


def api_clients(
    settings: Settings, *, database: str | None = None, urgent: bool = False
) -> dict[str, Any]:
    """One client for each connected platform.

    Args:
        settings: whose credentials and addresses.
        database: of the instance, where all its runs share a budget of requests; without one a
            client has the budget to itself.
        urgent: the 2-hourly clock asks, for whom a share of each budget is kept.

    Raises:
        SettingsError: the simulator is the source and nobody said where it listens.
    """
    return {
        name: api_client(settings, name, database=database, urgent=urgent)
        for name in settings.connected
    }


def api_client(
    settings: Settings, platform: str, *, database: str | None = None, urgent: bool = False
) -> Any:
    """The client of one platform; see :func:`api_clients`.

    Raises:
        SettingsError: as there; or the platform has no token and is to be asked itself.
    """
    access = settings.platforms[platform]
    base_url = access.base_url
    if settings.source == "live":
        base_url = base_url or access.LIVE_URL
        if access.credential is None:
            raise SettingsError(
                f"{credential_setting(platform)}: needed when SENTIMENT_SOURCE is live; "
                "docs/access.md says how to get it"
            )
    elif base_url is None:
        base_url = running_services(settings.home).get(f"{platform}_base_url")
    if base_url is None:
        raise SettingsError(
            f"{PREFIX}{platform.upper()}_BASE_URL: no simulator is running that this process knows "
            "of. `make run` starts one with everything else; for live posts set "
            "SENTIMENT_SOURCE=live"
        )
    token = _token(access)
    requests = granted_requests(settings, platform)
    budget: RateBudget
    if database is None:
        budget = LocalBudget(requests, access.PERIOD)
    else:
        budget = SharedBudget(database, platform, token, requests, access.PERIOD, urgent)
    return CLIENTS[platform].open_client(access, base_url=base_url, token=token, budget=budget)


def granted_requests(settings: Settings, platform: str) -> int:
    """Requests a period that all runs together may send to a platform."""
    access = settings.platforms[platform]
    granted = access.REQUESTS if settings.source == "live" else SIMULATED_REQUESTS
    return access.requests or granted


def requests_left(settings: Settings, database: str | None) -> dict[str, BudgetLeft]:
    """What the budget of each platform's present credential has left, where one is shared.

    Platforms that were not asked yet are missing.

    Raises:
        BudgetUnreachable: the database is lost.
    """
    if database is None:
        return {}
    own = {name: digest(_token(access)) for name, access in settings.platforms.items()}
    return {
        left.platform: left
        for left in budgets_left(database)
        if own.get(left.platform) == left.credential
    }


def known_database(settings: Settings) -> str | None:
    """The instance's database, if it is named or runs: nothing is started for the answer."""
    if settings.postgres_url is not None:
        return settings.postgres_url.get_secret_value()
    return running_services(settings.home).get("postgres_url")


def _token(access: PlatformAccess) -> str:
    return access.credential.get_secret_value() if access.credential else "simulated"


def _database_of(context: dg.InitResourceContext) -> str | None:
    """PostgreSQL where the instance keeps its runs; null for an instance in memory or in files."""
    storage = context.instance.run_storage if context.instance else None
    return getattr(storage, "postgres_url", None)


def _is_urgent(context: dg.InitResourceContext) -> bool:
    return context.run is not None and URGENT_TAG in context.run.tags


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
        keys=load_or_create_keys(key_file, list(PLATFORMS)),
        topics=settings.read_tracking().topics,
        scorer=settings.make_scorer(),
        keep_text=settings.keep_text,
    )
