"""Environments: what is made of the settings, and which resources a run has.

What belongs here: how clients, stores, keys, rules and Dagster's resources are made of
:class:`~resources.settings.Settings`. What can be set is said there.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from resources.alert_store import AlertStore, MemoryStore, PostgresStore
from resources.api_clients.access import PlatformAccess, TellsTokenEnd, TokenEnd
from resources.api_clients.http import RateBudget
from resources.keys import add_platforms, read_keyring, unlock
from resources.lake_io_manager import LakeIOManager
from resources.live import live_runner
from resources.metric_lines import MetricLines
from resources.notifiers import (
    PAGE,
    Channel,
    LogChannel,
    Notifier,
    SnsChannel,
    WebhookChannel,
)
from resources.postgres import (
    MartError,
    MartMissing,
    MartReader,
)
from resources.producers.producing import receives
from resources.rate_budget import BudgetLeft, LocalBudget, SharedBudget, budgets_left, digest
from resources.running_services import running_services
from resources.settings import (
    CLIENTS,
    PREFIX,
    Settings,
    SettingsError,
    credential_setting,
)
from sentiment_assets.assets.marts import Held, held_by
from sentiment_assets.automation import URGENT_TAG
from sentiment_assets.core.alert_messages import RUNBOOKS, Links
from sentiment_assets.core.contracts import SILVER_POSTS
from sentiment_assets.core.freshness import Watch
from sentiment_assets.core.pii.name_models import ModelError, require
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets.core.silver import SilverRules, TextRules
from sentiment_assets.core.topic_states import landing_group
from sentiment_assets.core.tracking import Tracking
from sentiment_assets.engine.live import LiveOrder, LiveStream
from sentiment_assets.lake.objects import Lake
from sentiment_assets.live_sensors import LiveRules
from sentiment_assets.stream_sensors import LandingRules
from sentiment_assets.stream_watch import StreamWatcher

if TYPE_CHECKING:
    from resources.kafka_reader import KafkaReader
    from resources.kafka_topics import TopicAdmin
    from resources.mart_publisher import PostgresMart
    from resources.producers.service import Producing

#: For limits of an API that is asked for what a push names.
PUSH_WAIT_SECONDS = 3.0
#: The simulator grants a first fill of a week at once; the platforms don't.
SIMULATED_REQUESTS = 100_000


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
        "notifier": _notifier_resource(settings),
        "token_ends": resource(lambda: partial(token_ends, settings)),
        "stream_reader": _stream_reader_resource(settings),
        "tracking": resource(settings.read_tracking),
        "reference_folder": resource(lambda: settings.reference_folder),
        "rules": resource(lambda: silver_rules(settings)),
        "budget": resource(lambda: settings.budget()),
        "engines": resource(settings.engines),
        "watch": resource(partial(freshness_watch, settings)),
        "upkeep": resource(settings.upkeep),
        "mart": _mart_resource(settings),
        "ask_mart": resource(lambda: partial(mart_holds, settings)),
        "live_stream": resource(partial(live_stream, settings)),
        "catch_up_days": resource(lambda: settings.catch_up_days),
        "min_authors": resource(lambda: settings.min_authors),
        "stream_watcher": _stream_watcher_resource(settings),
        "metric_lines": resource(
            lambda: MetricLines(
                settings.metrics_namespace if settings.log_format == "json" else None
            )
        ),
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


def _base_url(settings: Settings, platform: str) -> str | None:
    """Where a platform's API is asked; null for a simulator that nobody knows of."""
    access = settings.platforms[platform]
    if settings.source == "live":
        return access.base_url or access.LIVE_URL
    return access.base_url or running_services(settings.home).get(f"{platform}_base_url")


def api_client(
    settings: Settings,
    platform: str,
    *,
    database: str | None = None,
    urgent: bool = False,
    max_wait_seconds: float | None = None,
) -> Any:
    """The client of one platform; see :func:`api_clients`.

    Args:
        max_wait_seconds: instead of the platform's setting, for whom others wait.

    Raises:
        SettingsError: as there; or the platform has no token and is to be asked itself.
    """
    access = settings.platforms[platform]
    if max_wait_seconds is not None:
        access = access.model_copy(update={"max_wait_seconds": max_wait_seconds})
    base_url = _base_url(settings, platform)
    if settings.source == "live" and access.credential is None:
        raise SettingsError(
            f"{credential_setting(platform)}: needed when SENTIMENT_SOURCE is live; "
            "docs/access.md says how to get it"
        )
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


