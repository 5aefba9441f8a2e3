"""Simulated and live posts never share a lake: whoever would mix them stops and writes nothing."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from resources.api_clients.x import XClient
from sentiment_assets.lake.objects import LakeOriginError
from sentiment_assets_tests.local_platform import (
    NOW,
    TODAY,
    Platform,
    events_of,
    failures,
)
from sentiment_assets_tests.simulated import SimulatedPlatform


@pytest.fixture
def real_x() -> Iterator[str]:
    """An API that answers as X does: one post, and no mark of a simulator."""
    post = {
        "id": "2019489350000000000",
        "text": "nimbus",
        "author_id": "7",
        "created_at": "2026-02-05T18:00:00.000Z",
        "edit_history_tweet_ids": ["2019489350000000000"],
    }

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps({"data": [post], "meta": {"result_count": 1}}).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def date_time_string(self, timestamp: float | None = None) -> str:
            """The client's clock agrees."""
            return formatdate(NOW.timestamp(), usegmt=True)

        def log_message(self, *args: object) -> None:
            """Quiet: pytest's output is for failures."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def stored(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def live(home: Path, x: SimulatedPlatform, lake: Path) -> Platform:
    return Platform.at(home, x, source="live", x_bearer_token="t", lake_uri=str(lake))


def simulated(home: Path, x: SimulatedPlatform, lake: Path) -> Platform:
    return Platform.at(home, x, lake_uri=str(lake))


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (simulated, live, "holds simulated posts, this run brings live ones"),
        (live, simulated, "holds live posts, this run brings simulated ones"),
    ],
)
@pytest.mark.parametrize("job", ["fetch", "rebuild"])
def test_a_lake_of_the_other_kind_is_refused(
    tmp_path: Path, x: SimulatedPlatform, first: type, second: type, said: str, job: str
) -> None:
    lake = tmp_path / "lake"
    first(tmp_path / "one", x, lake).settings.open_lake()
    before = stored(lake)
    other = second(tmp_path / "other", x, lake)
    result = other.run(job, [TODAY])
    assert not result.success
    told = "\n".join(message for messages in failures(result).values() for message in messages)
    assert said in told
    assert "SENTIMENT_LAKE_URI" in told
    assert events_of(result, "STEP_UP_FOR_RETRY") == []
    assert stored(lake) == before
    with pytest.raises(LakeOriginError, match=said):
        other.settings.open_lake()


def test_simulated_answers_never_enter_a_live_lake(tmp_path: Path, x: SimulatedPlatform) -> None:
    """Source and address disagree: only the answers' own mark shows it."""
    platform = live(tmp_path / "home", x, tmp_path / "lake")
    refused(platform, "the API answers with simulated posts and the lake holds live ones")


def test_live_answers_never_enter_a_simulated_lake(
    tmp_path: Path, x: SimulatedPlatform, real_x: str
) -> None:
    platform = simulated(tmp_path / "home", x, tmp_path / "lake")
    platform.resources["clients"] = {"x": XClient(real_x, "t", clock=lambda: NOW)}
    refused(platform, "the API answers with live posts and the lake holds simulated ones")


def refused(platform: Platform, said: str) -> None:
    result = platform.run("fetch", [TODAY])
    assert not result.success
    [messages] = [told for step, told in failures(result).items() if step]
    assert any(said in message for message in messages)
    assert any("Set SENTIMENT_SOURCE" in message for message in messages)
    assert events_of(result, "STEP_UP_FOR_RETRY") == []
    assert [o.path for o in platform.lake.objects.list()] == ["_lake.json"]
