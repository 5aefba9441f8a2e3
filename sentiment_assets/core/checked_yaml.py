"""YAML files of an operator: read node by node, so that every mistake is told with its line.

What belongs here: what every such file shares (kinds of values, keys, lists, messages). What one
file means is a module of its own: ``tracking``, ``sentiment.word_list``.
"""

from __future__ import annotations

import datetime as dt
import difflib
import re
from collections.abc import Iterator, Mapping
from typing import ClassVar, TypeVar

import yaml

_KINDS = {
    "tag:yaml.org,2002:bool": "true or false",
    "tag:yaml.org,2002:float": "a number",
    "tag:yaml.org,2002:int": "a number",
    "tag:yaml.org,2002:null": "nothing",
    "tag:yaml.org,2002:str": "text",
    "tag:yaml.org,2002:timestamp": "a date",
}
_TEXT = "tag:yaml.org,2002:str"
_MEASURED = re.compile(r"(\d+(?:\.\d+)?) ?([A-Za-z]+)")

Measure = TypeVar("Measure", dt.timedelta, float)


class FileProblems(ValueError):
    """Everything that is wrong with a file; each of ``problems`` names its line."""

    #: What the file says, for the head of a list of problems.
    ABOUT: ClassVar[str] = "a file"

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__(problems)
        self.problems = problems

    def __str__(self) -> str:
        if len(self.problems) == 1:
            return self.problems[0]
        return "\n".join([f"{len(self.problems)} problems in {self.ABOUT}:", *self.problems])


def compose(text: str, source: str, problem: type[FileProblems]) -> yaml.Node | None:
    """The nodes of a file's text; ``source`` is the file name that messages show.

    Raises ``problem`` where the text is no YAML.
    """
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        told = f"{source}:{line}: not readable as YAML: {error.problem or error.context}"
        raise problem((f"{told}; check indentation, quotes and brackets there",)) from None
    except yaml.YAMLError as error:
        raise problem((f"{source}:1: not readable as YAML: {error}",)) from None