@contextlib.contextmanager
def open_stream_reader(settings: Settings) -> Iterator[KafkaReader]:
    """What reads the topics, for as long as a run or a look takes.

    Raises:
        SettingsError: there is no cluster to read.
    """
    if settings.kafka is None:
        raise SettingsError(
            f"{PREFIX}KAFKA_BROKERS: needed to land what was streamed; for example: 127.0.0.1:9092 "
            "(docs/streaming.md)"
        )
    # librdkafka is loaded where a cluster is spoken to, and nowhere else.
    from resources.kafka_reader import KafkaReader

    group = landing_group(settings.kafka_prefix)
    with contextlib.closing(KafkaReader(settings.kafka, group)) as reader:
        yield reader


def _stream_reader_resource(settings: Settings) -> dg.ResourceDefinition:
    def make(_context: dg.InitResourceContext) -> Iterator[KafkaReader]:
        with open_stream_reader(settings) as reader:
            yield reader

    return dg.ResourceDefinition(resource_fn=make)


def live_stream(settings: Settings) -> LiveStream:
    """What a run of live posts needs.

    Raises:
        SettingsError: there is no cluster to read.
    """
    connection = settings.kafka
    if connection is None:
        raise SettingsError(
            f"{PREFIX}KAFKA_BROKERS: needed for live posts; for example: 127.0.0.1:9092 "
            "(docs/streaming.md)"
        )
    # Groups that landing's user may read with.
    kafka = {**connection.java_config(), "groupIdPrefix": f"{settings.kafka_prefix}live"}
    topics = {topic.name: topic.platform for topic in settings.read_streams()}

    def order(run_id: str) -> LiveOrder:
        return LiveOrder(
            rules=silver_rules(settings),
            topics=topics,
            kafka=kafka,
            run_id=run_id,
            min_authors=settings.min_authors,
            continuous=settings.live == "continuous",
            trigger_seconds=settings.live_seconds,
            late_minutes=settings.live_late_minutes,
            batch_records=settings.live_batch_records,
            parts=settings.live_parts,
        )

    runner = live_runner(settings, settings.lake_location.storage_options)
    return LiveStream(runner, order)


def live_rules(settings: Settings) -> LiveRules:
    """How the stream of live posts is run."""
    return LiveRules(settings.live, dt.timedelta(seconds=settings.live_seconds))


def landing_rules(settings: Settings) -> LandingRules:
    """When a topic is landed."""
    wait = dt.timedelta(seconds=settings.landing_seconds)
    return LandingRules(settings.landing_records, wait)


def open_producer(
    settings: Settings, platform: str, *, poll: bool, host: str, port: int
) -> Producing:
    """What brings a platform's posts to Kafka, ready to run; webhooks listen already.

    Raises:
        SettingsError: no cluster is named, nothing of the platform is tracked, or a token lacks.
        SecretMissing, PublishError, OSError: as :class:`Producing`.
    """
    # librdkafka and a server are loaded where they are used, and nowhere else.
    from resources.producers.service import Producing

    if settings.kafka is None:
        raise SettingsError("SENTIMENT_KAFKA_BROKERS: needed to produce; docs/streaming.md")
    tracked = settings.read_tracking().sources.get(platform, ())
    if not tracked:
        raise SettingsError(
            f"{settings.tracking}: nothing of {platform} is tracked; docs/tracking.md says how"
        )
    webhooks = receives(platform) and not poll
    client = api_client(
        settings,
        platform,
        database=known_database(settings),
        # A platform that pushes waits for the answer.
        max_wait_seconds=PUSH_WAIT_SECONDS if webhooks else None,
    )
    return Producing(
        platform,
        client,
        settings.platforms[platform],
        tracked,
        settings.kafka,
        settings,
        origin=settings.origin,
        prefix=settings.kafka_prefix,
        poll=poll,
        at=(host, port) if webhooks else None,
    )


