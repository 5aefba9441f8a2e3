"""What is tracked: the sources asked of each platform and the topics that posts are sorted into.

Here the text of ``tracking.yaml`` becomes values, or a list of everything that is wrong with it.
Reading the file and choosing which file to read do not belong here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import yaml

from sentiment_assets.core.checked_yaml import FileProblems, Reader, compose
from sentiment_assets.core.platforms import PLATFORMS, SourceKind

VERSION = 1

#: Stands for every post beside the topics of a trend: no topic may take the name.
ALL_POSTS = "all"

_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@dataclass(frozen=True)
class TrackedSource:
    """Something of a platform to fetch: a search, a page, an account; ``name`` is for logs."""

    name: str
    #: One of the platform's kinds (``core.platforms``), such as ``query``.
    kind: str
    #: The query in the platform's own language, the page's id.
    value: str


@dataclass(frozen=True)
class Topic:
    """Words and phrases that put a post into a topic, unless an ``exclude`` phrase occurs too."""

    name: str
    keywords: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class Tracking:
    """The content of a tracking file: sources by platform, and topics, in the file's order."""

    sources: Mapping[str, tuple[TrackedSource, ...]]
    topics: tuple[Topic, ...]
    #: Brands and places that no name of a person is seen in.
    allow: tuple[str, ...] = ()

    def fingerprint(self) -> str:
        """SHA-256 in hex over the content; comments, layout and the order of lists do not count."""
        sources = {
            platform: sorted((source.name, source.kind, source.value) for source in tracked)
            for platform, tracked in self.sources.items()
        }
        # Left out where there is none: a file without it keeps the fingerprint that it had.
        allow = [sorted(self.allow)] if self.allow else []
        return _digest([sources, self.topics_fingerprint(), *allow])

    def topics_fingerprint(self) -> str:
        """The same over the topics alone: a new source does not make sorted posts stale."""
        return _digest(
            {
                topic.name: {
                    field: sorted(words)
                    for field, words in asdict(topic).items()
                    if field != "name"
                }
                for topic in self.topics
            }
        )


def allowed_by(topics: Sequence[Topic], allow: Sequence[str]) -> tuple[str, ...]:
    """Words and phrases that name nobody: the topics' names and words, and ``allow``; sorted."""
    tracked = (
        word
        for topic in topics
        for word in (topic.name.replace("_", " "), *topic.keywords, *topic.phrases)
    )
    return tuple(sorted({*tracked, *allow}))


class TrackingError(FileProblems):
    """Everything that is wrong with a tracking file; each of ``problems`` names its line."""

    ABOUT = "what to track"


def parse_tracking(text: str, source: str) -> Tracking:
    """Read a tracking file's text; ``source`` is the file name that messages show.

    Raises TrackingError with every problem found, in the order of the lines.
    """
    reader = _Reader(source)
    tracking = reader.tracking(compose(text, source, TrackingError))
    if reader.problems:
        raise TrackingError(reader.complaints())
    return tracking


