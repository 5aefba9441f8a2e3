"""The invented people behind the posts: names, handles and account numbers, by seed and index.

Every person is synthetic; names are common ones of many cultures, combined at random. The first
few indices are the accounts of the companies in the story, the last ones those of spammers.
"""

from __future__ import annotations

import bisect
import itertools
import random
import unicodedata
from dataclasses import dataclass

from simulator.clock import iso, parse_ms

COMPANIES = (
    ("NimbusCloud", "Nimbus", "One cloud for every team. Help: @NimbusSupport"),
    ("NimbusSupport", "Nimbus Support", "We answer around the clock. Never post your password."),
    ("StratusHQ", "Stratus", "Infrastructure that stays up."),
    ("CirrusApp", "Cirrus", "Light as air."),
)
NIMBUS, NIMBUS_SUPPORT, STRATUS, CIRRUS = range(4)
SPAMMERS = 40

_GIVEN_AND_FAMILY = (
    ("Thandi Sipho Nomsa Lerato Bongani Zanele Ayanda Thabo", "Dlamini Nkosi Mokoena Khumalo Zulu"),
    ("Johan Annelie Pieter Marelize Hendrik Elsabé", "van der Merwe|Botha|Pretorius|du Plessis"),
    ("Emma Liam Olivia Noah Grace Jack Hope Mark Will", "Smith Johnson Brown O'Neill Miller Young"),
    ("María José Lucía Álvaro Carmen Íñigo", "García Fernández López Muñoz Ibáñez"),
    ("Anna Lukas Jürgen Sabine Björn Käthe", "Müller Schmidt Weiß Schröder Köhler"),
    ("Chloé Léa Hugo Zoé Benoît Élodie", "Dubois Lefèvre Moreau Garçon Petit"),
    ("João Ana Beatriz Tiago Conceição Luís", "Silva Santos Gonçalves Araújo Conceição"),
    ("Yuki Haruto Sakura 健太 美咲 Ren", "Sato Suzuki 田中 Takahashi 山本"),
    ("محمد فاطمة Ahmed Layla عمر Yasmin", "الحسن Haddad منصور Khalil Nasser"),
    ("Priya Arjun Ananya Rohan Lakshmi Vikram", "Sharma Patel Iyer Reddy Banerjee"),
    ("Wei Li Na 小明 Jing Hao", "Wang Zhang 李 Chen Liu"),
    ("Chidi Ngozi Emeka Adaeze Femi Amina", "Okafor Adeyemi Balogun Eze Bello"),
    ("Olena Dmytro Katarzyna Piotr Ivana Miloš", "Kovalenko Nowak Wiśniewski Novák Jović"),
    ("Min-jun Seo-yeon 지훈 Ji-woo Ha-eun", "Kim Lee 박 Choi Jung"),
)
_CULTURES = tuple(
    (tuple(given.split()), tuple(family.split("|") if "|" in family else family.split()))
    for given, family in _GIVEN_AND_FAMILY
)
_TAGS = ("", "", "", "", "", "", " ☁️", " 🚀", " (she/her)", " | DevOps", " 🇿🇦", ", PhD", " 👩‍💻")
_PLACES = ("Cape Town", "London", "Berlin", "São Paulo", "東京", "Lagos", "Paris", "Austin, TX", "")
_BIOS = (
    "Opinions mine.",
    "Coffee first &amp; code second.",
    "Dad, runner, sysadmin.",
    "",
    "Building things in the cloud",
    "she/her • design • cats",
    "I tweet about trains",
)


@dataclass(frozen=True, slots=True)
class Author:
    """An account: the public fields that platforms show of one."""

    index: int
    id: str
    handle: str
    name: str
    bio: str
    place: str
    verified: bool
    joined_at: str
    followers: int
    following: int
    posts: int


class People:
    """``count`` ordinary authors, the companies before and the spammers after them.

    ``lower`` spells handles in lower case, as platforms other than X do.
    """

    def __init__(self, seed: int, count: int, *, lower: bool = False) -> None:
        self._seed = seed
        self._lower = lower
        self._first = len(COMPANIES)
        self._count = count
        self._made: dict[int, Author] = {}
        self._by_handle: dict[str, Author] | None = None
        # Zipf: a few authors write most. 0.8 keeps the busiest below 2 % of all posts.
        self._weights = list(itertools.accumulate((rank + 3.0) ** -0.8 for rank in range(count)))

    def pick(self, uniform: float) -> int:
        """Index of an ordinary author for ``uniform`` in [0, 1): low ranks come often."""
        rank = bisect.bisect_right(self._weights, uniform * self._weights[-1])
        return self._first + min(rank, self._count - 1)

    def spammer(self, number: int) -> int:
        """Index of a spammer, any ``number``."""
        return self._first + self._count + number % SPAMMERS

    def author(self, index: int) -> Author:
        """The author of an index, the same for the same seed."""
        found = self._made.get(index)
        if found is None:
            found = self._made[index] = self._make(index)
        return found

    def named(self, handle: str) -> Author | None:
        """The author of that handle, any case."""
        if self._by_handle is None:
            everyone = range(self._first + self._count + SPAMMERS)
            self._by_handle = {(a := self.author(i)).handle.lower(): a for i in everyone}
        return self._by_handle.get(handle.lower())

    def _make(self, index: int) -> Author:
        rng = random.Random(f"{self._seed}/author/{index}")
        # An odd multiplier is a bijection on 32 bits: no two authors share an id.
        account = 1_000_000_000 + (index * 2_654_435_761 + self._seed * 40_503) % (1 << 32)
        joined = parse_ms("2012-01-01T00:00:00Z") + rng.randrange(12 * 365) * 86_400_000
        joined += rng.randrange(86_400_000)
        if index < self._first:
            handle, name, bio = COMPANIES[index]
            place, followers = "", 200_000 + rng.randrange(900_000)
        else:
            given, family = rng.choice(_CULTURES)
            first, last = rng.choice(given), rng.choice(family)
            spammer = index >= self._first + self._count
            name = f"{first} {last}{rng.choice(_TAGS)}" if not spammer else f"{first} 💰 DM OPEN"
            handle = _handle(first, last, index, rng)
            bio, place = rng.choice(_BIOS), rng.choice(_PLACES)
            followers = int(rng.paretovariate(0.7) * 30) % 3_000_000
        return Author(
            index,
            str(account),
            handle.lower() if self._lower else handle,
            name,
            bio,
            place,
            index < self._first or rng.random() < 0.06,
            iso(joined),
            followers,
            rng.randrange(3000),
            rng.randrange(60_000),
        )


def _handle(first: str, last: str, index: int, rng: random.Random) -> str:
    """At most 15 of ``[A-Za-z0-9_]``, unique because it ends in the index."""
    parts = [
        "".join(c for c in unicodedata.normalize("NFKD", part) if c.isascii() and c.isalpha())
        for part in (first, last)
    ]
    plain = rng.choice((parts[0] + parts[1], f"{parts[0]}_{parts[1][:1]}", f"the{parts[0]}"))
    # Names of other scripts leave no letters.
    plain = plain if len(parts[0]) > 2 else "user"
    plain = plain if rng.random() < 0.5 else plain.lower()
    return plain[: 15 - len(str(index))] + str(index)
