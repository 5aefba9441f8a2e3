"""A corpus as source: formats, refusals, placement in the week, stability."""

from __future__ import annotations

import collections
import gzip
import json
from pathlib import Path

import pytest

from sentiment_assets_tests.simulator.conftest import CLASSIC, NOW, make_client
from simulator.clock import WEEK_MS, parse_ms
from simulator.x.corpus import Corpus, CorpusError, Texts
from simulator.x.query import parse
from simulator.x.snowflake import created_ms, first_id_at

TEXTS = [f"text number {n} is {'good' if n % 2 else 'bad'} ☁️" for n in range(1, 1001)]
QUERY = parse("anything")


def written(folder: Path, name: str, texts: list[str]) -> Path:
    path = folder / name
    lines = (
        [json.dumps({"text": text, "label": "x"}, ensure_ascii=False) for text in texts]
        if "jsonl" in name
        else texts
    )
    raw = "\n".join(lines).encode()
    path.write_bytes(gzip.compress(raw) if name.endswith(".gz") else raw)
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(Texts(written(tmp_path, "texts.txt", TEXTS)), seed=7)


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz", "a.jsonl", "a.jsonl.gz"])
def test_formats(tmp_path: Path, name: str) -> None:
    texts = Texts(written(tmp_path, name, ["one", "", "  two  ", "drei & vier", "fünf"]))
    assert [texts[n] for n in range(len(texts))] == ["one", "two", "drei & vier", "fünf"]


def test_a_text_that_is_escaped_already_is_not_escaped_twice(tmp_path: Path) -> None:
    path = written(tmp_path, "a.txt", ["R&amp;D <3", "R&D"] * 20)
    body = make_client(Corpus(Texts(path), seed=1)).ask(query="x", max_results=40)
    assert {post["text"] for post in body["data"]} <= {"R&amp;D &lt;3", "R&amp;D"}


@pytest.mark.parametrize(
    ("name", "raw", "says"),
    [
        ("a.txt", b"", "holds no text"),
        ("a.txt", b"\n \n", "holds no text"),
        ("a.jsonl", b'{"text": "a"}\n{"txt": "b"}\n', 'line 2: no key "text"'),
        ("a.jsonl", b'{"text": "a"}\n\n{"text": 3}\n', "line 3"),
        ("a.jsonl", b'{"text": "a"}\nplain\n', "line 2: not JSON"),
        ("a.txt", b"fine\n\xff\xfe\n", "line 2: not UTF-8"),
        ("a.txt.gz", b"not gzip", "can't be read"),
        ("a.txt.gz", gzip.compress(b"text\n" * 999, mtime=0)[:-20], "can't be read"),
    ],
)
def test_a_bad_corpus_is_named(tmp_path: Path, name: str, raw: bytes, says: str) -> None:
    path = tmp_path / name
    path.write_bytes(raw)
    with pytest.raises(CorpusError, match=says) as caught:
        Texts(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("now", [NOW, "2026-11-19T15:00:00Z", "2026-11-16T00:00:00Z"])
def test_any_seven_days_hold_each_text_once(corpus: Corpus, now: str) -> None:
    now_ms = parse_ms(now)
    high, low = first_id_at(now_ms) - 1, first_id_at(now_ms - WEEK_MS)
    posts = list(corpus.newest_first(high, low, QUERY, now_ms))
    assert sorted(post.text for post in posts) == sorted(TEXTS)
    ids = [post.id for post in posts]
    assert ids == sorted(set(ids), reverse=True)
    assert low <= ids[-1] <= ids[0] <= high


def test_ids_are_the_same_after_a_restart_and_at_any_clock(tmp_path: Path) -> None:
    path = written(tmp_path, "a.jsonl.gz", TEXTS)
    one, two = Corpus(Texts(path), seed=7), Corpus(Texts(path), seed=7)
    other = Corpus(Texts(path), seed=8)
    noon, later = parse_ms("2026-11-19T12:00:00Z"), parse_ms("2026-11-21T12:00:00Z")
    bounds = (first_id_at(noon), first_id_at(noon - WEEK_MS))
    found = {post.id: post.text for post in one.newest_first(*bounds, QUERY, noon)}
    assert found == {post.id: post.text for post in two.newest_first(*bounds, QUERY, later)}
    assert found != {post.id: post.text for post in other.newest_first(*bounds, QUERY, noon)}
    for post_id, text in list(found.items())[::50]:
        again = two.find(post_id)
        assert again is not None
        assert again.text == text
        assert two.find(post_id + 1) is None


def test_next_week_is_the_same_week_with_other_ids(corpus: Corpus) -> None:
    now_ms = parse_ms(NOW)
    weeks = []
    for start in (now_ms - WEEK_MS, now_ms - 2 * WEEK_MS):
        posts = corpus.newest_first(
            first_id_at(start + WEEK_MS) - 1, first_id_at(start), QUERY, now_ms
        )
        weeks.append([(post.created_ms - start, post.text, post.id) for post in posts])
    assert [one[:2] for one in weeks[0]] == [one[:2] for one in weeks[1]]
    assert not {one[2] for one in weeks[0]} & {one[2] for one in weeks[1]}


def test_a_corpus_keeps_the_daily_curve_and_its_file_order_apart(corpus: Corpus) -> None:
    now_ms = parse_ms("2026-11-23T00:00:00Z")
    bounds = (first_id_at(now_ms) - 1, first_id_at(now_ms - WEEK_MS))
    posts = list(corpus.newest_first(*bounds, QUERY, now_ms))
    by_hour = collections.Counter(created_ms(post.id) // 3_600_000 % 24 for post in posts)
    assert by_hour[15] > 2.5 * by_hour[3]
    numbers = [int(post.text.split()[2]) for post in posts]
    assert sum(abs(a - b) == 1 for a, b in zip(numbers[1:], numbers, strict=False)) < 10


def test_every_query_is_answered_and_every_page_valid(corpus: Corpus) -> None:
    client = make_client(corpus)
    texts = [post["text"] for post in client.posts(**CLASSIC | {"query": "zeppelin -text"})]
    assert sorted(texts) == sorted(TEXTS)
    assert client.get(query="(zeppelin").status_code == 400


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_small_corpora(tmp_path: Path, size: int) -> None:
    corpus = Corpus(Texts(written(tmp_path, "a.txt", TEXTS[:size])), seed=7)
    now_ms = parse_ms(NOW)
    bounds = (first_id_at(now_ms) - 1, first_id_at(now_ms - WEEK_MS))
    posts = corpus.newest_first(*bounds, QUERY, now_ms)
    assert sorted(post.text for post in posts) == sorted(TEXTS[:size])
