"""Who may read what: one table of roles and layers, from which every store's rules are made.

What belongs here: roles, layers, rights and why each was given. How a store enforces them is beside
this file: ``folders.py`` (file modes), ``aws.py`` (S3 and KMS), ``postgres.py`` (SQL).

What the table doesn't grant is denied. Nobody but the pipeline writes or deletes anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Right = Literal["none", "read", "write"]

#: The platform itself: whatever runs the assets. Commands that erase run as it.
PIPELINE = "pipeline"


@dataclass(frozen=True)
class Role:
    """A kind of person or program; an account holds one or several."""

    name: str
    who: str


@dataclass(frozen=True)
class Layer:
    """Data that is given to a role as a whole, or not at all."""

    name: str
    holds: str
    #: The folder below the lake's root; None where it lies outside of the lake.
    folder: str | None = None


@dataclass(frozen=True)
class Grant:
    """A right of a role on a layer. To write includes to read and to delete."""

    role: str
    layer: str
    right: Right
    why: str


ROLES = (
    Role(PIPELINE, "the platform itself: daemon, runs, commands that erase"),
    Role("engineer", "who keeps the platform running"),
    Role("analyst", "who reads posts and figures"),
    Role("data_scientist", "who builds on posts: scorers, topics, studies"),
    Role("bi", "dashboards and reports, with everybody who sees them"),
    Role("ml", "programs that train on figures or serve them"),
)

LAYERS = (
    Layer("bronze", "posts as the platforms gave them, dead letters, manifests", "bronze"),
    Layer("silver", "masked text, pseudonyms, quarantine: personal data still", "silver"),
    Layer("gold", "aggregates with small cells hidden, reference tables", "gold"),
    Layer("mart", "gold as databases hold it"),
    Layer("keys", "the secrets that undo pseudonyms"),
    Layer("history", "Dagster's runs and events, logs of processes"),
)

GRANTS = (
    Grant(PIPELINE, "bronze", "write", "It fetches, and it alone removes what is erased."),
    Grant(PIPELINE, "silver", "write", "It cleans bronze into silver."),
    Grant(PIPELINE, "gold", "write", "It sums silver into gold."),
    Grant(PIPELINE, "mart", "write", "It publishes gold."),
    Grant(PIPELINE, "keys", "write", "It makes pseudonyms; nobody else needs to."),
    Grant(PIPELINE, "history", "write", "It notes what it did."),
    Grant("engineer", "bronze", "read", "A refused record can only be understood in bronze."),
    Grant("engineer", "silver", "read", "A fault is looked for in every layer."),
    Grant("engineer", "gold", "read", "A fault is looked for in every layer."),
    Grant("engineer", "mart", "read", "A fault is looked for in every layer."),
    Grant("engineer", "history", "read", "Failures are told there."),
    Grant("analyst", "silver", "read", "Single posts explain a figure; masked ones are enough."),
    Grant("analyst", "gold", "read", "Their figures."),
    Grant("analyst", "mart", "read", "Their figures, by SQL."),
    Grant("data_scientist", "silver", "read", "Scorers and topics are made from masked posts."),
    Grant("data_scientist", "gold", "read", "Their figures."),
    Grant("data_scientist", "mart", "read", "Their figures, by SQL."),
    Grant("bi", "gold", "read", "Reports show aggregates, never posts."),
    Grant("bi", "mart", "read", "Reports show aggregates, never posts."),
    Grant("ml", "gold", "read", "Models learn from aggregates."),
    Grant("ml", "mart", "read", "Models learn from aggregates."),
)

_RIGHTS = {(grant.role, grant.layer): grant.right for grant in GRANTS}


def right_of(role: str, layer: str) -> Right:
    """What a role may do with a layer.

    Raises:
        ValueError: there is no such role or layer.
    """
    _known("role", role, [known.name for known in ROLES])
    _known("layer", layer, [known.name for known in LAYERS])
    return _RIGHTS.get((role, layer), "none")


def readers_of(layer: str) -> tuple[str, ...]:
    """The roles that may read a layer, writers among them, in the table's order."""
    return tuple(role.name for role in ROLES if right_of(role.name, layer) != "none")


def writers_of(layer: str) -> tuple[str, ...]:
    """The roles that may write a layer and delete from it."""
    return tuple(role.name for role in ROLES if right_of(role.name, layer) == "write")


def layers_read_by(role: str) -> tuple[str, ...]:
    """The layers that a role may read."""
    return tuple(layer.name for layer in LAYERS if right_of(role, layer.name) != "none")


def rows() -> Iterator[dict[str, str]]:
    """Every pair of a role and a layer: role, layer, right, why."""
    why = {(grant.role, grant.layer): grant.why for grant in GRANTS}
    for role in ROLES:
        for layer in LAYERS:
            yield {
                "role": role.name,
                "layer": layer.name,
                "right": right_of(role.name, layer.name),
                "why": why.get((role.name, layer.name), "Not needed for the work."),
            }


def lake_layers() -> tuple[Layer, ...]:
    """The layers that are folders of the lake."""
    return tuple(layer for layer in LAYERS if layer.folder is not None)


def _known(what: str, name: str, names: list[str]) -> None:
    if name not in names:
        raise ValueError(f"there is no {what} {name!r}; choose one of {', '.join(names)}")
