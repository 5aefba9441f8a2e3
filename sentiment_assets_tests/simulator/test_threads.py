"""Posts and comments on the platforms without a search: the same story, locally made."""

from __future__ import annotations

import collections
import functools
import re
import statistics
from typing import Any

import pytest
from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

from simulator import people
from simulator.clock import DAY_MS, HOUR_MS, iso, parse_ms
from simulator.threads import NEVER, Entry, Threads

PLATFORMS = ("facebook", "instagram", "linkedin")
NOW = parse_ms("2026-11-23T00:00:00Z")  # the end of an ISO week
WEEK = NOW - 7 * DAY_MS
VADER = SentimentIntensityAnalyzer()
LEAKS = re.compile(r"@(mail\.)?example\.|555 01\d\d|20 7946|4111 1111|987-65-432|192\.0\.2\.")


@functools.cache
def world(platform: str) -> Threads:
    return Threads(7, platform)


@functools.cache
def posts(platform: str) -> tuple[Entry, ...]:
    """A month's posts of both accounts, whatever became of them."""
    threads, now = world(platform), NOW
    return tuple(
        post for one in threads.accounts for post in threads.posts(one, now, now - 30 * DAY_MS, now)
    )


@functools.cache
def comments(platform: str) -> tuple[Entry, ...]:
    """What was said on those and can be seen."""
    return tuple(c for post in posts(platform) for c in world(platform).stream(post, NOW))


def within(entries: tuple[Entry, ...], start: str, hours: int) -> list[Entry]:
    begin = parse_ms(start)
    return [e for e in entries if begin <= e.created_ms < begin + hours * HOUR_MS]


def told(entries: list[Entry]) -> list[tuple[Any, ...]]:
    return [
        (e.number, e.author, e.text, e.lang, e.visible_ms, e.gone_ms, e.edits, e.mentions,
         e.parent and e.parent.number)
        for e in entries
    ]  # fmt: skip


def moods(entries: list[Entry]) -> tuple[float, float]:
    """Shares of the English ones that VADER calls negative and positive."""
    scores = [VADER.polarity_scores(e.text)["compound"] for e in entries if e.lang == "en"]
    negative = sum(score <= -0.05 for score in scores)
    return negative / len(scores), sum(score >= 0.05 for score in scores) / len(scores)


def each(test: Any) -> Any:
    return pytest.mark.parametrize("platform", PLATFORMS)(test)


def test_a_thread_is_the_same_whatever_was_made_before_it() -> None:
    first, second = Threads(3, "linkedin"), Threads(3, "linkedin")
    days = [(NOW - n * DAY_MS, NOW - n * DAY_MS - DAY_MS + 1) for n in (9, 2, 5)]
    forwards = {d: list(first.posts("brand", *d, NOW)) for d in days}
    for day in reversed(days):
        again = list(second.posts("brand", *day, NOW))
        assert told(again) == told(forwards[day])
        for one, other in zip(forwards[day], again, strict=True):
            assert told(first.stream(one, NOW)) == told(second.stream(other, NOW))


def test_another_seed_or_platform_tells_other_things() -> None:
    worlds = [Threads(3, "linkedin"), Threads(4, "linkedin"), Threads(3, "facebook")]
    texts = [{post.text for post in one.posts("brand", NOW, WEEK, NOW)} for one in worlds]
    assert not texts[0] & texts[1]
    assert not texts[0] & texts[2]
    assert len({one.author(17).id for one in worlds}) == 3


@each
def test_numbers_ascend_with_time_and_lead_back(platform: str) -> None:
    threads = world(platform)
    everything = [*posts(platform), *comments(platform), *threads.tagged("nimbus", NOW, WEEK, NOW)]
    numbers = [entry.number for entry in everything]
    assert len(set(numbers)) == len(numbers)
    assert max(numbers) < 1 << 63
    in_time = sorted(everything, key=lambda e: e.created_ms)
    moments = [e.created_ms for e in in_time]
    ordered = sorted(everything, key=lambda e: e.number)
    assert [e.created_ms for e in ordered] == moments
    fresh = Threads(7, platform)
    for entry in everything[::37]:
        found = fresh.find(entry.number)
        assert found is not None
        assert told([found]) == told([entry])
        assert found.post.number == entry.post.number