class Reader:
    """Walks YAML nodes (they know their lines, plain values do not) and collects problems."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.problems: list[tuple[int, str]] = []

    def complaints(self) -> tuple[str, ...]:
        """Every problem found, in the order of the lines."""
        by_line = sorted(self.problems, key=lambda problem: problem[0])
        return tuple(message for _, message in by_line)

    def top(
        self, root: yaml.Node | None, keys: tuple[str, ...], version: int
    ) -> dict[str, yaml.Node]:
        """The keys of the file, ``version`` among them; none where it is empty."""
        if root is None:
            self.problems.append(
                (1, f"{self.source}:1: the file is empty; for example: version: {version}")
            )
            return {}
        top = self.mapping(root, "", ("version", *keys), f"version: {version}")
        node = self.required(root, top, "version", "", f"version: {version}")
        if node and (kind_of(node), node.value) != ("a number", str(version)):
            self.say(node, f"this program reads version: {version} (a number) and no other")
        return top

    def mapping(
        self, node: yaml.Node, path: str, known: tuple[str, ...], example: str
    ) -> dict[str, yaml.Node]:
        """The values of a mapping by key; keys that nobody knows and repeated ones are told."""
        if not isinstance(node, yaml.MappingNode):
            self.report(node, f"{path or 'the file'} must hold keys and values", example)
            return {}
        fields: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else ""
            dotted = f"{path}.{name}" if path else name
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                advice = f"did you mean {near[0]}?" if near else f"known here: {', '.join(known)}"
                self.say(key, f"unknown key {dotted or 'of several parts'}; {advice}")
            elif name in fields:
                self.say(key, f"{dotted} stands twice, first on line {lines[name]}; keep one")
            else:
                fields[name], lines[name] = value, line_of(key)
        return fields

    def required(
        self, parent: yaml.Node, fields: dict[str, yaml.Node], key: str, path: str, example: str
    ) -> yaml.Node | None:
        """The value of a key that must be there."""
        if key not in fields and isinstance(parent, yaml.MappingNode):
            dotted = f"{path}.{key}" if path else key
            self.say(parent, f"{dotted} is missing; for example: {example}")
        return fields.get(key)

    def items(
        self, node: yaml.Node | None, path: str, noun: str, example: str
    ) -> Iterator[tuple[int, yaml.Node]]:
        """The items of a list with their numbers."""
        if node is None:
            return
        if not isinstance(node, yaml.SequenceNode):
            self.report(node, f"{path} must be a list of {noun}", example)
        elif not node.value:
            self.say(node, f"{path} is an empty list; for example: {example}")
        else:
            yield from enumerate(node.value)

    def text(self, node: yaml.Node | None, path: str, example: str) -> str:
        """Text on one line; empty where it is missing or wrong."""
        if node is None:
            return ""
        if not isinstance(node, yaml.ScalarNode) or node.tag != _TEXT:
            quoting = " (quotes make it text)" if isinstance(node, yaml.ScalarNode) else ""
            self.report(node, f"{path} must be text{quoting}", example)
            return ""
        if not node.value.strip():
            self.say(node, f"{path} is empty; for example: {example}")
        return " ".join(str(node.value).split())

    def number(
        self, node: yaml.Node | None, path: str, bounds: tuple[float, float], example: str
    ) -> float:
        """A number within bounds; 0 where it is missing or wrong."""
        if node is None:
            return 0.0
        low, high = bounds
        wanted = f"{path} must be a number from {low:g} to {high:g}"
        if kind_of(node) != "a number":
            self.report(node, wanted, example)
            return 0.0
        value = float(yaml.safe_load(str(node.value)))
        # Neither does nan lie within bounds.
        if not low <= value <= high:
            self.say(node, f"{wanted}, not {node.value}; for example: {example}")
            return 0.0
        return value

    def measured(
        self,
        node: yaml.Node,
        wanted: str,
        units: Mapping[str, Measure],
        bounds: tuple[Measure, Measure],
        example: str,
    ) -> Measure | None:
        """A number and its unit within bounds; null where it is wrong.

        ``wanted`` begins the message: what must be what, from where to where.
        """
        low, high = bounds
        said = str(node.value).strip() if isinstance(node, yaml.ScalarNode) else ""
        read = _MEASURED.fullmatch(said)
        if read is None or read[2] not in units:
            *most, last = units
            self.say(node, f"{wanted}, in {', '.join(most)} or {last}; for example: {example}")
            return None
        value = float(read[1]) * units[read[2]]
        if not low <= value <= high:
            self.say(node, f"{wanted}, not {said}; for example: {example}")
            return None
        return value

    def date(self, node: yaml.Node | None, path: str, example: str) -> dt.date:
        """A date without a time; the first of all dates where it is missing or wrong."""
        if node is None:
            return dt.date.min
        try:
            return dt.date.fromisoformat(str(node.value))
        except ValueError:
            self.report(node, f"{path} must be a date, YYYY-MM-DD", example)
            return dt.date.min

    def once(self, node: yaml.Node, path: str, value: str, seen: dict[str, int]) -> None:
        """Tell where a value stands twice; ``seen`` keeps the line of each."""
        if (key := value.casefold()) in seen:
            self.say(node, f"{path} {value!r} stands twice, first on line {seen[key]}; keep one")
        else:
            seen[key] = line_of(node)

    def report(self, node: yaml.Node, what: str, example: str) -> None:
        """A problem with the kind of a value."""
        self.say(node, f"{what}, found {kind_of(node)}; for example: {example}")

    def say(self, node: yaml.Node, message: str) -> None:
        """A problem at a node's line."""
        self.problems.append((line_of(node), f"{self.source}:{line_of(node)}: {message}"))


def line_of(node: yaml.Node) -> int:
    """The line on which a node begins, from 1."""
    return int(node.start_mark.line) + 1


def kind_of(node: yaml.Node) -> str:
    """What a node is, in words."""
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if isinstance(node, yaml.MappingNode):
        return "keys and values"
    return _KINDS.get(node.tag, "a value of another type")
