"""Settings: every value from outside, typed, documented once, read once.

What belongs here: what can be set, what it defaults to, and what is read of it. What is made of it
belongs in ``environments``. Each setting is read from ``SENTIMENT_<NAME>``; secrets are held as
such and never printed. Importing this module reads nothing.
"""

from __future__ import annotations

import datetime as dt
import difflib
import os
import re
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlsplit

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
from resources.api_clients.http import LOOPBACK
from resources.kafka import KafkaConnection, KafkaSettings
from resources.key_store import BucketObject, KeyStore, PrivateFile
from resources.keys import Custody
from resources.kms import KmsKey
from resources.live import LiveSettings
from resources.postgres import (
    MartAddress,
    address_of,
    embedded_address,
)
from resources.producers.settings import ProducerSettings
from resources.running_services import running_services
from resources.spark import SparkSettings, from_bytes, runner_of
from resources.spark_emr import EmrSettings, emr_runner
from sentiment_assets.core.alert_rules import AlertRules, parse_alert_rules
from sentiment_assets.core.deadlines import Deadlines, parse_deadlines
from sentiment_assets.core.layout import KEYS_FOLDER, Origin
from sentiment_assets.core.pii.national_phone import country
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.sentiment import SCORERS, Scorer, ScorerError, scorer_named
from sentiment_assets.core.sentiment.onnx import onnx_scorer
from sentiment_assets.core.sentiment.social import SOCIAL, SocialVader
from sentiment_assets.core.sentiment.word_list import parse_word_list
from sentiment_assets.core.stream_topics import parse_streams
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.tracking import Tracking, parse_tracking
from sentiment_assets.engine.routing import Engines
from sentiment_assets.engine.spark import SparkRunner
from sentiment_assets.engine.window import Budget
from sentiment_assets.engine.workers import cores_in_reach
from sentiment_assets.lake.maintenance import Upkeep
from sentiment_assets.lake.objects import Lake, LakeLocation
from sentiment_assets.lake.reference import ReferenceFolder
from sentiment_assets.privacy.folders import layer_folders

Environment = Literal["local", "aws"]

