"""A corpus of texts as posts: each text once a week, at the same minute of every week.

A corpus answers every query: its texts know nothing of the story's companies, and whoever names a
corpus wants to see all of it. Texts are kept as one block of UTF-8 with offsets, and posts are
made when a page needs them, so a million texts cost little more than their bytes.

Text number ``(a * slot + b) mod n`` is posted in time slot ``slot``, where ``a`` and ``b`` come
from the seed, and slots follow the daily curve over an ISO week. So ids and times are a pure
function of (seed, text number, week), no matter when or how often the simulator starts, and any
7 days hold each text exactly once.
"""

from __future__ import annotations

import array
import gzip
import html
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from simulator import plot
from simulator.clock import FIRST_MONDAY_MS, HOUR_MS, WEEK_MS
from simulator.people import Author, People
from simulator.x.post import Post
from simulator.x.query import Query
from simulator.x.snowflake import LOW_BITS, created_ms, first_id_at

_MASK = (1 << 64) - 1
# Two posts in one millisecond could not be ordered by their time alone.
MOST_TEXTS = 10_000_000


class CorpusError(ValueError):
    """The corpus can't be used; the message names the file, the line and what to do."""


class Texts:
    """The texts of a file: plain lines, or JSON lines with ``text``; either gzipped.

    Blank lines count for nothing. JSON is told by the first character of the first line.
    """

    def __init__(self, path: Path) -> None:
        self._block = bytearray()
        self._ends = array.array("Q")
        try:
            with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as lines:
                self._read(path, iter(lines))
        except FileNotFoundError:
            raise CorpusError(f"corpus {path}: no such file") from None
        except (OSError, EOFError) as error:
            raise CorpusError(f"corpus {path}: can't be read: {error}") from None
        if not self._ends:
            raise CorpusError(
                f"corpus {path}: it holds no text; expected one text per line, or "
                'JSON lines such as {"text": "..."}'
            )

    def _read(self, path: Path, lines: Iterator[bytes]) -> None:
        decoder = msgspec.json.Decoder(dict[str, Any])
        is_json: bool | None = None
        for number, raw in enumerate(lines, 1):
            line = raw.strip().removeprefix(b"\xef\xbb\xbf")
            if not line:
                continue
            if is_json is None:
                is_json = line.startswith(b"{")
            if is_json:
                try:
                    text = decoder.decode(line).get("text")
                except (msgspec.DecodeError, UnicodeDecodeError) as error:
                    raise CorpusError(f"corpus {path}, line {number}: not JSON: {error}") from None
                if not isinstance(text, str):
                    raise CorpusError(f'corpus {path}, line {number}: no key "text" with a text')
                line = text.strip().encode(errors="replace")
                if not line:
                    continue
            else:
                try:
                    line.decode()
                except UnicodeDecodeError as error:
                    raise CorpusError(f"corpus {path}, line {number}: not UTF-8: {error}") from None
            self._block += line
            self._ends.append(len(self._block))
            if len(self._ends) > MOST_TEXTS:
                raise CorpusError(f"corpus {path}: more than {MOST_TEXTS} texts")

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> str:
        start = self._ends[index - 1] if index else 0
        # The API escapes; a corpus taken from it is escaped already.
        return html.unescape(self._block[start : self._ends[index]].decode())


class Corpus:
    """A source of posts from texts."""

    def __init__(self, texts: Texts, seed: int, authors: int = 3000) -> None:
        self._texts = texts
        self._size = len(texts)
        self._people = People(seed, authors)
        self._seed = seed
        rng = random.Random(f"{seed}/corpus")
        self._offset = rng.randrange(self._size)
        # Near the golden section of n, neighbours in the file land far apart in time.
        self._step = max(1, round(self._size * 0.6180339887))
        while math.gcd(self._step, self._size) != 1:
            self._step += 1

    def author(self, index: int) -> Author:
        """The author of that index."""
        return self._people.author(index)

    def author_named(self, handle: str) -> Author | None:
        """The author of that handle, any case."""
        return self._people.named(handle)

    def newest_first(self, high: int, low: int, query: Query, now_ms: int) -> Iterator[Post]:
        """Posts with ids from ``high`` down to ``low``; every query matches."""
        last = min(high, first_id_at(now_ms + 1) - 1)
        week, slot = divmod(self._first_after(last) - 1, self._size)
        while (post_id := self._id(week, slot)) >= low:
            yield self._post(post_id, slot)
            slot -= 1
            if slot < 0:
                week, slot = week - 1, self._size - 1

    def find(self, post_id: int) -> Post | None:
        """The post with this id."""
        week, slot = divmod(self._first_after(post_id) - 1, self._size)
        return self._post(post_id, slot) if self._id(week, slot) == post_id else None

    def _first_after(self, post_id: int) -> int:
        """Number, counted from the first week's first slot, of the first post after the id."""
        week = (created_ms(post_id) - FIRST_MONDAY_MS) // WEEK_MS
        below, above = 0, self._size
        while below < above:
            middle = (below + above) // 2
            if self._id(week, middle) > post_id:
                above = middle
            else:
                below = middle + 1
        return week * self._size + below

    def _mix(self, number: int) -> int:
        """64 scrambled bits of a number and the seed (the finalizer of splitmix64)."""
        z = (number * 0x9E3779B97F4A7C15 + self._seed) & _MASK
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def _id(self, week: int, slot: int) -> int:
        # A tenth of the slot stays free on either side, so that jitter keeps the order.
        jitter = 0.1 + 0.8 * (self._mix(slot) & 0xFFFF) / 0x10000
        hours = plot.calm_time((slot + jitter) / self._size)
        moment = FIRST_MONDAY_MS + week * WEEK_MS + int(hours * HOUR_MS)
        low = self._mix(week * self._size + slot) >> (64 - LOW_BITS)
        return first_id_at(moment) | low

    def _post(self, post_id: int, slot: int) -> Post:
        index = (slot * self._step + self._offset) % self._size
        author = self._people.pick(self._mix(~index) / (1 << 64))
        created = created_ms(post_id)
        return Post(post_id, author, self._texts[index], "und", "post", (post_id,), created)
