"""The local page of alerts: one HTML file that needs no server and nothing from outside.

What belongs here: showing a book of alerts. It renews itself, and says so when nobody has written
it for a while: a page that stands still must not look like a system that is well.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterable, Sequence
from html import escape

from sentiment_assets.core.alert_messages import Links
from sentiment_assets.core.alert_rules import rank, write_length
from sentiment_assets.core.alerts import Book, Open, Past

#: A page that was not written for longer says that nobody looks.
STANDS_STILL_AFTER = dt.timedelta(minutes=5)
_RENEWED_EVERY_S = 15

_SCRIPT = (
    "const said=document.getElementById('still'),at=Number(said.dataset.at);"
    "if(Date.now()-at>Number(said.dataset.after))said.hidden=false;"
)
_STYLE = """
:root{color-scheme:light dark;font:16px/1.5 system-ui,sans-serif}
body{max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}
p{margin:.25rem 0}small,.dim{opacity:.7}
article{border-left:.4rem solid #888;padding:.25rem 1rem;margin:.75rem 0;overflow-wrap:anywhere}
.critical{border-color:#c62828}.warning{border-color:#ef8f00}.info{border-color:#1976d2}
.badge{font-weight:700;text-transform:uppercase;font-size:.8rem}
table{border-collapse:collapse;width:100%}
td,th{text-align:left;padding:.2rem .75rem .2rem 0;vertical-align:top;overflow-wrap:anywhere}
#still{background:#c62828;color:#fff;padding:.75rem 1rem}
"""


def alert_page(book: Book, links: Links, now: dt.datetime) -> str:
    """The page of a book, as of a moment."""
    order = sorted(
        book.open.values(), key=lambda item: (-rank(item.alert.severity), item.opened_at)
    )
    quiet = [item for item in order if book.silenced(item.alert.key, now)]
    loud = [item for item in order if item not in quiet]
    said = f"{len(loud)} open" if loud else "nothing is wrong"
    sections = [
        *(_open(item, links, now) for item in loud),
        *_section("Silenced", [_open(item, links, now) for item in quiet]),
        *_section("Silences", [_silences(book, now)] if book.silences else []),
        *_section("Channels that take nothing", _channels(book, now)),
        *_section("Lately", [_past(book.past, now)] if book.past else []),
    ]
    digest = base64.b64encode(hashlib.sha256(_SCRIPT.encode()).digest()).decode()
    after = int(STANDS_STILL_AFTER.total_seconds() * 1000)
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="refresh" content="{_RENEWED_EVERY_S}">
<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">
<meta name="viewport" content="width=device-width">
<title>{escape(said)}: alerts of sentiment</title>
<style>{_STYLE}</style></head><body>
<p id="still" data-at="{int(now.timestamp() * 1000)}" data-after="{after}" hidden>
Nobody has looked since {_moment(now)}: is <code>make run</code>, or the daemon, still there?</p>
<h1>Alerts: {escape(said)}</h1>
<p class="dim">{escape(links.where)}, as of {_moment(now)}{_looks(book)}</p>
{"".join(sections)}
<script>{_SCRIPT}</script>
</body></html>
"""


def _open(item: Open, links: Links, now: dt.datetime) -> str:
    alert = item.alert
    facts = [
        *([alert.cause] if alert.cause else []),
        *([f"→ {alert.next_step}"] if alert.next_step else []),
    ]
    places = [_link(links.runbook(alert)), _link(links.run(alert))]
    last = ", ".join(
        [
            f"since {_moment(item.opened_at)} ({_age(now - item.opened_at)})",
            *([place for place in places if place]),
        ]
    )
    return (
        f'<article class="{escape(alert.severity)}"><p><span class="badge">'
        f"{escape(alert.severity)}</span> <strong>{escape(alert.headline)}</strong></p>"
        + "".join(f"<p>{escape(fact)}</p>" for fact in facts)
        + f"<p><small>{last}<br><code>{escape(alert.key)}</code></small></p></article>\n"
    )


def _silences(book: Book, now: dt.datetime) -> str:
    return _table(
        ("pattern", "ends in", "reason"),
        (
            (silence.pattern, _age(silence.until - now), silence.reason)
            for silence in book.silences
            if now < silence.until
        ),
    )


def _channels(book: Book, now: dt.datetime) -> list[str]:
    failing = {
        name: channel
        for name, channel in book.channels.items()
        if channel.failing_since is not None
    }
    if not failing:
        return []
    rows = [
        (name, _age(now - channel.failing_since), channel.said)
        for name, channel in failing.items()
        if channel.failing_since is not None
    ]
    return [_table(("channel", "since", "why"), rows)]


def _past(past: Sequence[Past], now: dt.datetime) -> str:
    return _table(
        ("ended", "how", "what", "lasted"),
        (
            (
                f"{_age(now - item.ended_at)} ago",
                item.how,
                item.alert.headline,
                _age(item.ended_at - item.opened_at),
            )
            for item in sorted(past, key=lambda item: item.ended_at, reverse=True)
        ),
    )


def _section(title: str, parts: Sequence[str]) -> list[str]:
    return [f"<h2>{escape(title)}</h2>\n", *parts] if parts else []


def _table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}</th>" for title in titles)
    lines = [
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>\n" for row in rows
    ]
    return f"<table><tr>{head}</tr>\n{''.join(lines)}</table>\n"


def _link(place: str) -> str:
    """A link where it leads somewhere from a page on disk, else words."""
    if place.startswith(("https://", "http://")):
        return f'<a href="{escape(place)}" rel="noreferrer">{escape(place)}</a>'
    return escape(place)


def _looks(book: Book) -> str:
    told = [f"{escape(name)} looked {_moment(at)}" for name, at in sorted(book.looked_at.items())]
    return "".join(f"; {said}" for said in told)


def _moment(at: dt.datetime) -> str:
    return f"{at.astimezone(dt.timezone.utc):%Y-%m-%d %H:%M} UTC"


def _age(length: dt.timedelta) -> str:
    """About: ``3h``, ``2d``."""
    minutes = max(round(length.total_seconds() / 60), 0)
    size = 1440 if minutes >= 2880 else 60 if minutes >= 120 else 1
    return write_length(dt.timedelta(minutes=minutes // size * size)) if minutes else "0min"