def topic_admin(settings: Settings) -> TopicAdmin:
    """Who asks the Kafka cluster about topics, and changes them.

    Raises:
        SettingsError: no cluster is set.
        ClusterError: its settings cannot be used.
    """
    # librdkafka is loaded where a cluster is spoken to, and nowhere else.
    from resources.kafka_topics import TopicAdmin

    if settings.kafka is None:
        raise SettingsError(
            "SENTIMENT_KAFKA_BROKERS: needed to speak to Kafka; for example: 127.0.0.1:9092"
        )
    return TopicAdmin(settings.kafka)


def watched_platforms(settings: Settings) -> list[str]:
    """Platforms that are tracked and connected: the others are not expected to be fresh.

    Raises:
        SettingsError, TrackingError: as :meth:`Settings.read_tracking`.
    """
    tracked = settings.read_tracking().sources
    return [platform for platform in settings.connected if tracked.get(platform)]


def freshness_watch(settings: Settings) -> Watch:
    """What is judged to be fresh, and by which deadlines.

    Raises:
        SettingsError, FileProblems: a file is missing, or says something wrong.
    """
    tracked = settings.read_tracking().sources
    reaches: dict[str, tuple[dt.timedelta, ...]] = {}
    for platform in watched_platforms(settings):
        try:
            client = api_client(settings, platform)
        except SettingsError:
            # No simulator runs: that is when somebody asks how far behind things are.
            reaches[platform] = ()
        else:
            reaches[platform] = tuple(sorted({client.reach(s) for s in tracked[platform]}))
    return Watch(
        reaches,
        settings.read_deadlines(),
        settings.catch_up_days,
        mart=settings.mart_address is not None,
    )


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


def token_ends(settings: Settings) -> dict[str, TokenEnd]:
    """When the token of each connected platform ends, where its API says it; a request each.

    A simulator that does not run says nothing of its tokens.

    Raises:
        ApiError: a platform did not say, for a reason other than the token.
    """
    ends = {}
    for platform in settings.connected:
        if _base_url(settings, platform) is None:
            continue
        with contextlib.closing(api_client(settings, platform)) as client:
            if isinstance(client, TellsTokenEnd):
                ends[platform] = client.token_end()
    return ends


def mart_reader(settings: Settings) -> MartReader | None:
    """Who reads the mart; null where there is none. Nothing is connected to before it is asked."""
    address = settings.mart_reader_address
    return None if address is None else MartReader(address)


def alert_store(database: str | None) -> AlertStore:
    """The book of alerts beside the instance's runs; in memory where those are."""
    return MemoryStore() if database is None else PostgresStore(database)


def notifier_of(settings: Settings, store: AlertStore) -> Notifier:
    """The notifier with every channel that is set: the log always, and the local page.

    Raises:
        SettingsError, AlertRulesError: as ``Settings.read_alert_rules``.
    """
    channels: list[Channel] = [LogChannel()]
    if settings.alert_webhook_url is not None:
        secret = settings.alert_webhook_secret
        channels.append(
            WebhookChannel(
                settings.alert_webhook_url.get_secret_value(),
                secret.get_secret_value() if secret else None,
            )
        )
    if settings.alert_topic_arn is not None:
        channels.append(
            SnsChannel(settings.alert_topic_arn, settings.sns_endpoint, settings.aws_credentials)
        )
    links = Links(
        environment=settings.env,
        origin=settings.origin,
        ui=settings.ui_url or "",
        runbooks=settings.runbooks_url or RUNBOOKS,
    )
    return Notifier(
        settings.read_alert_rules(), store, tuple(channels), links, settings.home / PAGE
    )


def _notifier_resource(settings: Settings) -> dg.ResourceDefinition:
    """A notifier for one tick, whose connection is closed after it."""

    def make(context: dg.InitResourceContext) -> Iterator[Notifier]:
        with contextlib.closing(alert_store(_database_of(context))) as store:
            yield notifier_of(settings, store)

    return dg.ResourceDefinition(resource_fn=make)


def open_mart(settings: Settings) -> PostgresMart:
    """Where gold is published to.

    Raises:
        SettingsError: it is published nowhere.
    """
    if settings.mart_address is None:
        raise SettingsError(
            "SENTIMENT_MART_URL: needed to publish gold, and SENTIMENT_MART must not be off; for "
            "example: postgresql://loader@db.internal/mart (docs/mart.md)"
        )
    # Alembic is loaded where a schema is looked at, and nowhere else.
    from resources.mart_publisher import PostgresMart

    return PostgresMart(settings.mart_address, settings.origin)


