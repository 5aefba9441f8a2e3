"""Program of a subprocess: what docs/add-a-platform.md's platform does in a copy of the project.

Prints one JSON object: what was fetched, what became of it, and how the client took refusals. The
copy's own modules are imported, so the project's are not touched.
"""

from __future__ import annotations

import datetime as dt
import json
import sys
from pathlib import Path
from typing import Any

import polars as pl

from resources.api_clients.errors import ApiError
from resources.settings import CLIENTS, read_settings, setting_names
from sentiment_assets.core.contracts import DAILY_SUMMARY, SILVER_POSTS, SILVER_QUARANTINE
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.platforms import PLATFORMS
from sentiment_assets_tests.architecture import test_imports
from sentiment_assets_tests.local_platform import NOW, Platform, bronze_envelopes, failures
from sentiment_assets_tests.simulated import SimulatedPlatform, running_simulator

DAY = PostPartition(NOW.date(), "mastodon")


def main(home: Path, tracking: Path) -> None:
    test_imports.test_nothing_else_names_a_platform()
    with running_simulator(NOW, "--comments-per-day", "240") as served:
        mastodon = served["mastodon"]
        platform = Platform(
            read_settings({}, home=home, tracking=tracking, mastodon_base_url=mastodon.url),
            mastodon,
            _instance(),
            {"clients": {"mastodon": mastodon.client}},
        )
        told = {
            "settings": [
                name for name, (owner, _) in setting_names().items() if owner == "mastodon"
            ],
            "connection": _connection(platform, mastodon),
            **_first(platform, mastodon),
            **_again(platform, mastodon),
            "refusals": _refusals(platform, mastodon),
        }
    assert Path(PLATFORMS["mastodon"].parser.__file__ or "").is_relative_to(Path.cwd())
    assert Path(CLIENTS["mastodon"].__file__ or "").is_relative_to(Path.cwd())
    print(json.dumps(told))


def _instance() -> Any:
    import dagster as dg

    return dg.DagsterInstance.ephemeral()


def _first(platform: Platform, mastodon: SimulatedPlatform) -> dict[str, Any]:
    """A day: bronze, silver and gold, the canary and the checks."""
    mastodon.post(
        "Moved our #nimbus bill. Ask @robin_example or robin@mail.example\n\nThe end & more",
        NOW - dt.timedelta(hours=1),
        account=None,
        author="Robin Example",
    )
    requests = mastodon.requests()
    fetched = platform.run("fetch", [DAY])
    assert fetched.success, failures(fetched)
    rebuilt = platform.run("rebuild", [DAY])
    assert rebuilt.success, failures(rebuilt)
    silver = platform.lake.table(SILVER_POSTS).scan().collect()
    mine = silver.filter(pl.col("created_hour") == NOW.replace(minute=0) - dt.timedelta(hours=1))
    records = bronze_envelopes(platform.lake, "bronze/batch_posts/")
    start = dt.datetime.combine(DAY.date, dt.time(), tzinfo=dt.timezone.utc)
    times = [
        dt.datetime.fromisoformat(record["payload"]["status"]["created_at"]) for record in records
    ]
    return {
        "requests": mastodon.requests() - requests,
        "records": len(records),
        "inside": all(start <= made < NOW for made in times),
        "rows": silver.height,
        "distinct_ids": len({record["payload"]["status"]["id"] for record in records}),
        "kinds": silver["kind"].unique().to_list(),
        "quarantined": platform.lake.table(SILVER_QUARANTINE).scan().collect().height,
        "added": [text for text in mine["text"] if "bill" in text],
        "scored": silver["sentiment_compound"].count(),
        "gold_posts": platform.lake.table(DAILY_SUMMARY).scan().collect()["posts"].to_list(),
        "failed_checks": [
            e.check_name for e in (*fetched.get_asset_check_evaluations(),
                                   *rebuilt.get_asset_check_evaluations()) if not e.passed
        ],
    }  # fmt: skip


def _again(platform: Platform, mastodon: SimulatedPlatform) -> dict[str, Any]:
    """Fetched again, two hours later: what was there comes again, and what is new beside it."""
    mastodon.travel(NOW + dt.timedelta(hours=2))
    fetched = platform.run(
        "fetch", [DAY], config={"ops": {"fetch_posts": {"config": {"again": True}}}}
    )
    assert fetched.success, failures(fetched)
    rebuilt = platform.run("rebuild", [DAY])
    assert rebuilt.success, failures(rebuilt)
    silver = platform.lake.table(SILVER_POSTS).scan().collect()
    return {
        "rows_again": silver.height,
        "newest_hour": silver["created_hour"].max().hour,  # type: ignore[union-attr]
        "observed": silver["observation_count"].max(),
    }


def _connection(platform: Platform, mastodon: SimulatedPlatform) -> dict[str, Any]:
    sources = platform.settings.read_tracking().sources["mastodon"]
    found = mastodon.client.inspect(sources)
    return {
        "ok": found.ok,
        "findings": [finding.what for finding in found.findings],
        "costs": [cost.requests_per_search for cost in found.costs],
        "preview": len(found.preview),
    }


def _refusals(platform: Platform, mastodon: SimulatedPlatform) -> dict[str, str]:
    """Fault -> the type of the error that reading a page raised."""
    source = platform.settings.read_tracking().sources["mastodon"][0]
    raised = {}
    faults: dict[str, dict[str, Any]] = {
        "dead_token": {}, "rate_limit": {"reset_in": 600}, "not_json": {"times": -1},
        "bad_encoding": {}, "server_error": {},
    }  # fmt: skip
    for fault, parameters in faults.items():
        mastodon.heal()
        mastodon.fault(fault, **parameters)
        search = mastodon.connect(max_wait_seconds=1).search(
            source, NOW, NOW + dt.timedelta(hours=2)
        )
        try:
            malformed = sum(len(page.malformed) for page in search)
            raised[fault] = f"{malformed} malformed, exhausted {search.exhausted}"
        except ApiError as error:
            raised[fault] = type(error).__name__
    mastodon.heal()
    capped = mastodon.connect(max_pages=1).search(source, NOW - dt.timedelta(days=3), NOW)
    raised["max_pages"] = f"{len(list(capped))} page, exhausted {capped.exhausted}"
    return raised


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
