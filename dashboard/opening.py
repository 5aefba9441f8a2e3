"""Which store the pages read: the mart where it answers and holds something, or else gold itself.

What belongs here: the choice, and the sentence that says why it fell so. A mart that fails is left
alone for a minute: readers of gold itself should not wait for it.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

import streamlit as st

from dashboard.stores import GoldStore, LakeStore, MartStore
from resources.postgres import MartAddress, MartError, MartReader
from resources.settings import Settings
from sentiment_assets.core.contracts import DAILY_SUMMARY

log = logging.getLogger(__name__)

TRUST_S = 60.0
_DOES_NOT_ANSWER = " The PostgreSQL mart does not answer, so gold is read directly."
_IS_EMPTY = " The PostgreSQL mart holds nothing yet, so gold is read directly."


@dataclass(frozen=True)
class Opened:
    """A store, and what the page's foot says of the choice; empty where there is nothing to say."""

    store: GoldStore
    note: str = ""


def open_store(settings: Settings) -> Opened:
    """The store of one run of a page.

    Raises:
        LakeError: the mart isn't there, and the lake can't be opened.
    """
    address = settings.mart_reader_address
    if address is None or not _may_run(address):
        return Opened(LakeStore(settings.open_lake()))
    reader = _reader(address, (address.shown, address.setting))
    note = _why_not(reader, address.shown, _doubts()["since"])
    if note:
        return Opened(LakeStore(settings.open_lake()), note)
    return Opened(MartStore(reader))


def mistrust() -> None:
    """The mart failed while it was read: leave it alone for a while."""
    _doubts()["since"] = time.monotonic()
    _why_not.clear()


def _may_run(address: MartAddress) -> bool:
    """A page starts no server: the embedded one is read while others hold it."""
    return address.home is None or (address.home / "postgres" / "postmaster.pid").exists()


# Streamlit leaves arguments with a leading underscore out of the key.
@st.cache_resource(show_spinner=False)
def _reader(_address: MartAddress, shown: tuple[str, str]) -> MartReader:
    return MartReader(_address)


@st.cache_resource
def _doubts() -> dict[str, float]:
    return {"since": -TRUST_S}


@st.cache_data(ttl=TRUST_S, show_spinner=False)
def _why_not(_reader: MartReader, shown: str, since: float) -> str:
    """Why the mart is not read; empty where it is."""
    if time.monotonic() - since < TRUST_S:
        return _DOES_NOT_ANSWER
    try:
        return _IS_EMPTY if _reader.partition_sizes(DAILY_SUMMARY).is_empty() else ""
    except MartError as error:
        log.warning("gold is read instead of the mart: %s", error)
        return _DOES_NOT_ANSWER
