"""The dashboard's script: the frame around every page, and which page is shown.

What belongs here: the title, the warning that posts are simulated, routing by the address, the
foot, and one sentence where there is no page to show. The pages are ``views``.
"""

from __future__ import annotations

import datetime as dt
import logging
import sys
from collections.abc import Callable
from pathlib import Path

import streamlit as st

# Streamlit puts this file's folder on the path, not the project's root.
ROOT = str(Path(__file__).resolve().parents[1])
if ROOT not in sys.path:
    sys.path.append(ROOT)

from dashboard import filters, queries, wording  # noqa: E402
from dashboard.address import Address  # noqa: E402
from dashboard.opening import mistrust, open_store  # noqa: E402
from dashboard.page import Page  # noqa: E402
from dashboard.queries import Available  # noqa: E402
from dashboard.stores import GoldStore  # noqa: E402
from dashboard.views import days, health, now, overview, platforms, topic  # noqa: E402
from resources.postgres import MartError  # noqa: E402
from resources.settings import SettingsError, read_settings  # noqa: E402
from sentiment_assets.lake.objects import LakeError  # noqa: E402

log = logging.getLogger(__name__)

#: Pages over gold; the one of now reads live figures.
PAGES: dict[str, Callable[[Page], None]] = {
    "Overview": overview.view,
    "Topic": topic.view,
    "Platforms": platforms.view,
    "Days": days.view,
    "Health": health.view,
}
NOW = "Now"
VIEWS = (*PAGES, NOW)
# Streamlit fetches named icons and emoji from the network; this page asks nobody.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32" width="32" height="32">'
    '<path d="M3 22 L11 12 L18 18 L29 6" fill="none" stroke="#0072B2" stroke-width="4"/></svg>'
)


def page() -> None:
    """Draw the page, or one sentence that says why there is none."""
    st.set_page_config("Sentiment", page_icon=ICON, layout="wide")
    st.title("Sentiment", anchor=False)
    asked = filters.address()
    # Complaints are known only when all filters are drawn, and stand above them.
    try:
        settings = read_settings()
        if settings.origin == "simulated":
            st.warning(
                "**Simulated posts:** the simulator made them. These figures say nothing about "
                "real people, companies or products.",
                icon=":material/science:",
            )
        view = filters.view(asked, VIEWS)
        complaints = st.container()
        if view == NOW:
            now.view(asked, settings.open_lake(), settings.live, settings.min_authors)
            _complain(complaints, asked)
            return
        opened = open_store(settings)
        known = queries.available(opened.store)
        if known is None:
            st.info(
                "No gold yet. Type `make run` in the project's root: it fetches posts and fills "
                "gold; then reload this page.",
                icon=":material/hourglass_empty:",
            )
            return
        PAGES[view](Page(asked, opened.store, known, settings.min_authors))
        _complain(complaints, asked)
        _foot(opened.store, known, opened.note)
    except MartError:
        # Drawn again at once, from gold itself.
        log.exception("the mart failed in the midst of a page")
        mistrust()
        st.rerun()
    except (SettingsError, LakeError) as error:
        st.error(str(error), icon=":material/error:")
    except Exception as error:
        log.exception("the dashboard could not be drawn")
        st.error(
            f"Gold could not be read ({type(error).__name__}). The dashboard's own output says "
            "why; check the lake's address with `sentiment settings`.",
            icon=":material/error:",
        )


def _complain(place: st.delta_generator.DeltaGenerator, asked: Address) -> None:
    if asked.complaints:
        place.warning(" ".join(asked.complaints), icon=":material/link_off:")


def _foot(store: GoldStore, known: Available, note: str) -> None:
    age = dt.datetime.now(dt.timezone.utc) - known.written_at
    st.divider()
    st.caption(
        f"Read from {store.place}: newest rows written {wording.age(age)} ago "
        f"({known.written_at:%Y-%m-%d %H:%M} UTC).{note} Days are UTC days. This page's address "
        "holds all of its filters."
    )


page()
