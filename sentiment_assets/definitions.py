"""The code location: assets, checks, jobs, schedule and sensor with an environment's resources.

What belongs here: putting together. This is the only module of ``sentiment_assets`` that imports
``resources``, and nothing is read before :func:`defs` or :func:`build_defs` is called.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import dagster as dg

from resources.alert_store import AlertStoreUnreachable, FileStore
from resources.api_clients.errors import ApiError
from resources.environments import (
    alert_store,
    api_client,
    api_clients,
    freshness_watch,
    known_database,
    landing_rules,
    live_rules,
    mart_holds,
    mart_reader,
    notifier_of,
    open_mart,
    open_producer,
    open_stream_reader,
    requests_left,
    resources_for,
    silver_dates,
    silver_rules,
    text_rules,
    topic_admin,
    watched_platforms,
)
from resources.instance_storage import storage_url
from resources.key_store import KeyringError
from resources.keys import (
    Keyring,
    add_platforms,
    read_keyring,
    require_rotatable,
    rotate,
    unlock,
    wrap,
)
from resources.live import live_lacks
from resources.log_handler import JsonLines
from resources.notifiers import PAGE as ALERT_PAGE
from resources.notifiers import Notifier
from resources.postgres import MartError, MartMissing
from resources.producers.producing import Counts, PublishError, SecretMissing, receives
from resources.producers.reports import report_line, since
from resources.settings import (
    PROJECT_ROOT,
    Environment,
    Settings,
    credential_setting,
    describe,
    read_settings,
    setting_field,
    setting_names,
)
from sentiment_assets.alerts import alert_on_troubles
from sentiment_assets.assets import bronze, gold, kafka_topics, live, marts, silver, stream
from sentiment_assets.assets.decisions import DECISIONS
from sentiment_assets.assets.maintenance import MAINTENANCE
from sentiment_assets.assets.reference import REFERENCES, check_reference
from sentiment_assets.automation import (
    daily_maintenance,
    every_half_hour,
    every_two_hours,
    fetch_job,
    freshness_job,
    maintenance_job,
    rebuild_job,
)
from sentiment_assets.checks import checks, mart_checks
from sentiment_assets.freshness import freshness, with_badge
from sentiment_assets.live_sensors import hourly_live_upkeep, live_sensor, live_upkeep_job
from sentiment_assets.orders import rebuild_orders
from sentiment_assets.reference_sensor import reference_job, reference_sensor
from sentiment_assets.sensors import rebuild_sensor
from sentiment_assets.stream_sensors import landing_sensors
from sentiment_assets.stream_watch import stream_checks, watch_sensor

if TYPE_CHECKING:
    from resources.mart_publisher import PostgresMart as PostgresMart

# The command line goes through here too, so that nothing else needs to know ``resources``.
__all__ = [
    "ALERT_PAGE",
    "PROJECT_ROOT",
    "AlertStoreUnreachable",
    "ApiError",
    "Counts",
    "FileStore",
    "JsonLines",
    "Keyring",
    "KeyringError",
    "MartError",
    "MartMissing",
    "Notifier",
    "PublishError",
    "SecretMissing",
    "Settings",
    "add_platforms",
    "alert_store",
    "api_client",
    "api_clients",
    "build_defs",
    "credential_setting",
    "defs",
    "describe",
    "freshness_watch",
    "known_database",
    "live_lacks",
    "mart_holds",
    "mart_reader",
    "notifier_of",
    "open_mart",
    "open_producer",
    "open_stream_reader",
    "read_keyring",
    "read_settings",
    "receives",
    "report_line",
    "requests_left",
    "require_rotatable",
    "rotate",
    "setting_field",
    "setting_names",
    "silver_dates",
    "silver_rules",
    "since",
    "storage_url",
    "text_rules",
    "topic_admin",
    "unlock",
    "watched_platforms",
    "wrap",
]

ASSETS = [
    bronze.fetch_posts,
    silver.silver_posts,
    gold.hourly_sentiment,
    gold.topic_sentiment,
    gold.daily_summary,
    gold.daily_trend,
    gold.pooled_sentiment,
    *DECISIONS,
    *REFERENCES,
    *MAINTENANCE,
    *live.LIVE_MAINTENANCE,
]


def build_defs(
    environment: Environment | Settings | None = None, **resource_overrides: Any
) -> dg.Definitions:
    """Definitions of an environment.

    Args:
        environment: its name, or settings; by default what the process's environment says.
        resource_overrides: resources instead of the environment's own, by name.

    Raises:
        SettingsError: a setting is wrong.
    """
    if isinstance(environment, Settings):
        settings = environment
    else:
        settings = read_settings(env=environment) if environment else read_settings()
    # A mistake in a file is told when definitions load, not in the middle of a run.
    alert_rules = settings.read_alert_rules().rules
    settings.make_scorer()
    watched, deadlines = watched_platforms(settings), settings.read_deadlines()
    topics, has_broker = settings.read_streams(), settings.kafka is not None
    has_mart = settings.mart_address is not None
    mart = [marts.postgres_mart, *marts.whole_tables()] if has_mart else []
    return dg.Definitions(
        assets=[
            *(
                asset.map_asset_specs(
                    lambda spec: _marked(with_badge(spec, watched, deadlines), settings)
                )
                for asset in (*ASSETS, *mart)
            ),
            rebuild_orders,
            _marked(stream.stream_posts, settings),
            _marked(live.live_posts, settings),
            _marked(live.live_sentiment, settings),
            *(_marked(topic, settings) for topic in kafka_topics.topic_assets(topics)),
        ],
        asset_checks=[
            *checks(),
            *(mart_checks() if has_mart else []),
            live.check_live,
            check_reference,
            freshness,
            stream_checks(topics, alert_rules),
        ],
        jobs=[
            fetch_job,
            stream.land_job,
            rebuild_job,
            reference_job,
            live.live_job,
            live_upkeep_job,
            freshness_job,
            maintenance_job,
        ],
        schedules=[every_two_hours, every_half_hour, hourly_live_upkeep, daily_maintenance],
        sensors=[
            rebuild_sensor(
                dt.timedelta(minutes=settings.rebuild_minutes),
                marts.PUBLISHED if has_mart else {},
            ),
            reference_sensor(marts.PUBLISHED_WHOLE if has_mart else {}),
            alert_on_troubles,
            *landing_sensors(topics, landing_rules(settings), running=has_broker),
            watch_sensor(topics, alert_rules, running=has_broker),
            live_sensor(
                topics, live_rules(settings), running=has_broker and settings.live != "off"
            ),
        ],
        resources={**resources_for(settings), **resource_overrides},
        # A tick is small: starting a process for each step would cost more than the step.
        executor=dg.in_process_executor,
        metadata={"origin": settings.origin, "lake": settings.lake_location.uri},
    )


def _marked(spec: dg.AssetSpec, settings: Settings) -> dg.AssetSpec:
    """Simulated data says so wherever the UI shows an asset."""
    if settings.origin != "simulated":
        return spec
    return spec.replace_attributes(
        description=f"**SIMULATED POSTS: not real data.**\n\n{spec.description}",
        tags={**spec.tags, "origin": "simulated"},
    )


@dg.definitions
def defs() -> dg.Definitions:
    """What ``workspace.yaml`` loads."""
    return build_defs()
