"""The widgets that show a reader's choice and write it into the address.

What belongs here: widgets whose value is read from the address at every run, and which write it
there when the reader changes them. What an address may say is ``address.py``.

Streamlit's own binding of widgets replaces the browser's entry, and the back button then leaves the
dashboard; a parameter that is set makes an entry of its own.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Callable, Sequence

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from dashboard import wording
from dashboard.address import Address, zones
from sentiment_assets.core.gold import ALL_POSTS


def address() -> Address:
    """The address of this page view."""
    return Address({name: st.query_params.get_all(name) for name in st.query_params})


def view(asked: Address, views: Sequence[str]) -> str:
    """Which page is shown."""
    chosen = asked.one_of("view", views, views[0], _no_page(views))
    _show("view", chosen)
    st.segmented_control(
        "Page", views, key="view", required=True, label_visibility="collapsed",
        on_change=_write, args=("view",),
    )  # fmt: skip
    return chosen


def days(
    place: DeltaGenerator, asked: Address, first: dt.date, last: dt.date
) -> tuple[dt.date, dt.date]:
    """The days that are shown, whole UTC days, both included."""
    chosen = asked.days(first, last)
    # While the reader has picked only the first day of two, it stands for both.
    begun = len(asked.parameters.get("days", ())) == 1 and chosen[0] == chosen[1]
    _show("days", chosen[:1] if begun else chosen)
    place.date_input(
        "Days (UTC)",
        min_value=first,
        max_value=last,
        key="days",
        format="YYYY-MM-DD",
        on_change=_write_days,
        help="Days are UTC days, whatever the time zone: gold counts a post on the UTC day on "
        "which it was made.",
    )
    return chosen


def platform(place: DeltaGenerator, asked: Address, platforms: Sequence[str]) -> str:
    """Which platform is shown: they are never added up."""
    return _choice(
        place, asked, "platform", "Platform", platforms, platforms[0], wording.platform,
        "Gold has nothing of the platform in the address; "
        f"{wording.platform(platforms[0])} is shown.",
    )  # fmt: skip


def topic(place: DeltaGenerator, asked: Address, topics: Sequence[str]) -> str:
    """Which tracked topic is shown, or all posts."""
    return _choice(
        place, asked, "topic", "Topic", [ALL_POSTS, *topics], ALL_POSTS, wording.topic,
        "No figures of the topic in the address stand in these days; all posts are shown.",
    )  # fmt: skip


def one_topic(place: DeltaGenerator, asked: Address, topics: Sequence[str]) -> str:
    """Which tracked topic is shown, of at least one."""
    return _choice(
        place, asked, "topic", "Topic", topics, topics[0], wording.topic,
        f"No figures of the topic in the address stand in these days; {topics[0]} is shown.",
    )  # fmt: skip


def language(place: DeltaGenerator, asked: Address, languages: Sequence[str]) -> str:
    """Which language is drawn by day."""
    return _choice(
        place, asked, "lang", "Language", languages, languages[0], str,
        f"No figures of the language in the address stand in these days; {languages[0]} is shown.",
    )  # fmt: skip


def zone(place: DeltaGenerator, asked: Address) -> zoneinfo.ZoneInfo:
    """The time zone that hours are shown in."""
    chosen = asked.zone()
    _show("zone", chosen.key)
    place.selectbox(
        "Time zone of hours", zones(), key="zone", filter_mode="contains",
        on_change=_write, args=("zone",),
    )  # fmt: skip
    return chosen


def _choice(
    place: DeltaGenerator,
    asked: Address,
    name: str,
    label: str,
    options: Sequence[str],
    default: str,
    spelled: Callable[[str], str],
    otherwise: str,
) -> str:
    chosen = asked.one_of(name, options, default, otherwise)
    _show(name, chosen)
    place.selectbox(label, options, key=name, format_func=spelled, on_change=_write, args=(name,))
    return chosen


def _show(name: str, value: object) -> None:
    """Let a widget show what the address says, whatever it showed before."""
    st.session_state[_shown(name)] = value
    if st.session_state.get(name) != value:
        st.session_state[name] = value


def _shown(name: str) -> str:
    """Names what a widget was last made to show."""
    return f"{name} as shown"


def _chosen(name: str) -> bool:
    """The reader changed the widget.

    Going back twice at once, a browser still sends what the first step made a widget show: that is
    no choice, and would undo the second step.
    """
    return bool(st.session_state[name] != st.session_state.get(_shown(name)))


def _write(name: str) -> None:
    if _chosen(name):
        st.query_params[name] = st.session_state[name]


def _write_days() -> None:
    picked = st.session_state["days"]
    if not _chosen("days"):
        return
    if picked:
        st.query_params["days"] = [date.isoformat() for date in picked]
    else:
        st.query_params.pop("days", None)


def _no_page(views: Sequence[str]) -> str:
    return f"There is no page of that name: {', '.join(views)}. {views[0]} is shown."