class _Reader(Reader):
    def tracking(self, root: yaml.Node | None) -> Tracking:
        top = self.top(root, ("platforms", "topics", "allow"), VERSION)
        if root is None:
            return Tracking({}, ())
        allow = self.words(
            top.get("allow"), "allow", "brands or places", "allow: [Nimbus, Cape Town]"
        )
        return Tracking(self.sources(root, top), self.topics(root, top), allow)

    def sources(
        self, root: yaml.Node, top: dict[str, yaml.Node]
    ) -> dict[str, tuple[TrackedSource, ...]]:
        first = next(iter(PLATFORMS.values()))
        example = f"platforms: {{{first.name}: {{{_example(first.sources[0])}}}}}"
        node = self.required(root, top, "platforms", "", example)
        platforms = self.mapping(node, "platforms", tuple(PLATFORMS), example) if node else {}
        if isinstance(node, yaml.MappingNode) and not node.value:
            self.say(node, f"platforms names no platform; for example: {example}")
        return {
            platform: self.platform_sources(platform, value)
            for platform, value in platforms.items()
        }

    def platform_sources(self, platform: str, node: yaml.Node) -> tuple[TrackedSource, ...]:
        path = f"platforms.{platform}"
        kinds = {kind.listed_as: kind for kind in PLATFORMS[platform].sources}
        example = _example(next(iter(kinds.values())))
        fields = self.mapping(node, path, tuple(kinds), example)
        if isinstance(node, yaml.MappingNode) and not fields:
            known = " or ".join(f"{path}.{listed_as}" for listed_as in kinds)
            self.say(node, f"{known} is missing; for example: {example}")
        names: dict[str, int] = {}
        tracked: list[TrackedSource] = []
        for listed_as, listed in fields.items():
            tracked += self.listed_sources(f"{path}.{listed_as}", listed, kinds[listed_as], names)
        return tuple(tracked)

    def listed_sources(
        self, path: str, listed: yaml.Node, kind: SourceKind, names: dict[str, int]
    ) -> Iterator[TrackedSource]:
        example = _example(kind)
        values: dict[str, int] = {}
        for index, item in self.items(listed, path, kind.listed_as, example):
            here = f"{path}[{index}]"
            entry = self.mapping(item, here, ("name", kind.name), _entry(kind))
            name = self.name(item, entry, here, "brand", names)
            said = f"{kind.name}: {kind.example}"
            node = self.required(item, entry, kind.name, here, said)
            value = self.text(node, f"{here}.{kind.name}", said)
            if node and value:
                self.once(node, f"{here}.{kind.name}", value, values)
                self.check_value(node, f"{here}.{kind.name}", kind, value)
            yield TrackedSource(name, kind.name, value)

    def check_value(self, node: yaml.Node, path: str, kind: SourceKind, value: str) -> None:
        if kind.max_length is not None and len(value) > kind.max_length:
            advice = "; split it into two" if kind.boolean else ""
            self.say(
                node,
                f"{path} has {len(value)} characters, at most {kind.max_length} are taken{advice}",
            )
        if kind.pattern is not None and not kind.pattern.fullmatch(value):
            self.say(
                node, f"{path} must be {kind.meaning}; for example: {kind.name}: {kind.example}"
            )
        if kind.boolean:
            self.check_query(node, path, value)

    def check_query(self, node: yaml.Node, path: str, query: str) -> None:
        if re.search(r"(^|\s)OR\s*$", query):
            self.say(
                node,
                f"{path} ends with OR; if the rest begins with #, quote the query, since in bare "
                "YAML a space and # begin a comment; for example: query: 'nimbus OR #nimbus'",
            )
        depth = lowest = 0
        # Parentheses inside quotes are part of the phrase.
        for char in re.sub(r'"[^"]*"', "", query):
            depth += (char == "(") - (char == ")")
            lowest = min(lowest, depth)
        if depth or lowest or query.count('"') % 2:
            self.say(
                node,
                f"{path} leaves a quote or a parenthesis open; "
                "for example: query: '(nimbus OR cirrus) \"sign in\"'",
            )

    def topics(self, root: yaml.Node, top: dict[str, yaml.Node]) -> tuple[Topic, ...]:
        example = "topics: [{name: pricing, keywords: [price, pricing]}]"
        node = self.required(root, top, "topics", "", example)
        names: dict[str, int] = {}
        topics = []
        for index, item in self.items(node, "topics", "topics", example):
            path = f"topics[{index}]"
            entry = self.mapping(
                item,
                path,
                ("name", "keywords", "phrases", "exclude"),
                "{name: pricing, keywords: [price, pricing]}",
            )
            name = self.name(item, entry, path, "pricing", names)
            if name == ALL_POSTS:
                self.say(
                    item, f"{path}.name {name!r} means every post; give the topic another name"
                )
            words = {
                field: self.words(entry.get(field), f"{path}.{field}", noun, example)
                for field, noun, example in (
                    ("keywords", "words", "keywords: [price, pricing]"),
                    ("phrases", "phrases", "phrases: [how much, free plan]"),
                    ("exclude", "words or phrases", "exclude: [price of fame]"),
                )
            }
            if isinstance(item, yaml.MappingNode) and not {"keywords", "phrases"} & entry.keys():
                self.say(
                    item,
                    f"{path} needs keywords or phrases; for example: keywords: [price, pricing]",
                )
            topics.append(Topic(name, **words))
        return tuple(topics)

    def words(self, node: yaml.Node | None, path: str, noun: str, example: str) -> tuple[str, ...]:
        if node is None:
            return ()
        seen: dict[str, int] = {}
        found = []
        for index, item in self.items(node, path, noun, example):
            here = f"{path}[{index}]"
            word = self.text(item, here, example)
            if word:
                self.once(item, here, word, seen)
                if noun == "words" and len(word.split()) > 1:
                    self.say(item, f"{here} is a phrase ({word!r}); move it to phrases")
            found.append(word)
        return tuple(found)

    def name(
        self,
        parent: yaml.Node,
        fields: dict[str, yaml.Node],
        path: str,
        example: str,
        seen: dict[str, int],
    ) -> str:
        node = self.required(parent, fields, "name", path, f"name: {example}")
        name = self.text(node, f"{path}.name", f"name: {example}")
        if node and name:
            if not _NAME.fullmatch(name):
                self.say(
                    node,
                    f"{path}.name {name!r} must be in snake_case; "
                    f"for example: name: {_snake_case(name) or example}",
                )
            self.once(node, f"{path}.name", name, seen)
        return name


def _entry(kind: SourceKind) -> str:
    return f"{{name: brand, {kind.name}: {kind.example}}}"


def _example(kind: SourceKind) -> str:
    return f"{kind.listed_as}: [{_entry(kind)}]"


def _snake_case(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_0123456789")


def _digest(content: object) -> str:
    canonical = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()