def mart_holds(settings: Settings) -> Held | None:
    """What the mart holds of each table; null where there is none, or it can't be read."""
    if settings.mart_address is None:
        return None
    with contextlib.closing(open_mart(settings)) as mart:
        try:
            return held_by(mart)
        except MartMissing:
            # A new database, or a schema that was dropped.
            return {}
        except MartError:
            return None


def _mart_resource(settings: Settings) -> dg.ResourceDefinition:
    def make(_context: dg.InitResourceContext) -> Iterator[PostgresMart]:
        with contextlib.closing(open_mart(settings)) as opened:
            yield opened

    return dg.ResourceDefinition(resource_fn=make)


def _stream_watcher_resource(settings: Settings) -> dg.ResourceDefinition:
    """What asks the brokers how topics fare, for as long as a look takes."""

    # librdkafka is loaded where a cluster is spoken to, and nowhere else.
    def make(_context: dg.InitResourceContext) -> Iterator[StreamWatcher]:
        from resources.kafka_watcher import KafkaWatcher

        if settings.kafka is None:
            raise SettingsError(
                f"{PREFIX}KAFKA_BROKERS: needed to watch the topics; for example: 127.0.0.1:9092 "
                "(docs/streaming.md)"
            )
        with contextlib.closing(KafkaWatcher(settings.kafka)) as watcher:
            yield watcher

    return dg.ResourceDefinition(resource_fn=make)


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


def silver_dates(lake: Lake, platform: str) -> list[dt.date]:
    """Dates of which silver holds a platform's rows, in order: they have its pseudonyms."""
    sizes = lake.table(SILVER_POSTS).partition_sizes()
    of_platform = sizes.filter((pl.col("platform") == platform) & (pl.col("rows") > 0))
    return of_platform["date"].unique().sort().to_list()


def pseudonym_keys(settings: Settings) -> PseudonymKeys:
    """The secrets of every platform; those of a platform that never had any are made.

    Raises:
        SettingsError: silver was made with keys that are not there.
        KeyringError: the keys can't be read, made or unwrapped.
    """
    custody = settings.key_custody
    keyring = read_keyring(custody)
    missing = [name for name in PLATFORMS if keyring is None or name not in keyring.epochs]
    if missing:
        lake = settings.open_lake()
        lost = [name for name in missing if silver_dates(lake, name)]
        if lost:
            raise SettingsError(
                f"SENTIMENT_PSEUDONYM_KEYS: {settings.key_place} is missing or has no key of "
                f"{', '.join(lost)}, and silver was made with one: a new one would part every "
                "author from the posts before. Restore it from its backup "
                "(docs/runbooks/lost-pseudonym-keys.md)"
            )
    return unlock(custody, add_platforms(custody, keyring, list(PLATFORMS)), PLATFORMS)


def text_rules(settings: Settings) -> TextRules:
    """How texts are read, without keys; what is tracked counts where the file is there.

    Raises:
        SettingsError: the name model is missing.
        TrackingError: the tracking file says something wrong.
    """
    try:
        require(settings.name_model)
    except ModelError as error:
        raise SettingsError(f"SENTIMENT_NAME_MODEL: {error}") from None
    tracking = settings.read_tracking() if settings.tracking.exists() else Tracking({}, ())
    return TextRules(
        topics=tracking.topics,
        scorer=settings.make_scorer(),
        region=settings.region,
        regions={
            platform: access.region
            for platform, access in settings.platforms.items()
            if access.region is not None
        },
        allow=tracking.allow,
        name_model=settings.name_model,
    )


def silver_rules(settings: Settings) -> SilverRules:
    """What cleaning needs: keys, topics, scorer.

    Raises:
        SettingsError, KeyringError: as :func:`pseudonym_keys`, or the name model is missing.
    """
    settings.read_tracking()
    reading = text_rules(settings)
    return SilverRules(
        keys=pseudonym_keys(settings),
        topics=reading.topics,
        scorer=reading.scorer,
        keep_text=settings.keep_text,
        region=reading.region,
        regions=reading.regions,
        allow=reading.allow,
        name_model=reading.name_model,
    )
