"""Write the pages that are made from code: the data dictionary and the list of settings.

    .venv/bin/python docs/generate.py

What belongs here: turning contracts and settings into Markdown. Words about a column or a setting
stand where it is defined; a test fails when a written page is not what this makes.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from resources.environments import SIMULATED_REQUESTS
from resources.settings import (
    CLIENTS,
    PROJECT_ROOT,
    credential_setting,
    setting_field,
    setting_names,
)
from sentiment_assets.core.contracts import (
    CONTRACTS,
    LIVE_CONTRACTS,
    REFERENCE_CONTRACTS,
    Contract,
)
from sentiment_assets.core.platforms import PLATFORMS

DOCS = Path(__file__).parent

_TABLES = {**CONTRACTS, **LIVE_CONTRACTS, **REFERENCE_CONTRACTS}

_MADE = "<!-- Made by docs/generate.py; edit the code it names, then run that. -->"

_DICTIONARY = f"""\
{_MADE}

# Data dictionary

Every Delta table of the lake, from `sentiment_assets/core/contracts.py`. The same contract makes
the stored schema, the audit before a commit, the asset checks and the columns in Dagster's UI, so
this page cannot disagree with them. How to read the tables: [for analysts](analysts.md). Bronze
holds raw objects and no table: [architecture](architecture.md#bronze).

All times are UTC. *Required* columns hold a value in every row. Privacy: `pseudonym` joins inside
the lake and means nothing outside it; `masked_text` is still personal data
([privacy](privacy.md)). *Made of* names the upstream columns.
"""

_SETTINGS = f"""\
{_MADE}

# Settings

Every setting. All are environment variables; none is needed to run the simulator. An empty value
counts as not set. A wrong value stops the program at its start with the setting's name and an
example. `sentiment settings` shows the values in use and where they come from, with secrets masked.

The general ones stand in `resources/settings.py`, a platform's own in its client's file.

## General
"""

_TABLE = "| setting | default | example | what it is for |\n|---|---|---|---|\n"

_AFTER_SETTINGS = """
## What must agree

- `SENTIMENT_SOURCE=live` needs the token of one platform at least; a platform without is not asked:
  {tokens}.
- `SENTIMENT_ENV=aws` needs `SENTIMENT_SOURCE=live`, an `s3://` `SENTIMENT_LAKE_URI`,
  `SENTIMENT_S3_KMS_KEY_ID`, and `SENTIMENT_PSEUDONYM_KMS_KEY_ID` or a file in
  `SENTIMENT_PSEUDONYM_KEYS`.
- `SENTIMENT_PSEUDONYM_KEYS` in a bucket needs `SENTIMENT_PSEUDONYM_KMS_KEY_ID`. KMS is asked in the
  key's region, or in `SENTIMENT_S3_REGION`, with the bucket's access key where one is set.
- A lake remembers whose posts it holds. A run that would mix simulated and live posts stops.

Dagster's own file is `dagster.yaml`; `DAGSTER_HOME` is honoured by `sentiment tick` where it is
set. What is fetched stands in `tracking.yaml`: [what is tracked](tracking.md).
"""


def data_dictionary() -> str:
    """The page ``docs/data-dictionary.md``."""
    index = [
        f"| [`{c.name}`](#{_anchor(c.name)}) | {c.grain} | {len(c.columns)} |"
        for c in _TABLES.values()
    ]
    head = ["| table | one row is | columns |", "|---|---|---|"]
    sections = [_table_section(contract) for contract in _TABLES.values()]
    return "\n".join([_DICTIONARY, *head, *index, "", "\n\n".join(sections), ""])


def settings_page() -> str:
    """The page ``docs/settings.md``."""
    parts = [_SETTINGS, _TABLE + _setting_rows(None)]
    for name, platform in PLATFORMS.items():
        access = CLIENTS[name].Access
        granted = (
            f"By default {access.REQUESTS:,} requests in {_period(access.PERIOD)}; the simulator "
            f"grants {SIMULATED_REQUESTS:,}.\n"
        )
        parts += [f"## {platform.title}\n", granted, _TABLE + _setting_rows(name)]
    tokens = _codes([credential_setting(name) for name in PLATFORMS])
    return "\n".join(parts) + _AFTER_SETTINGS.format(tokens=tokens)


PAGES = {"data-dictionary.md": data_dictionary, "settings.md": settings_page}


def _table_section(contract: Contract) -> str:
    facts = [
        f"- One row: {contract.grain}.",
        f"- Key: {_codes(contract.key)}.",
        f"- Partitioned by {_codes(contract.partition_columns)}."
        if contract.partition_columns
        else "- Not partitioned.",
        f"- Contract version {contract.version}; owner {contract.owner}.",
        f"- Minimum and maximum stand in Delta's log for {_codes(contract.statistics)} only."
        if contract.statistics
        else "- No minimum or maximum stands in Delta's log.",
    ]
    rows = [
        _row(
            f"`{column.name}`",
            f"`{column.type}`",
            "yes" if column.required else "",
            "" if column.privacy == "none" else column.privacy,
            column.description,
            _codes(column.sources),
        )
        for column in contract.columns
    ]
    head = [
        "| column | type | required | privacy | what it says | made of |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join(
        [f"## {contract.name}", "", contract.description, "", *facts, "", *head, *rows]
    )


def _setting_rows(platform: str | None) -> str:
    return "".join(f"{row}\n" for row in _rows_of(platform))


def _rows_of(wanted: str | None) -> Iterator[str]:
    for variable, (platform, _) in setting_names().items():
        if platform == wanted:
            field = setting_field(variable)
            example = (field.examples or [""])[0]
            yield _row(
                f"`{variable}`",
                _default(field),
                f"`{example}`" if example else "",
                field.description or "",
            )


def _period(length: dt.timedelta) -> str:
    for size, unit in ((dt.timedelta(days=1), "day"), (dt.timedelta(hours=1), "hour")):
        if length % size == dt.timedelta():
            return f"{length // size} {unit}{'s' if length > size else ''}"
    return f"{length // dt.timedelta(minutes=1)} minutes"


def _default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined or value is None:
        return "not set"
    if isinstance(value, Path) and value.is_relative_to(PROJECT_ROOT):
        return f"`{value.relative_to(PROJECT_ROOT)}` in the project's root"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _codes(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _anchor(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    kept = "".join(c for c in heading.lower() if c.isalnum() or c in " -_")
    return kept.replace(" ", "-")


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
