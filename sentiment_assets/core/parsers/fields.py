"""Which fields of a payload are known: what an API's change of shape is told by.

What belongs here: comparing payloads with the fields that a platform's parser declares. No values
are kept, only the names of fields and how often they came.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

#: So many objects must lack a field before its absence means anything.
FEWEST = 5
#: Of an answer that is all unknown, so many names are enough to see it.
MOST_NAMES = 50

_ORDINARY = re.compile(r"[A-Za-z_$][A-Za-z0-9_$-]{0,39}")


@dataclass(frozen=True)
class Fields:
    """Dotted paths below the payload: ``post.message``, ``post.message_tags[].name``.

    ``[]`` stands for the elements of a list, a trailing ``.*`` for a subtree that is not looked
    into. ``always`` are those that stand in every object whose parent stands; ``sometimes`` may be
    missing.
    """

    always: frozenset[str]
    sometimes: frozenset[str] = frozenset()

    @cached_property
    def tree(self) -> dict[str, Any]:
        """The known paths as nested names; null marks a subtree that is not looked into."""
        root: dict[str, Any] = {}
        for path in sorted(self.always | self.sometimes):
            node = root
            *parents, last = path.replace("[]", ".[]").split(".")
            for name in parents:
                node = node.setdefault(name, {})
            if last == "*":
                node["*"] = None
            else:
                node.setdefault(last, {})
        return root

    @cached_property
    def expected(self) -> dict[str, frozenset[str]]:
        """Path of a parent -> the names that always stand in it."""
        grouped: dict[str, set[str]] = {}
        for path in self.always:
            parent, _, name = path.rpartition(".")
            grouped.setdefault(parent, set()).add(name.removesuffix("[]"))
        return {parent: frozenset(names) for parent, names in grouped.items()}


@dataclass
class FieldDrift:
    """What a fetch's payloads had that nobody knows, and lacked that always stood there."""

    fields: Fields
    #: Path -> payloads' objects that had it.
    unknown: Counter[str] = field(default_factory=Counter)
    _seen: Counter[str] = field(default_factory=Counter)
    _lacking: Counter[str] = field(default_factory=Counter)

    def observe(self, payload: object) -> None:
        """Count the fields of one payload."""
        self._walk(payload, self.fields.tree, "")

    def vanished(self) -> dict[str, int]:
        """Path -> objects looked at, of fields that not one of them had."""
        return {
            path: count
            for path, count in sorted(self._lacking.items())
            if count >= FEWEST and count == self._seen[path.rpartition(".")[0]]
        }

    def _walk(self, value: object, known: dict[str, Any], path: str) -> None:
        if isinstance(value, list):
            below = known.get("[]")
            if below:
                for item in value:
                    self._walk(item, below, f"{path}[]")
        elif isinstance(value, dict):
            self._seen[path] += 1
            for name in self.fields.expected.get(path, ()):
                if name not in value:
                    self._lacking[f"{path}.{name}" if path else name] += 1
            for name, item in value.items():
                if name in known:
                    if known[name]:
                        self._walk(item, known[name], f"{path}.{name}" if path else name)
                elif "*" not in known:
                    self._count_unknown(f"{path}." if path else "", name)

    def _count_unknown(self, prefix: str, name: str) -> None:
        # A name could be somebody's id where an API keys objects by it.
        path = prefix + (name if _ORDINARY.fullmatch(name) and not _many_digits(name) else "{…}")
        if path in self.unknown or len(self.unknown) < MOST_NAMES:
            self.unknown[path] += 1


def _many_digits(name: str) -> bool:
    return sum(char.isdigit() for char in name) > 4
