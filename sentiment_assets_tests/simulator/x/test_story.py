"""The story: determinism, its hours, languages, edits, deletions and late posts by the clock."""

from __future__ import annotations

import collections
import random
import re
import statistics
from typing import Any

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from sentiment_assets_tests.simulator.conftest import CLASSIC, NOW, Client
from simulator.clock import HOUR_MS, parse_ms
from simulator.personal_data import iban, luhn_digit, south_african_id
from simulator.x.post import NEVER, Post
from simulator.x.snowflake import created_ms, first_id_at
from simulator.x.story import Story

WEEK = range(
    parse_ms("2026-11-16T00:00:00Z") // HOUR_MS, parse_ms("2026-11-23T00:00:00Z") // HOUR_MS
)
VADER = SentimentIntensityAnalyzer()
PERSONAL = {
    kind: re.compile(shape)
    for kind, shape in {
        "e-mail": r"\w@(mail\.)?example\.",
        "phone": r"\+27 82 555 01\d\d|\+44 20 7946|\+1 202 555",
        "national phone": r"\(212\) 555|07700 900|082 555 01|01 99 00",
        "card": r"4111 1111|5555-5555|378282246310005|6011 1111",
        "IBAN": r"\b(DE|GB|FR)\d\d ?(TEST|0000)",
        "SSN": r"987-65-432\d",
        "South African id": r"\b\d{6}000008\d\b",
        "IP": r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8::",
        "address": r"\d+ (Example Street|Evergreen Terrace|Sample Road|Long Street|Station Ave)",
        "name": r"(colleague|Spoke to) [A-Z]\w+ [A-Z]",
        "handle": r"@\w+",
        "link": r"https://t\.co/",
    }.items()
}


def hour(text: str) -> int:
    return parse_ms(text) // HOUR_MS


def posts_of(story: Story, first: str, hours: int) -> list[Post]:
    return [post for h in range(hour(first), hour(first) + hours) for post in story.timeline(h)]


def moods(posts: list[Post]) -> tuple[float, float]:
    """Shares of the English posts that VADER calls negative and positive."""
    scores = [VADER.polarity_scores(post.text)["compound"] for post in posts if post.lang == "en"]
    negative = sum(score <= -0.05 for score in scores)
    return negative / len(scores), sum(score >= 0.05 for score in scores) / len(scores)


def told(posts: list[Post]) -> list[tuple[Any, ...]]:
    return [
        (post.id, post.author, post.text, post.lang, post.kind, post.chain, post.visible_ms,
         post.gone_ms, post.target and post.target.id)
        for post in posts
    ]  # fmt: skip


def test_the_same_seed_tells_the_same_in_any_order_and_another_does_not() -> None:
    hours = [hour("2026-11-19T14:00:00Z") + n for n in (0, 5, -3)]
    one, two, other = Story(3, 500), Story(3, 500), Story(4, 500)
    forwards = [told(one.timeline(h)) for h in hours]
    backwards = [told(two.timeline(h)) for h in reversed(hours)][::-1]
    assert forwards == backwards
    assert forwards != [told(other.timeline(h)) for h in hours]
    assert one.author(17) == two.author(17) != other.author(17)


