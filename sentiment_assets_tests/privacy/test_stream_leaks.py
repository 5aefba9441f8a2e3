"""Canary people in a topic: in posts and in records that are none, and in no byte beyond bronze."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

from resources.embedded_postgres import embedded_postgres
from sentiment_assets_tests.bronze_records import payload
from sentiment_assets_tests.cli.test_land import tracking_facebook_alone
from sentiment_assets_tests.kafka_server import KafkaServer
from sentiment_assets_tests.privacy.test_nothing_leaks import (
    AUTHOR,
    CANARIES,
    HANDLE,
    TEXTS,
    Left,
    command,
    dump,
    found_in,
)
from sentiment_assets_tests.streamed import Streamed, written

#: Ids that the payloads below give; none of them may stand beyond bronze either.
AUTHOR_ID = "73130042001"


def test_no_canary_of_a_topic_stands_beyond_bronze(
    tmp_path: Path, kafka_server: KafkaServer, real_kafka: object, kafka_prefix: str
) -> None:
    stream = Streamed(kafka_server, kafka_prefix)
    for platform in ("facebook", "instagram", "linkedin"):
        Streamed(kafka_server, kafka_prefix, platform=platform)
    user = {"id": AUTHOR_ID, "username": HANDLE, "name": AUTHOR}
    posts = [
        payload(9, number, text=text, author_id=AUTHOR_ID) | {"includes": {"users": [user]}}
        for number, text in enumerate(TEXTS)
    ]
    stream.send(posts)
    whole = TEXTS[2].encode()
    # Dead letters: no JSON, half of it, text where an object belongs, a date that has not begun.
    stream.send([whole, b'{"data": {"text": "' + whole, b'"' + whole + b'"', b"\xff" + whole])
    later = (dt.date.today() - dt.date(2026, 11, 23)).days * 24 + 24 * 30
    stream.send([payload(later, 9, text=TEXTS[1], author_id=AUTHOR_ID)])
    stream.send(posts, headers=written(origin="live"))
    stream.send(posts[:1], headers=[(HANDLE, AUTHOR.encode())])
    # Quarantine: the text is none.
    stream.send([payload(9, 7, text={"of": AUTHOR}, author_id=AUTHOR_ID)])
    environment = {
        **os.environ,
        "SENTIMENT_HOME": str(tmp_path),
        "SENTIMENT_KAFKA_BROKERS": kafka_server.connection.brokers,
        "SENTIMENT_KAFKA_PREFIX": kafka_prefix,
        "SENTIMENT_X_BASE_URL": "http://127.0.0.1:9",
        "SENTIMENT_TRACKING": str(tracking_facebook_alone(tmp_path)),
        "SENTIMENT_LOG_FORMAT": "json",
    }
    ticked = command(environment, "tick")
    assert ticked.returncode == 0, ticked.stdout
    listed = command(environment, "dead-letters", "list")
    assert "10 dead letters" in listed.stdout, listed.stdout
    path = listed.stdout.splitlines()[0]
    shown = [
        command(environment, *words)
        for words in (
            ("dead-letters", "show", path),
            ("dead-letters", "replay", "--all"),
            ("topics", "status"),
            ("land", "x", "--json"),
            ("partitions",),
        )
    ]
    printed = "\n".join(done.stdout for done in (ticked, listed, *shown))
    server = embedded_postgres(tmp_path)
    try:
        left = Left(tmp_path, printed, dump(str(server.get_uri())))
        assert found_in(left, (*CANARIES, AUTHOR_ID)) == {}
        # It looked where something could be: silver has the posts, masked.
        assert any("silver/posts" in name for name in found_in(left, ("never called back",)))
    finally:
        server.cleanup()