@pytest.mark.parametrize("shift", [0, 1, 9, 14, 18, 20, 22, 40, 62, 70])
def test_numbers_of_nothing_find_nothing(shift: int) -> None:
    threads = world("facebook")
    known = posts("facebook")[0].number
    assert threads.find(known ^ 1 << shift) is None
    assert threads.find(-known) is None
    assert threads.find(0) is None


@each
def test_a_week_has_its_volume_and_the_storys_shape(platform: str) -> None:
    said = [c for c in comments(platform) if c.created_ms >= WEEK]
    assert len(said) / 7 == pytest.approx(600, rel=0.2)
    made = [p for p in posts(platform) if p.created_ms >= WEEK]
    assert len(made) / 7 == pytest.approx(12, rel=0.25)
    by_day = collections.Counter((c.created_ms - WEEK) // DAY_MS for c in said)
    assert by_day[3] == max(by_day.values())
    assert max(by_day[5], by_day[6]) < min(by_day[1], by_day[3], by_day[4])
    calm = within(comments(platform), "2026-11-18T14:00:00Z", 3)
    outage = within(comments(platform), "2026-11-19T14:00:00Z", 3)
    launch = within(comments(platform), "2026-11-17T09:00:00Z", 6)
    recovery = within(comments(platform), "2026-11-20T06:00:00Z", 12)
    assert len(outage) > 2.5 * len(calm)
    assert moods(outage)[0] > 0.45 > moods(outage)[1]
    for glad in (launch, recovery):
        assert moods(glad)[1] > 0.5 > 0.3 > moods(glad)[0]


def test_the_volume_follows_its_option() -> None:
    few = Threads(7, "facebook", comments_per_day=60)
    made = [c for a in few.accounts for p in few.posts(a, NOW, NOW - 20 * DAY_MS, NOW)
            for c in few.stream(p, NOW) if c.created_ms >= WEEK]  # fmt: skip
    assert len(made) / 7 == pytest.approx(60, rel=0.3)


def test_without_volume_the_accounts_are_empty() -> None:
    empty = Threads(7, "instagram", posts_per_day=0, comments_per_day=0)
    assert list(empty.posts("brand", NOW, WEEK, NOW)) == []
    assert list(empty.tagged("nimbus", NOW, WEEK, NOW)) == []


@each
def test_comments_come_mostly_within_a_day_and_some_after_a_week(platform: str) -> None:
    ages = [(c.created_ms - c.post.created_ms) / DAY_MS for c in comments(platform)]
    assert sum(age < 1 for age in ages) > 0.8 * len(ages)
    assert 0.002 * len(ages) < sum(age > 7 for age in ages) < 0.03 * len(ages)
    assert 9 < max(ages) < 10.01
    assert min(ages) > 0


@each
def test_answers_hang_below_what_they_answer(platform: str) -> None:
    threads, answers = world(platform), 0
    for post in posts(platform)[::9]:
        direct = threads.comments(post, NOW)
        below = [(one, threads.comments(one, NOW)) for one in direct]
        answers += sum(len(found) for _, found in below)
        for one, found in below:
            for answer in found:
                assert answer.parent is one
                assert answer.post is post
                assert one.visible_ms <= answer.created_ms < one.gone_ms
                assert threads.comments(answer, NOW) == []
        whole = [*direct, *(answer for _, found in below for answer in found)]
        assert sorted(whole, key=lambda e: e.number) == threads.stream(post, NOW)
        assert direct == sorted(direct, key=lambda e: e.created_ms)
    assert answers > 100


@each
def test_company_accounts_answer_and_never_leave_their_own_page(platform: str) -> None:
    threads = world(platform)
    for name, index in (("brand", people.NIMBUS), ("rival", people.STRATUS)):
        assert threads.company(name).index == index
        mine = [c for c in comments(platform) if c.author == index]
        assert len(mine) > 100
        assert {(c.account, c.is_post) for c in mine} == {(name, False)}


@each
def test_some_are_edited_late_or_deleted(platform: str) -> None:
    said = comments(platform)
    edited = [c for c in said if c.edits]
    late = [c for c in said if c.visible_ms > c.created_ms]
    assert 0.02 * len(said) < len(edited) < 0.04 * len(said)
    assert 0.01 * len(said) < len(late) < 0.02 * len(said)
    for one in edited:
        at, text = one.edits[0]
        assert one.created_ms < at <= one.created_ms + 49 * HOUR_MS
        assert (one.text_at(at - 1), one.edited_at(at - 1)) == (one.text, None)
        assert (one.text_at(at), one.edited_at(at)) == (text, at)
        assert text != one.text
    for one in late:
        assert HOUR_MS <= one.visible_ms - one.created_ms <= 30 * HOUR_MS
        assert not one.visible(one.visible_ms - 1)
        assert one.visible(one.visible_ms)
    # What will be deleted after NOW can still be seen.
    doomed = [c for c in said if c.gone_ms != NEVER]
    assert all(c.gone_ms > NOW for c in doomed)
    threads, earlier = world(platform), NOW - 20 * DAY_MS
    gone = [
        c for post in posts(platform) for c in threads.stream(post, post.created_ms + 40 * HOUR_MS)
        if c.gone_ms <= NOW and post.gone_ms == NEVER and post.created_ms < earlier
    ]  # fmt: skip
    assert len(gone) > 10
    for one in gone[:20]:
        assert one not in threads.comments(one.post, NOW)
        assert one.visible(one.gone_ms - 1) or one.visible_ms >= one.gone_ms
        assert not one.visible(one.gone_ms)


def test_what_answers_a_deleted_comment_goes_with_it() -> None:
    threads = world("facebook")
    orphans = [
        c for post in posts("facebook") for c in threads.stream(post, post.created_ms + DAY_MS)
        if c.parent is not None and not c.parent.is_post and c.parent.gone_ms <= NOW
    ]  # fmt: skip
    assert orphans
    for one in orphans:
        assert one.parent is not None
        assert one.visible(one.parent.gone_ms - 1) or one.gone_ms < one.parent.gone_ms
        assert not one.visible(one.parent.gone_ms)


@each
def test_languages_spam_and_personal_data_as_on_x(platform: str) -> None:
    said = comments(platform)
    langs = collections.Counter(c.lang for c in said)
    assert 0.62 < langs["en"] / len(said) < 0.78
    assert {"es", "pt", "de", "fr", "af", "zu", "ja", "ar"} <= set(langs)
    leaks = [c for c in said if LEAKS.search(c.text)]
    assert 0.001 * len(said) < len(leaks) < 0.1 * len(said)
    authors = collections.Counter(c.author for c in said)
    assert len(authors) > 1000
    assert any("FREE" in c.text and "credits" in c.text for c in said)
    assert not any("t.co/" in entry.text for entry in (*posts(platform), *said))


@each
def test_a_mention_stands_in_the_text_by_the_name_that_the_platform_shows(platform: str) -> None:
    threads = world(platform)
    naming = [c for c in comments(platform) if c.mentions]
    assert len(naming) > 0.1 * len(comments(platform))
    for one in naming:
        friend = threads.author(one.mentions[0])
        shown = f"@{friend.handle}" if platform == "instagram" else friend.name
        assert shown in one.text
        assert friend.index != one.author


def test_each_platform_has_its_voice() -> None:
    lengths = {
        name: statistics.median(len(c.text) for c in comments(name) if c.lang == "en")
        for name in PLATFORMS
    }
    assert lengths["instagram"] < 0.7 * lengths["facebook"]
    assert lengths["instagram"] < 0.7 * lengths["linkedin"]
    tags = {name: statistics.median(p.text.count("#") for p in posts(name)) for name in PLATFORMS}
    assert tags["instagram"] >= 5 > tags["linkedin"] > tags["facebook"]
    assert statistics.median(p.text.count("\n\n") for p in posts("linkedin")) >= 3
    handles = {world("instagram").author(c.author).handle for c in comments("instagram")[:500]}
    assert all(handle == handle.lower() for handle in handles)


def test_visitors_write_on_facebook_pages_alone() -> None:
    for name in PLATFORMS:
        company = world(name).company
        others = [p for p in posts(name) if p.author != company(p.account).index]
        assert bool(others) is (name == "facebook")
        assert len(others) < 0.25 * len(posts(name))


@each
def test_the_companies_say_what_the_plot_has_them_say(platform: str) -> None:
    said = within(posts(platform), "2026-11-19T14:00:00Z", 4)
    texts = [p.text for p in said if p.account == "brand"]
    assert any("investigating elevated error rates" in text for text in texts)
    assert any("rolling it back" in text for text in texts)
    (launch,) = [p for p in posts(platform) if iso(p.created_ms) == "2026-11-17T09:00:00.000Z"]
    assert "launch Nimbus 4" in launch.text
    assert world(platform).comments(launch, NOW)


def test_posts_are_newest_first_between_bounds_that_both_count() -> None:
    threads = world("linkedin")
    found = list(threads.posts("rival", NOW, WEEK, NOW))
    assert [p.number for p in found] == sorted((p.number for p in found), reverse=True)
    newest, oldest = found[3].created_ms, found[9].created_ms
    assert list(threads.posts("rival", newest, oldest, NOW)) == found[3:10]
    assert list(threads.posts("rival", newest - 1, oldest + 1, NOW)) == found[4:9]
    then = found[5].created_ms
    seen = threads.posts("rival", NOW, WEEK, then)
    assert next(p.created_ms for p in seen) == then
    first = list(threads.posts("rival", parse_ms("2024-01-09T00:00:00Z"), 0, NOW))[-1]
    assert iso(first.created_ms).startswith("2024-01-01")


def test_hashtags_find_other_peoples_posts() -> None:
    threads = world("instagram")
    start, end = parse_ms("2026-11-19T00:00:00Z"), parse_ms("2026-11-20T00:00:00Z") - 1
    found = list(threads.tagged("NimbusDown", end, start, NOW))
    assert len(found) > 100
    assert [e.number for e in found] == sorted((e.number for e in found), reverse=True)
    for entry in found:
        assert start <= entry.created_ms <= end
        assert entry.account == ""
        assert "#nimbusdown" in entry.text_at(NOW).lower()
        assert threads.comments(entry, NOW) == []
    assert list(threads.tagged("nimbusdow", end, start, NOW)) == []
    assert list(threads.tagged("nimbusdown", end, start, start)) == []


def test_likes_grow_with_time() -> None:
    threads = world("instagram")
    counts = [[threads.likes(e, e.created_ms + n * HOUR_MS) for n in (0, 5, 50)]
              for e in comments("instagram")[:300]]  # fmt: skip
    assert all(one[0] == 0 and one == sorted(one) for one in counts)
    assert len({one[-1] for one in counts}) > 10


def test_entries_are_added_edited_and_removed() -> None:
    threads = Threads(7, "linkedin")
    at = "2026-11-22T12:00:00Z"
    post = threads.add({"text": "hello", "created_at": at, "lang": "af"})
    assert list(threads.posts("brand", NOW, WEEK, NOW)).count(post) == 1
    assert (post.author, post.lang) == (people.NIMBUS, "af")
    assert (post.account, post.is_post) == ("brand", True)
    same_moment = threads.add({"text": "hello too", "created_at": at, "account": "rival"})
    assert same_moment.number != post.number
    assert same_moment in threads.posts("rival", NOW, WEEK, NOW)
    comment = threads.add({"text": "hi", "created_at": "2026-11-22T13:00:00Z",
                           "parent": post.number, "author": "Zoë Test"})  # fmt: skip
    answer = threads.add({"text": "ho", "created_at": "2026-11-22T14:00:00Z",
                          "parent": comment.number})  # fmt: skip
    assert threads.author(comment.author).name == "Zoë Test"
    assert threads.author(comment.author).id != threads.author(answer.author).id
    assert threads.comments(post, NOW) == [comment]
    assert threads.comments(comment, NOW) == [answer]
    assert threads.stream(post, NOW) == [comment, answer]
    assert threads.stream(post, parse_ms("2026-11-22T13:30:00Z")) == [comment]
    assert threads.find(answer.number) is answer
    assert threads.change(comment.number, {"text": "hi!"}, NOW) is comment
    assert (comment.text_at(NOW - 1), comment.text_at(NOW)) == ("hi", "hi!")
    threads.remove(comment.number)
    assert threads.stream(post, NOW) == []
    assert (threads.added, threads.removed) == (4, {comment.number})


def test_the_storys_entries_can_be_answered_edited_and_removed() -> None:
    threads = Threads(7, "facebook")
    post = next(p for p in threads.posts("brand", NOW, WEEK, NOW) if threads.comments(p, NOW))
    before = threads.stream(post, NOW)
    first = threads.comments(post, NOW)[0]
    added = threads.add({"text": "x", "created_at": iso(NOW - 1), "parent": first.number})
    assert [e.number for e in threads.stream(post, NOW)] == [
        *(e.number for e in before), added.number
    ]  # fmt: skip
    threads.change(first.number, {"text": "changed"}, NOW)
    threads.change(first.number, {"text": "again"}, NOW + 5)
    threads.change(added.number, {"text": "y"}, NOW)
    found = threads.comments(post, NOW)[0]
    assert [found.text_at(at) for at in (NOW, NOW + 5)] == ["changed", "again"]
    assert threads.comments(found, NOW)[-1].text_at(NOW) == "y"
    threads.remove(first.number)
    left = {e.number for e in threads.stream(post, NOW)}
    assert left == {e.number for e in before if first.number not in (
        e.number, e.parent and e.parent.number)}  # fmt: skip
    threads.remove(post.number)
    assert post.number not in {p.number for p in threads.posts("brand", NOW, WEEK, NOW)}
    assert threads.stream(post, NOW) == []


def test_added_posts_may_be_late_deleted_or_nobodys() -> None:
    threads = Threads(7, "instagram")
    at = "2026-11-22T12:00:00Z"
    late = threads.add({"text": "late", "created_at": at, "visible_at": "2026-11-22T20:00:00Z"})
    gone = threads.add({"text": "gone", "created_at": at, "deleted_at": "2026-11-22T20:00:00Z"})
    for hour, expected in (("15", [gone]), ("21", [late])):
        now = parse_ms(f"2026-11-22T{hour}:00:00Z")
        assert [e for e in threads.posts("brand", now, WEEK, now) if e in (late, gone)] == expected
    loose = threads.add({"text": "so #Nimbus", "created_at": at, "account": None})
    assert loose in threads.tagged("nimbus", NOW, WEEK, NOW)
    assert loose.author < 0
    assert all(loose not in threads.posts(a, NOW, WEEK, NOW) for a in threads.accounts)


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "x"},
        {"created_at": "2026-11-22T12:00:00Z"},
        {"text": "x", "created_at": "noon"},
        {"text": "x", "created_at": "2023-11-22T12:00:00Z"},
        {"text": "x", "created_at": "2026-11-22T12:00:00Z", "parent": 17},
        {"text": "x", "created_at": "2026-11-22T12:00:00Z", "account": "cirrus"},
        {"text": "x", "created_at": "2026-11-22T12:00:00Z", "colour": "blue"},
    ],
    ids=["no_time", "no_text", "odd_time", "too_old", "no_parent", "no_account", "odd_key"],
)
def test_wrong_additions_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises((ValueError, KeyError)):
        Threads(7, "facebook").add(wrong)


def test_wrong_changes_are_refused() -> None:
    threads = Threads(7, "facebook")
    assert threads.change(17, {"text": "x"}, NOW) is None
    with pytest.raises(ValueError, match="only the text"):
        threads.change(posts("facebook")[0].number, {"lang": "de"}, NOW)
