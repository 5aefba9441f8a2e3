"""Deciding what to tell: as tables of what happened, and for any story at all."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentiment_assets.core.alert_rules import RULE_KINDS, Rule, default_rule
from sentiment_assets.core.alerts import (
    REMEMBERED,
    TOLD_ALONE,
    Alert,
    Book,
    Channel,
    Findings,
    Notification,
    Pending,
    Silence,
    decide,
    delivered,
    leased,
    posted,
    silenced,
    unsilenced,
)

NOW = dt.datetime(2026, 11, 24, 12, 0, tzinfo=dt.timezone.utc)
RULES = {name: default_rule(kind) for name, kind in RULE_KINDS.items()}
#: A measured rule: over ten minutes after it was seen last, told again every six hours.
STALE = "table_stale"
#: One that an event tells, and the making of something ends; told again every twelve hours.
RUN = "run_failed"


def minutes(number: float) -> dt.timedelta:
    return dt.timedelta(minutes=number)


def stale(name: str = "silver/posts|x", severity: str = "critical") -> Alert:
    return Alert(STALE, f"{STALE}:{name}", severity, f"{name} is stale")  # type: ignore[arg-type]


def failed(*waits_for: str, key: str = "rebuild") -> Alert:
    return Alert(RUN, f"{RUN}:{key}", "critical", "a run failed", waits_for=waits_for)


def judged(*alerts: Alert) -> Findings:
    return Findings(alerts, frozenset({STALE}))


@dataclass
class Story:
    """A book, a clock, and everything that was told."""

    rules: dict[str, Rule] = field(default_factory=lambda: dict(RULES))
    book: Book = field(default_factory=Book)
    now: dt.datetime = NOW

    def look(self, findings: Findings, after: float = 1) -> list[str]:
        """What is told of a look, some minutes later; the book goes through its storage."""
        self.now += minutes(after)
        self.book, told = decide(self.book, findings, self.rules, self.now)
        self.book = msgspec.json.decode(msgspec.json.encode(self.book), type=Book)
        return [f"{n.event} {alert.key}" for n in told for alert in n.alerts]

    def silence(self, pattern: str, lasting: float) -> None:
        until = self.now + minutes(lasting)
        self.book = silenced(self.book, Silence(pattern, self.now, until, "we know"))


@pytest.fixture
def story() -> Story:
    return Story()


def test_a_trouble_is_told_once_and_its_end_once(story: Story) -> None:
    key = stale().key
    assert story.look(judged(stale())) == [f"opened {key}"]
    assert [story.look(judged(stale())) for _ in range(30)] == [[]] * 30
    assert story.look(judged()) == [], "it may come back"
    assert story.look(judged(), after=10) == [f"recovered {key}"]
    assert story.look(judged(), after=60) == []
    assert story.look(judged(stale())) == [f"opened {key}"]


def test_what_comes_and_goes_is_told_once(story: Story) -> None:
    told = [story.look(judged(*([stale()] if n % 3 else [])), after=4) for n in range(1, 40)]
    assert [said for look in told for said in look] == [f"opened {stale().key}"]


def test_reminders_come_as_the_rule_says_and_never_otherwise(story: Story) -> None:
    told = [story.look(judged(stale()), after=60) for _ in range(14)]
    expected = ["opened" if n == 0 else "reminder" if n in (6, 12) else "" for n in range(14)]
    assert [" ".join(t).partition(" ")[0] for t in told] == expected
    story.rules[STALE] = replace(story.rules[STALE], remind_after=None)
    assert story.look(judged(stale()), after=10_000) == []


def test_an_alert_that_got_worse_is_told_at_once(story: Story) -> None:
    story.look(judged(stale(severity="warning")))
    assert story.look(judged(stale(severity="critical"))) == [f"reminder {stale().key}"]
    assert story.look(judged(stale(severity="warning"))) == [], "better is no news yet"
    assert story.look(judged(stale(severity="critical"))) == []


def test_a_rule_that_nobody_looked_at_says_nothing(story: Story) -> None:
    """The evaluator may have failed, or another one looked at its own rules."""
    story.look(judged(stale()))
    assert story.look(Findings(judged=frozenset({"quota_low"})), after=300) == []
    assert stale().key in story.book.open


def test_a_failed_run_is_over_when_what_it_should_have_made_is_made(story: Story) -> None:
    first, second = "silver/posts|2026-11-20|x", "silver/posts|2026-11-21|x"
    assert story.look(Findings((failed(first, second),))) == [f"opened {RUN}:rebuild"]
    assert story.look(Findings(made=frozenset({first}))) == []
    assert story.look(Findings(made=frozenset({"silver/posts|2026-11-22|x"}))) == []
    assert story.look(Findings(made=frozenset({second}))) == [f"recovered {RUN}:rebuild"]


def test_the_same_trouble_in_parts_is_told_once(story: Story) -> None:
    """A run over two dates failed; each is tried again alone, and one of them fails again."""
    first, second = "silver/posts|2026-11-20|x", "silver/posts|2026-11-21|x"
    story.look(Findings((failed(first, second),)))
    assert story.look(Findings((failed(second, key="one"),), made=frozenset({first}))) == []
    assert [*story.book.open] == [f"{RUN}:rebuild"]
    assert story.look(Findings((failed(second, first, key="other"),))) == [f"opened {RUN}:other"]


def test_a_check_is_over_when_it_passes(story: Story) -> None:
    alert = Alert("check_failed", "check_failed:silver/posts:schema|2026-11-20|x", "critical", "no")
    assert story.look(Findings((alert,))) == [f"opened {alert.key}"]
    assert story.look(Findings(over=frozenset({alert.key}))) == [f"recovered {alert.key}"]


def test_what_nobody_sees_any_more_is_closed_and_says_so(story: Story) -> None:
    story.look(Findings((failed("job:rebuild"),)))
    story.rules[RUN] = replace(story.rules[RUN], remind_after=None)
    assert story.look(Findings(), after=13 * 24 * 60) == []
    assert story.look(Findings(), after=2 * 24 * 60) == [f"expired {RUN}:rebuild"]
    assert [past.how for past in story.book.past] == ["expired"]


def test_a_rule_that_is_off_tells_nothing_and_closes_what_it_had(story: Story) -> None:
    story.look(judged(stale()))
    story.rules[STALE] = replace(story.rules[STALE], enabled=False)
    assert story.look(judged(stale())) == [f"expired {stale().key}"]
    assert story.look(judged(stale())) == []


def test_a_silence_ends_by_itself_and_what_is_wrong_then_is_told(story: Story) -> None:
    story.silence(f"{STALE}:*|x", lasting=120)
    assert [story.look(judged(stale())) for _ in range(100)] == [[]] * 100
    assert stale().key in story.book.open, "known, and not told"
    other = stale("silver/posts|facebook")
    assert story.look(judged(stale(), other)) == [f"opened {other.key}"], "it covers no other"
    assert story.look(judged(stale(), other), after=30) == [f"opened {stale().key}"]
    assert story.book.silences == ()


def test_what_began_and_ended_in_a_silence_is_never_told(story: Story) -> None:
    story.silence("*", lasting=600)
    story.look(judged(stale()))
    assert story.look(judged(), after=20) == []
    assert story.look(judged(), after=700) == []


def test_the_end_of_what_was_told_is_told_in_a_silence_too(story: Story) -> None:
    story.look(judged(stale()))
    story.silence("*", lasting=6000)
    assert story.look(judged(stale()), after=400) == [], "no reminder"
    assert story.look(judged(), after=20) == [f"recovered {stale().key}"]


def test_a_silence_can_be_ended_and_replaced(story: Story) -> None:
    story.silence("*", lasting=10)
    story.silence("*", lasting=600)
    assert len(story.book.silences) == 1
    assert story.look(judged(stale()), after=20) == []
    story.book = unsilenced(story.book, "*")
    assert story.look(judged(stale())) == [f"opened {stale().key}"]


def test_many_of_one_rule_are_told_together() -> None:
    alerts = tuple(stale(f"silver/posts|p{n}") for n in range(TOLD_ALONE + 1))
    book, told = decide(Book(), judged(*alerts, *[failed("a")]), RULES, NOW)
    assert sorted(len(n.alerts) for n in told) == [1, TOLD_ALONE + 1]
    _, told = decide(Book(), judged(*alerts[1:]), RULES, NOW)
    assert [len(n.alerts) for n in told] == [1] * TOLD_ALONE
    _, told = decide(book, judged(), RULES, NOW + minutes(20))
    assert [(n.event, len(n.alerts)) for n in told] == [("recovered", TOLD_ALONE + 1)]


def test_the_past_is_cut() -> None:
    story = Story()
    for n in range(REMEMBERED + 10):
        story.look(judged(stale(f"t|{n}")), after=20)
    assert len(story.book.past) == REMEMBERED


STEPS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(["a", "b", "c"])),  # what is wrong
        st.sampled_from([0, 1, 5, 9, 11, 400]),  # minutes until the look
        st.sampled_from(["look", "look", "look", "other", "silence", "speak"]),
    ),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_in_any_story_each_trouble_alternates(steps: list[tuple[set[str], int, str]]) -> None:
    """opened, reminders, recovered, and again from the beginning; never otherwise."""
    story = Story()
    told: dict[str, list[tuple[str, dt.datetime]]] = {}
    for wrong, after, what in steps:
        if what == "silence":
            story.silence("*", lasting=30)
        if what == "speak":
            story.book = unsilenced(story.book, "*")
        quiet = any(
            s.covers(stale("a").key, story.now + minutes(after)) for s in story.book.silences
        )
        found = judged(*map(stale, wrong)) if what != "other" else Findings()
        for said in story.look(found, after):
            event, _, key = said.partition(" ")
            told.setdefault(key, []).append((event, story.now))
            assert not (quiet and event in ("opened", "reminder"))
        if what == "look" and not quiet:
            # Whoever reads what was told knows what is wrong.
            known = {k for k, events in told.items() if events[-1][0] != "recovered"}
            assert {stale(name).key for name in wrong} <= known
    for events in told.values():
        is_open = False
        last = NOW
        for event, at in events:
            assert is_open == (event != "opened")
            if event == "reminder":
                assert at - last >= minutes(360)
            is_open, last = event != "recovered", at


@given(st.permutations(["a", "b", "c", "d"]))
def test_the_order_of_findings_says_nothing(order: list[str]) -> None:
    book, told = decide(Book(), judged(*map(stale, order)), RULES, NOW)
    usual, expected = decide(Book(), judged(*map(stale, sorted(order))), RULES, NOW)
    assert book.open == usual.open
    assert {n.id for n in told} == {n.id for n in expected}


# The outbox


def note(number: int = 1) -> Notification:
    return Notification("opened", NOW + minutes(number), (stale(),))


def test_two_senders_never_take_the_same() -> None:
    book = posted(Book(), [note(), note(2)], ["log", "sns"])
    book, mine = leased(book, ["log", "sns"], NOW + minutes(3), minutes(2))
    assert len(mine) == 2
    book, others = leased(book, ["log", "sns"], NOW + minutes(4), minutes(2))
    assert others == []
    _, later = leased(book, ["log", "sns"], NOW + minutes(5), minutes(2))
    assert len(later) == 2, "whoever took them is dead"


def test_what_a_channel_refuses_is_tried_again_there_and_nowhere_else() -> None:
    book = posted(Book(), [note()], ["log", "sns"])
    now, waits = NOW + minutes(1), []
    while book.outbox and len(waits) < 100:
        book, mine = leased(book, ["log", "sns"], now, minutes(2))
        if mine:
            assert mine[0].channels == (("log", "sns") if not waits else ("sns",))
            refused = {mine[0].notification.id: {"sns": "no"}}
            book = delivered(book, refused, mine, now, dt.timedelta(days=1))
            waits.append((now - NOW) / minutes(1))
            assert book.channels["log"].failing_since is None
            assert book.channels["sns"] == Channel(None, NOW + minutes(1), "no")
        now += minutes(1)
    assert waits[:4] == [1, 2, 4, 8]
    assert waits[-1] >= 24 * 60, "then it is given up"
    assert len(waits) < 40


def test_a_channel_that_takes_again_is_well() -> None:
    book = replace(posted(Book(), [note()], ["sns"]), channels={"sns": Channel(None, NOW, "no")})
    book, mine = leased(book, ["sns"], NOW + minutes(1), minutes(2))
    book = delivered(book, {}, mine, NOW + minutes(1), dt.timedelta(days=1))
    assert book.channels == {"sns": Channel(took_at=NOW + minutes(1))}
    assert book.outbox == ()


def test_a_channel_that_is_gone_keeps_nothing_back() -> None:
    book, mine = leased(posted(Book(), [note()], ["sns"]), ["log"], NOW + minutes(9), minutes(2))
    assert (mine, book.outbox) == ([], ())


def test_without_channels_nothing_waits() -> None:
    assert posted(Book(), [note()], []).outbox == ()


def test_what_arrives_during_a_sending_stays() -> None:
    book = posted(Book(), [note()], ["log"])
    book, mine = leased(book, ["log"], NOW + minutes(1), minutes(2))
    book = posted(book, [note(2)], ["log"])
    book = delivered(book, {}, mine, NOW + minutes(3), dt.timedelta(days=1))
    assert book.outbox == (Pending(note(2), ("log",), note(2).at),)