PREFIX = "SENTIMENT_"
#: Names of the same prefix that mean something else: where tests find data that is not shipped.
NOT_SETTINGS = ("SENTIMENT_SHARED_DATA",)
#: Before the path of a model in SENTIMENT_SCORER.
MODEL_PREFIX = "onnx:"
_TOPIC_ARN = re.compile(r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+(\.fifo)?")
PROJECT_ROOT = Path(__file__).resolve().parents[1]
#: A platform's client is the module of its name, with ``Access`` and ``open_client``.
CLIENTS: Mapping[str, ModuleType] = {
    platform: import_module(f"resources.api_clients.{platform}") for platform in PLATFORMS
}


class SettingsError(Exception):
    """A setting has a wrong value; the message names each with an example."""


class Settings(KafkaSettings, ProducerSettings, SparkSettings, EmrSettings, LiveSettings):
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
    freshness: Path = Field(
        PROJECT_ROOT / "freshness.yaml",
        description="The YAML file of deadlines: how long a table may be behind "
        "(docs/freshness.md).",
        examples=["/etc/sentiment/freshness.yaml"],
    )
    streams: Path = Field(
        PROJECT_ROOT / "streams.yaml",
        description="The YAML file that describes the Kafka topics (docs/streaming.md).",
        examples=["/etc/sentiment/streams.yaml"],
    )
    reference_url: str | None = Field(
        None,
        description="Folder or s3://bucket/prefix of the reference files: campaigns, brands, "
        "markets, holidays (docs/enrichment.md). By default the folder reference: for simulated "
        "posts that of the project, whose files fit their story, for live ones that of the home.",
        examples=["s3://my-bucket/reference"],
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
    s3_bronze_kms_key_id: str | None = Field(
        None,
        description="Key of bronze's objects alone, so that who may decrypt gold can't decrypt "
        "bronze; by default the one key of all.",
        examples=["arn:aws:kms:af-south-1:123456789012:key/…"],
    )
    s3_silver_kms_key_id: str | None = Field(
        None,
        description="Key of silver's objects alone.",
        examples=["arn:aws:kms:af-south-1:123456789012:key/…"],
    )
    s3_gold_kms_key_id: str | None = Field(
        None,
        description="Key of the objects of gold, of reference tables and of the lake's marker.",
        examples=["arn:aws:kms:af-south-1:123456789012:key/…"],
    )
    bronze_group: str | None = Field(
        None,
        description="Group of this machine that may read bronze in a lake on disk: engineers. "
        "By default nobody but the platform's own account may.",
        examples=["sentiment-engineers"],
    )
    silver_group: str | None = Field(
        None,
        description="Group that may read silver: engineers, analysts, data scientists. By default "
        "nobody but the platform's own account may.",
        examples=["sentiment-analysts"],
    )
    gold_group: str | None = Field(
        None,
        description="Group that may read gold and reference tables; by default every account of "
        "the machine may.",
        examples=["sentiment-readers"],
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
    pseudonym_keys: str | None = Field(
        None,
        description="Keyring of the pseudonyms, made on first use: a file of mode 0600, or an "
        "s3:// object whose secrets are wrapped by KMS. By default in the home, one for simulated "
        "and one for live posts; on aws beside the lake's layers.",
        examples=["/etc/sentiment/pseudonym_keys.json"],
    )
    pseudonym_kms_key_id: str | None = Field(
        None,
        description="KMS key that wraps the pseudonym secrets; on aws it or a key file is needed.",
        examples=["alias/sentiment-pseudonyms"],
    )
    kms_endpoint: str | None = Field(
        None,
        description="Address of a KMS other than the region's own: a private endpoint.",
        examples=["https://vpce-0123.kms.af-south-1.vpce.amazonaws.com"],
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
    region: str | None = Field(
        None,
        description="Country of most authors, two letters of ISO 3166: phone numbers as it writes "
        "them at home are masked, those shorter than seven digits or grouped like a score too. A "
        "platform's own setting (SENTIMENT_X_REGION and its like) comes before it.",
        examples=["ZA"],
    )
    name_model: Literal["none", "spacy"] = Field(
        "none",
        description="A model that looks for names of people where the rules found none: slow, and "
        "in the extra `ner`.",
        examples=["spacy"],
    )
    min_authors: int = Field(
        10,
        ge=1,
        description="Gold hides cells with fewer distinct authors.",
        examples=["10"],
    )
    rebuild_minutes: int = Field(
        2,
        ge=0,
        description="A partition's silver and gold are rebuilt at most once in so many minutes.",
        examples=["2"],
    )
    held_rows: int = Field(
        200_000,
        ge=1_000,
        description="Rows of a window that may be held in memory; larger windows are read twice.",
        examples=["200000"],
    )
    workers: int = Field(
        0,
        ge=0,
        description="Processes that build the windows of large dates side by side, of some 400 MB "
        "each; 0: one a core, 8 at most.",
        examples=["2"],
    )
    alerts: Path = Field(
        PROJECT_ROOT / "alerts.yaml",
        description="The YAML file that says what alerts, and how often (docs/alerts.md).",
        examples=["/etc/sentiment/alerts.yaml"],
    )
    alert_webhook_url: SecretStr | None = Field(
        None,
        description="Where alerts are posted as JSON, beside the log and the local page; a secret, "
        "as addresses of chat programs are.",
        examples=["https://hooks.example.com/services/…"],
    )
    alert_webhook_secret: SecretStr | None = Field(
        None,
        description="Signs what is posted (HMAC-SHA256 in X-Sentiment-Signature).",
        examples=["(a secret)"],
    )
    alert_topic_arn: str | None = Field(
        None,
        description="SNS topic that alerts are published to; needs the extra `aws`.",
        examples=["arn:aws:sns:af-south-1:123456789012:sentiment-alerts"],
    )
    sns_endpoint: str | None = Field(
        None,
        description="Address of an SNS other than the region's own: a private endpoint.",
        examples=["https://vpce-0123.sns.af-south-1.vpce.amazonaws.com"],
    )
    ui_url: str | None = Field(
        None,
        description="Address of Dagster's UI, for links in alerts; `sentiment run` knows its own.",
        examples=["https://dagster.internal"],
    )
    runbooks_url: str | None = Field(
        None,
        description="Address of the folder docs/runbooks, for links in alerts; by default its "
        "path in the project.",
        examples=["https://git.internal/sentiment/blob/main/docs/runbooks"],
    )
    table_history_days: int = Field(
        7,
        ge=1,
        description="For how many days a replaced version of a table can still be read; the daily "
        "upkeep removes what is older.",
        examples=["7"],
    )
    postgres_url: SecretStr | None = Field(
        None,
        description="Dagster's storage; by default an embedded PostgreSQL in the home.",
        examples=["postgresql+psycopg2://dagster@db.internal/dagster"],
    )
    mart: Literal["postgres", "off"] = Field(
        "postgres",
        description="Whether gold is published to PostgreSQL as well (docs/mart.md). On aws it is "
        "only where SENTIMENT_MART_URL names a server.",
        examples=["off"],
    )
    mart_url: SecretStr | None = Field(
        None,
        description="PostgreSQL database that gold is published to, as libpq takes it; by default "
        "one on the home's embedded PostgreSQL.",
        examples=[
            "postgresql://loader@db.internal/mart?sslmode=verify-full&sslrootcert=/etc/rds.pem"
        ],
    )
    mart_reader_url: SecretStr | None = Field(
        None,
        description="The same database, or a replica of it, for the dashboard: by an account that "
        "is a member of bi_reader. By default SENTIMENT_MART_URL, as bi_reader.",
        examples=["postgresql://board@db.internal/mart?sslmode=verify-full"],
    )

    log_format: Literal["text", "json"] = Field(
        "text",
        description="How runs log to standard error: as text, or also as a JSON object a line "
        "(docs/metrics.md).",
        examples=["json"],
    )
    metrics_namespace: str | None = Field(
        None,
        pattern=r"^[A-Za-z0-9._/#-]{1,255}$",
        description="CloudWatch namespace of the metrics that JSON log lines carry (embedded "
        "metric format); by default they carry none.",
        examples=["Sentiment"],
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

    @field_validator("home", "tracking", "freshness", "streams", "corrections", "alerts")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return path and path.expanduser().absolute()

    @field_validator("reference_url")
    @classmethod
    def _folder_or_bucket(cls, place: str | None) -> str | None:
        if place is None or re.fullmatch(r"s3://[^/]+(/[^/]+)*/?", place):
            return place
        if "://" in place:
            raise ValueError("must be a folder or s3://bucket/prefix")
        return str(Path(place).expanduser().absolute())

    @field_validator("pseudonym_keys")
    @classmethod
    def _object_or_file(cls, place: str | None) -> str | None:
        if place is None or re.fullmatch(r"s3://[^/]+/(?:[^/]+/)*[^/]+", place):
            return place
        if "://" in place:
            raise ValueError("must be a file or s3://bucket/…/name.json")
        return str(Path(place).expanduser().absolute())

    @field_validator("s3_endpoint", "kms_endpoint", "sns_endpoint", "ui_url", "runbooks_url")
    @classmethod
    def _with_scheme(cls, url: str | None) -> str | None:
        if url is not None and not url.startswith(("http://", "https://")):
            raise ValueError("the address must begin with http:// or https://")
        return url

    @field_validator("alert_webhook_url")
    @classmethod
    def _private_webhook(cls, url: SecretStr | None) -> SecretStr | None:
        address = urlsplit(url.get_secret_value()) if url is not None else None
        if address is not None and not (
            address.hostname
            and (
                address.scheme == "https"
                or (address.scheme == "http" and address.hostname in LOOPBACK)
            )
        ):
            raise ValueError("must begin with https://; http:// is for 127.0.0.1 only")
        return url

    @field_validator("alert_topic_arn")
    @classmethod
    def _topic(cls, arn: str | None) -> str | None:
        if arn is not None and not re.fullmatch(
            r"arn:[\w-]+:sns:[\w-]+:\d{12}:[\w-]+(\.fifo)?", arn
        ):
            raise ValueError("must be the ARN of an SNS topic")
        return arn

    @field_validator("region")
    @classmethod
    def _with_numbering_plan(cls, region: str | None) -> str | None:
        return region and country(region)

    @field_validator("postgres_url")
    @classmethod
    def _psycopg2(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None and not url.get_secret_value().startswith("postgresql"):
            raise ValueError("must begin with postgresql+psycopg2://")
        return url

    @field_validator("mart_url", "mart_reader_url")
    @classmethod
    def _libpq(cls, url: SecretStr | None) -> SecretStr | None:
        if url is not None:
            address_of(url.get_secret_value(), "")
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
        if self.metrics_namespace is not None and self.log_format != "json":
            raise ValueError(
                "SENTIMENT_METRICS_NAMESPACE: metrics stand in JSON log lines; set "
                "SENTIMENT_LOG_FORMAT=json, or leave the namespace out"
            )
        if self.alert_webhook_secret is not None and self.alert_webhook_url is None:
            raise ValueError(
                "SENTIMENT_ALERT_WEBHOOK_SECRET signs what is posted to "
                "SENTIMENT_ALERT_WEBHOOK_URL: set both, or only the address"
            )
        if self.spark_runner == "emr" and not (self.emr_application and self.lake_location.is_s3):
            raise ValueError(
                "SENTIMENT_SPARK_RUNNER: emr needs SENTIMENT_EMR_APPLICATION, and a lake in a "
                "bucket (SENTIMENT_LAKE_URI); docs/spark.md"
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
            if not self.pseudonym_kms_key_id and not self.pseudonym_keys:
                raise ValueError(
                    "SENTIMENT_PSEUDONYM_KMS_KEY_ID must name the KMS key that wraps the pseudonym "
                    "secrets when SENTIMENT_ENV is aws, or SENTIMENT_PSEUDONYM_KEYS a file on a "
                    "disk that stays; for example: alias/sentiment-pseudonyms"
                )
        if (self.pseudonym_keys or "").startswith("s3://") and not self.pseudonym_kms_key_id:
            raise ValueError(
                "SENTIMENT_PSEUDONYM_KEYS is in a bucket, where secrets lie wrapped only: "
                "SENTIMENT_PSEUDONYM_KMS_KEY_ID must name the KMS key; for example: "
                "alias/sentiment-pseudonyms"
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
            return LakeLocation(uri, self.origin, folders=layer_folders(self.layer_groups))
        layer_options = {
            layer: {"AWS_SERVER_SIDE_ENCRYPTION": "aws:kms", "AWS_SSE_KMS_KEY_ID": key}
            for layer, key in self.layer_keys.items()
        }
        return LakeLocation(uri, self.origin, self._s3_options, layer_options)

    @property
    def _s3_options(self) -> dict[str, str]:
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
        return options

    @property
    def reference_folder(self) -> ReferenceFolder:
        """Where a team keeps what gold joins."""
        # The story's campaigns would mark days of real posts.
        root = PROJECT_ROOT if self.origin == "simulated" else self.home
        uri = self.reference_url or str(root / "reference")
        return ReferenceFolder(uri, self._s3_options if uri.startswith("s3://") else {})

    @property
    def layer_keys(self) -> dict[str, str]:
        """KMS keys by layer, of those that have one of their own."""
        keys = {
            "bronze": self.s3_bronze_kms_key_id,
            "silver": self.s3_silver_kms_key_id,
            "gold": self.s3_gold_kms_key_id,
        }
        return {layer: key for layer, key in keys.items() if key}

    @property
    def layer_groups(self) -> dict[str, str]:
        """Groups of this machine by the layer that they may read, where one is named."""
        groups = {
            "bronze": self.bronze_group,
            "silver": self.silver_group,
            "gold": self.gold_group,
        }
        return {layer: group for layer, group in groups.items() if group}

    @property
    def key_place(self) -> str:
        """Where the keyring of the pseudonyms lies: a path or an ``s3://`` URI."""
        if self.pseudonym_keys is not None:
            return self.pseudonym_keys
        if self.env == "aws":
            # A machine's own disk may be gone tomorrow.
            return self.lake_location.uri_of(f"{KEYS_FOLDER}/{self.pseudonym_key_file.name}")
        return str(self.pseudonym_key_file)

    @property
    def pseudonym_key_file(self) -> Path:
        """The keyring on this machine's disk; with one in a bucket, where it would lie here."""
        if self.pseudonym_keys is not None and not self.pseudonym_keys.startswith("s3://"):
            return Path(self.pseudonym_keys)
        return self.home / "keys" / f"pseudonyms-{self.origin}.json"

    @property
    def key_custody(self) -> Custody:
        """The keyring's place and what wraps its secrets."""
        store: KeyStore = PrivateFile(self.pseudonym_key_file)
        if self.key_place.startswith("s3://"):
            options = self._s3_options
            if self.pseudonym_kms_key_id and "AWS_SSE_KMS_KEY_ID" in options:
                # Who may wrap secrets can write them; no layer's key is needed for that.
                options["AWS_SSE_KMS_KEY_ID"] = self.pseudonym_kms_key_id
            store = BucketObject(self.key_place, options)
        if self.pseudonym_kms_key_id is None:
            return Custody(store)
        kms = KmsKey(
            self.pseudonym_kms_key_id, self.s3_region, self.kms_endpoint, self.aws_credentials
        )
        return Custody(store, kms)

    @property
    def aws_credentials(self) -> tuple[str, str] | None:
        """Access key id and secret access key; null for the role of the machine."""
        if self.s3_access_key_id is None or self.s3_secret_access_key is None:
            return None
        return (
            self.s3_access_key_id.get_secret_value(),
            self.s3_secret_access_key.get_secret_value(),
        )

    def keys_in_clear(self, path: Path | None = None) -> KeyStore:
        """The file whose secrets are to be wrapped: the one named, or this machine's."""
        return PrivateFile((path or self.pseudonym_key_file).expanduser().absolute())

    @property
    def mart_address(self) -> MartAddress | None:
        """Where gold is published to; null where it isn't."""
        if self.mart == "off":
            return None
        if self.mart_url is not None:
            return address_of(self.mart_url.get_secret_value(), "SENTIMENT_MART_URL")
        return embedded_address(self.home, self.origin) if self.env == "local" else None

    @property
    def mart_reader_address(self) -> MartAddress | None:
        """Where readers find it; null where nothing is published."""
        if self.mart_reader_url is None or self.mart == "off":
            return self.mart_address
        return address_of(self.mart_reader_url.get_secret_value(), "SENTIMENT_MART_READER_URL")

    @property
    def kafka(self) -> KafkaConnection | None:
        """The Kafka cluster, or the broker that runs in this home; null without either."""
        brokers = self.kafka_brokers or running_services(self.home).get("kafka_brokers")
        if brokers is None:
            return None
        return KafkaConnection(
            brokers,
            self.kafka_security,
            str(self.kafka_ca_file) if self.kafka_ca_file else None,
            self.kafka_username,
            self.kafka_password.get_secret_value() if self.kafka_password else None,
            self.kafka_region or self.s3_region,
        )

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

    def engines(self) -> Engines:
        """What rebuilds, and from which size on."""
        return Engines(self._spark, from_bytes(self))

    @property
    def _spark(self) -> SparkRunner:
        location = self.lake_location
        if self.spark_runner == "emr":
            return emr_runner(
                self, location, credentials=self.aws_credentials, conf=self.spark_conf
            )
        return runner_of(self, location.storage_options)

    def budget(self) -> Budget:
        """What a build may use of the machine."""
        return Budget(self.held_rows, self.workers or cores_in_reach())

    def read_deadlines(self) -> Deadlines:
        """Read how long a table may be behind.

        Raises:
            SettingsError: the file is missing.
            DeadlinesError: it says something wrong; the message names the lines.
        """
        try:
            text = self.freshness.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"SENTIMENT_FRESHNESS: cannot read {self.freshness} ({error.strerror}); "
                f"for example: {PROJECT_ROOT / 'freshness.yaml'}"
            ) from error
        return parse_deadlines(text, self.freshness.name)

    def read_streams(self) -> tuple[StreamTopic, ...]:
        """Read how the Kafka topics should be, each under its name in this environment.

        Raises:
            SettingsError: the file is missing.
            StreamsError: it says something wrong; the message names the lines.
        """
        try:
            text = self.streams.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"SENTIMENT_STREAMS: cannot read {self.streams} ({error.strerror}); "
                f"for example: {PROJECT_ROOT / 'streams.yaml'}"
            ) from error
        return parse_streams(text, self.streams.name, self.kafka_prefix)

    def read_alert_rules(self) -> AlertRules:
        """Read what alerts.

        Raises:
            SettingsError: the file is missing.
            AlertRulesError, TrackingError: a file says something wrong; the lines are named.
        """
        try:
            text = self.alerts.read_text(encoding="utf-8")
        except OSError as error:
            raise SettingsError(
                f"SENTIMENT_ALERTS: cannot read {self.alerts} ({error.strerror}); "
                f"for example: {PROJECT_ROOT / 'alerts.yaml'}"
            ) from error
        topics = tuple(topic.name for topic in self.read_tracking().topics)
        return parse_alert_rules(text, self.alerts.name, topics)

    def upkeep(self) -> Upkeep:
        """How long what is no longer needed stays."""
        return Upkeep(history=dt.timedelta(days=self.table_history_days))

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
        # Clients know no countries.
        if given.get("region") is not None:
            try:
                given["region"] = country(given["region"])
            except ValueError as error:
                example = (access.model_fields["region"].examples or [""])[0]
                variable = f"{PREFIX}{prefix}region".upper()
                complaints.append(f"{variable}: {error}; for example: {example}")
                del given["region"]
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
