"""What a change of a contract asks of its version, judged against the last release.

What belongs here: comparing contracts with those that were released, and saying what to do.
``released_contracts.json`` beside the tests is what was released; stored tables are compared with
their contract by ``lake.tables``.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from sentiment_assets.core.contracts import Contract

#: What a release promised of a table, as JSON holds it.
Released = Mapping[str, Any]


class Change(NamedTuple):
    """One difference from the release, and which number of the version it must raise."""

    what: str
    raises: Literal["minor", "major"]


def release_of(contract: Contract) -> dict[str, Any]:
    """What a release promises of a table: all that a reader or a stored file relies on."""
    return {
        "version": contract.version,
        "grain": contract.grain,
        "key": list(contract.key),
        "partition_columns": list(contract.partition_columns),
        "statistics": list(contract.statistics),
        "columns": {
            column.name: {
                "type": str(column.type),
                "required": column.required,
                "privacy": column.privacy,
            }
            for column in contract.columns
        },
    }


def changes(released: Released, contract: Contract) -> Iterator[Change]:
    """What differs from the release. Words of descriptions and lineage may change freely."""
    now = release_of(contract)
    for name in ("grain", "key", "partition_columns"):
        if now[name] != released[name]:
            yield Change(f"its {name.replace('_', ' ')} changed", "major")
    if now["statistics"] != released["statistics"]:
        # The property of the table follows by itself; rows and readers are as they were.
        yield Change("the columns with statistics in the log changed", "minor")
    before, after = released["columns"], now["columns"]
    for name in before:
        if name not in after:
            yield Change(f"column {name} is gone", "major")
            continue
        for fact in ("type", "required", "privacy"):
            if before[name][fact] != after[name][fact]:
                yield Change(
                    f"column {name}: {fact} was {before[name][fact]}, is {after[name][fact]}",
                    "major",
                )
    for name, column in after.items():
        if name not in before:
            kind: Literal["minor", "major"] = "major" if column["required"] else "minor"
            what = "required" if column["required"] else "nullable"
            yield Change(f"{what} column {name} is new", kind)


def complaints(
    released: Mapping[str, Released], contracts: Mapping[str, Contract], notes: Container[str]
) -> list[str]:
    """What is wrong with the contracts' versions, a sentence each; none where all is well.

    Args:
        released: the contracts of the last release, by table.
        contracts: those of now.
        notes: headings of the migration notes, such as ``silver/posts 2.0``.
    """
    found = []
    for name, old in released.items():
        if name not in contracts:
            if f"{name} removed" not in notes:
                found.append(
                    f"{name} was released and is gone: write what its readers do instead under "
                    f"the heading '{name} removed' in docs/migrations.md"
                )
            continue
        found += _complaints_of(name, old, contracts[name], notes)
    return found


def _complaints_of(
    name: str, released: Released, contract: Contract, notes: Container[str]
) -> Iterator[str]:
    was, now = _numbers(released["version"]), _numbers(contract.version)
    all_changes = list(changes(released, contract))
    told = "; ".join(change.what for change in all_changes)
    if now < was:
        yield (
            f"{name} was released as {released['version']} and is {contract.version} now: "
            "a version never goes back"
        )
    elif any(change.raises == "major" for change in all_changes):
        if now[0] <= was[0]:
            yield (
                f"{name} {contract.version} is not what was released as {released['version']}: "
                f"{told}. Stored tables don't migrate to that: make it version {was[0] + 1}.0 and "
                f"write under the heading '{name} {was[0] + 1}.0' in docs/migrations.md how to "
                "get there, or add a nullable column instead"
            )
        elif f"{name} {contract.version}" not in notes:
            yield (
                f"{name} {contract.version} needs a note for whoever has {released['version']} "
                f"({told}): write under the heading '{name} {contract.version}' in "
                "docs/migrations.md how to get there"
            )
    elif all_changes and now <= was:
        yield (
            f"{name} is still {contract.version}, as it was released, but {told}: "
            f"make it version {was[0]}.{was[1] + 1}"
        )


def is_later(version: str | None, than: str) -> bool:
    """A version comes after another; one that nobody wrote down is older than any."""
    return version is not None and _numbers(version) > _numbers(than)


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