def test_a_week_has_the_volume_asked_for_and_a_calm_weekend(story: Story) -> None:
    by_day: collections.Counter[int] = collections.Counter()
    for h in WEEK:
        by_day[(h - WEEK.start) // 24] += len(story.timeline(h))
    assert sum(by_day.values()) / 7 == pytest.approx(600, rel=0.08)
    assert max(by_day[5], by_day[6]) < 0.75 * min(by_day[day] for day in range(5))


def test_the_outage_is_loud_and_angry_the_launch_and_recovery_glad(story: Story) -> None:
    calm = posts_of(story, "2026-11-18T14:00:00Z", 3)
    outage = posts_of(story, "2026-11-19T14:00:00Z", 3)
    launch = posts_of(story, "2026-11-17T09:00:00Z", 5)
    recovery = posts_of(story, "2026-11-20T08:00:00Z", 10)
    assert len(outage) > 3 * len(calm)
    negative, positive = moods(outage)
    assert negative > 0.5 > 0.3 > positive
    assert moods(calm)[0] < 0.35
    for glad in (launch, recovery):
        assert moods(glad)[1] > 0.5 > 0.25 > moods(glad)[0]


def test_it_repeats_every_week(story: Story) -> None:
    before = posts_of(story, "2026-11-12T14:00:00Z", 3)
    after = posts_of(story, "2026-11-19T14:00:00Z", 3)
    assert len(before) > 100
    assert moods(before)[0] > 0.5
    long = [{post.text for post in posts if len(post.text) > 120} for posts in (before, after)]
    assert not long[0] & long[1]


def test_what_a_week_is_made_of(story: Story) -> None:
    posts = [post for h in WEEK for post in story.timeline(h)]
    kinds = collections.Counter(post.kind for post in posts)
    langs = collections.Counter(post.lang for post in posts)
    authors = collections.Counter(post.author for post in posts)
    assert set(kinds) == {"post", "reply", "repost", "quote"}
    assert min(kinds.values()) > 0.04 * len(posts)
    assert 0.62 < langs["en"] / len(posts) < 0.78
    assert {"es", "de", "pt", "fr", "af", "zu", "ja", "ar"} <= set(langs)
    assert len(authors) > 800
    busiest = sum(count for _, count in authors.most_common(len(authors) // 10))
    assert 0.25 < busiest / len(posts) < 0.7
    originals = [post.text for post in posts if post.kind == "post"]
    assert len(set(originals)) > 0.8 * len(originals)
    assert any(count > 2 for count in collections.Counter(originals).values())
    for kind, shape in PERSONAL.items():
        assert any(shape.search(text) for text in originals), kind
    assert sum(len(text) > 280 for text in originals) > 20
    handles = [story.author(index).handle for index in authors]
    assert len({handle.lower() for handle in handles}) == len(handles)
    assert len({story.author(index).id for index in authors}) == len(handles)


def test_ids_carry_their_time_and_reactions_come_after_what_they_answer(story: Story) -> None:
    for h in WEEK[::7]:
        posts = story.timeline(h)
        assert [post.id for post in posts] == sorted({post.id for post in posts}, reverse=True)
        for post in posts:
            assert created_ms(post.id) // HOUR_MS == h
            if post.target is not None:
                assert post.target.id < post.id
                assert post.target.visible_ms <= post.created_ms < post.target.gone_ms


def test_edits_make_chains_within_half_an_hour(story: Story) -> None:
    chains = [post for h in WEEK for post in story.timeline(h) if len(post.chain) > 1]
    assert len(chains) > 30
    for post in chains:
        assert post.chain[-1] == post.id
        assert list(post.chain) == sorted(post.chain)
        assert created_ms(post.chain[-1]) - created_ms(post.chain[0]) <= 30 * 60_000
        before = story.find(post.chain[-2])
        assert before is not None
        assert before.chain == post.chain[:-1]
        assert before.gone_ms <= post.created_ms
        assert before.author == post.author
        assert before.text != post.text
    assert statistics.mean(len(post.chain) for post in chains) > 2


def find(client: Client, post: Post, now_ms: int) -> Any:
    """The post as a search around it finds it at that time."""
    client.clock.fixed_ms = now_ms
    low = max(post.id - 1, first_id_at(now_ms - 7 * 24 * HOUR_MS))
    handle = client.source.author(post.author).handle
    body = client.ask(query=f"from:{handle}", since_id=low, until_id=post.id + 1)
    return next(iter(body.get("data", ())), None)


def test_an_edited_post_vanishes_from_search_when_its_next_version_comes(
    client: Client, story: Story
) -> None:
    edited = next(
        post
        for h in WEEK[100:]
        for post in story.timeline(h)
        if len(post.chain) == 2 and post.deleted_ms == NEVER and post.gone_ms == NEVER
        and post.created_ms - created_ms(post.chain[0]) > 60_000
    )  # fmt: skip
    first = story.find(edited.chain[0])
    assert first is not None
    before = find(client, first, edited.created_ms - 1)
    assert before["edit_history_tweet_ids"] == [str(first.id)]
    assert find(client, first, edited.created_ms + 40_000) is None
    later = find(client, edited, edited.created_ms + 40_000)
    assert later["edit_history_tweet_ids"] == [str(first.id), str(edited.id)]


def test_a_late_post_is_found_only_later(client: Client, story: Story) -> None:
    late = [
        post
        for h in WEEK
        for post in story.timeline(h)
        if post.visible_ms > post.created_ms and post.gone_ms == NEVER
    ]
    assert len(late) > 10
    for post in late:
        assert HOUR_MS <= post.visible_ms - post.created_ms <= 30 * HOUR_MS
    assert find(client, late[-1], late[-1].visible_ms - 1) is None
    assert find(client, late[-1], late[-1].visible_ms)["text"]


def test_a_deleted_post_is_gone_and_told_of_where_it_is_referred_to(
    client: Client, story: Story
) -> None:
    answered = next(
        post
        for h in WEEK[80:]
        for post in story.timeline(h)
        if post.kind == "reply" and post.target is not None and post.target.deleted_ms != NEVER
    )
    target = answered.target
    assert target is not None
    assert find(client, target, target.deleted_ms - 1) is not None
    assert find(client, target, target.deleted_ms) is None
    client.set_clock(NOW)
    body = client.ask(**CLASSIC | {
        "query": f"from:{story.author(answered.author).handle}",
        "since_id": answered.id - 1,
        "until_id": answered.id + 1,
    })  # fmt: skip
    assert body["data"][0]["referenced_tweets"] == [{"type": "replied_to", "id": str(target.id)}]
    assert [error["value"] for error in body["errors"]] == [str(target.id)]
    assert "tweets" not in body["includes"]


def test_reposts_go_with_what_they_repeat(story: Story) -> None:
    reposts = [
        post
        for h in WEEK
        for post in story.timeline(h)
        if post.kind == "repost" and post.target is not None and post.target.deleted_ms != NEVER
    ]
    assert reposts
    for post in reposts:
        assert post.target is not None
        assert post.gone_ms == post.target.deleted_ms


def test_a_sliding_clock_loses_no_post(client: Client) -> None:
    """What two adjoining windows hold at one clock is what one window over both holds."""
    asked: dict[str, Any] = {"query": "nimbus", "max_results": 100}
    halves = [
        client.posts(**asked, start_time=start, end_time=end)
        for start, end in (
            ("2026-11-19T15:00:00Z", "2026-11-19T16:00:00Z"),
            ("2026-11-19T14:00:00Z", "2026-11-19T15:00:00Z"),
        )
    ]
    whole = client.posts(
        **asked, start_time="2026-11-19T14:00:00Z", end_time="2026-11-19T16:00:00Z"
    )
    assert halves[0] + halves[1] == whole


@pytest.mark.parametrize(
    ("digits", "check"), [("411111111111111", "1"), ("37828224631000", "5"), ("800101500908", "7")]
)
def test_luhn(digits: str, check: str) -> None:
    assert luhn_digit(digits) == check


def test_made_up_numbers_pass_their_checks() -> None:
    rng = random.Random(1)
    for _ in range(50):
        account = iban(rng).replace(" ", "")
        assert int("".join(str(int(c, 36)) for c in account[4:] + account[:4])) % 97 == 1
        number = south_african_id(rng)
        assert len(number) == 13
        assert number[-1] == luhn_digit(number[:-1])


def test_from_its_busy_hour_on_the_story_has_so_many_times_the_posts() -> None:
    begins = hour("2026-11-18T12:00:00Z")
    calm, busy = Story(7), Story(7, busy=20, busy_from=begins)
    before = [posts_of(story, "2026-11-18T09:00:00Z", 3) for story in (calm, busy)]
    # What is said of them later may count on them, and nothing else.
    assert [post.id for post in before[0]] == [post.id for post in before[1]]
    usual = len(posts_of(calm, "2026-11-18T12:00:00Z", 6))
    assert len(posts_of(busy, "2026-11-18T12:00:00Z", 6)) == pytest.approx(20 * usual, rel=0.15)


def test_a_world_of_no_posts_has_none_of_the_plot_either() -> None:
    assert posts_of(Story(7, posts_per_day=0), "2026-11-16T00:00:00Z", 168) == []
