"""Reference assets: what a team keeps in files, checked, and stored as tables that gold joins.

What belongs here: one asset a file, and its checks. What a file may say is ``core.reference``; what
a change of it sets off is ``reference_changes`` and ``sensors``.
"""

import datetime as dt
from collections.abc import Iterator

import dagster as dg
import polars as pl

from sentiment_assets.assets.describe import RETRIES, asset_facts, asset_key, preview
from sentiment_assets.assets.failures import permanent_failures_are_final
from sentiment_assets.core.contracts import (
    BRANDS,
    CALENDAR,
    HOLIDAYS,
    REFERENCE_CONTRACTS,
    Contract,
)
from sentiment_assets.core.gold_calendar import EVERY
from sentiment_assets.core.quality import (
    Verdict,
    key_verdict,
    reaches_ahead_verdict,
    required_verdict,
    schema_verdict,
    topics_verdict,
)
from sentiment_assets.core.reference import (
    ALL_DATES,
    concerned,
    fingerprint,
    read_reference,
    rows_of,
    spelled,
)
from sentiment_assets.core.tracking import Tracking
from sentiment_assets.lake.objects import Lake
from sentiment_assets.lake.reference import ABSENT, ReferenceFolder
from sentiment_assets.reference_changes import CONCERNS, CONTENT, STAMP, newest_record, note_of


def _reference_asset(contract: Contract) -> dg.AssetsDefinition:
    asset = dg.asset(key=asset_key(contract.name), retry_policy=RETRIES, **asset_facts(contract))

    @permanent_failures_are_final
    def reference(
        context: dg.AssetExecutionContext,
        lake: dg.ResourceParam[Lake],
        reference_folder: dg.ResourceParam[ReferenceFolder],
    ) -> dg.MaterializeResult[None]:
        told = newest_record(context.instance, asset_key(contract.name))
        file = reference_folder.files().get(contract.name)
        rows = rows_of(contract, [])
        if file is not None:
            rows = read_reference(contract, file.name, reference_folder.read(file))
        content = fingerprint(rows)
        table = lake.table(contract)
        with table.begin([{}], context.run.run_id) as replacement:
            before = replacement.pinned({})[0].collect()
            spans = concerned(contract, before, rows)
            if before.height and note_of(told, CONTENT) != fingerprint(before):
                # A run died between its commit and its event: nobody was told of that change.
                spans = [ALL_DATES]
            if fingerprint(before) != content:
                replacement.write({}, [rows])
                replacement.commit(metadata={CONTENT: content})
        return dg.MaterializeResult(
            metadata={
                "dagster/row_count": rows.height,
                "path": table.uri,
                "table_version": table.version or 0,
                "contract_version": contract.version,
                "file": file.name if file else "none: the table is empty, and gold does without it",
                CONTENT: content,
                STAMP: file.stamp if file else ABSENT,
                CONCERNS: spelled(spans),
                "preview": preview(rows, rows.columns),
            }
        )

    made: dg.AssetsDefinition = asset(reference)
    return made


REFERENCES = [*map(_reference_asset, REFERENCE_CONTRACTS.values())]

_OF_EVERY = (
    ("schema", "The stored columns are the contract's.", True),
    ("key_unique", "No two rows share a key.", True),
    ("required_columns", "Required columns hold a value in every row.", True),
)
_TOPICS_KNOWN = ("topics_known", "Every topic that is named is tracked.", False)
_OF_TABLE = {
    CALENDAR.name: (_TOPICS_KNOWN,),
    BRANDS.name: (_TOPICS_KNOWN,),
    HOLIDAYS.name: (("reaches_ahead", "The holidays of the next 30 days are there.", False),),
}


@dg.multi_asset_check(
    name="check_reference",
    specs=[
        dg.AssetCheckSpec(name, asset=asset_key(table), description=description, blocking=blocking)
        for table in REFERENCE_CONTRACTS
        for name, description, blocking in (*_OF_EVERY, *_OF_TABLE.get(table, ()))
    ],
    can_subset=True,
    retry_policy=RETRIES,
)
@permanent_failures_are_final
def check_reference(
    context: dg.AssetCheckExecutionContext,
    lake: dg.ResourceParam[Lake],
    tracking: dg.ResourceParam[Tracking],
) -> Iterator[dg.AssetCheckResult]:
    """Judge the reference tables, each whole."""
    steady = lake.steady()
    today = dt.datetime.now(dt.timezone.utc).date()
    topics = [topic.name for topic in tracking.topics]
    blocking = {name for name, _, blocks in _OF_EVERY if blocks}
    for selected in sorted(context.selected_asset_check_keys):
        contract = REFERENCE_CONTRACTS["/".join(selected.asset_key.path)]
        verdict = _judged(steady, contract, selected.name, topics, today)
        grave = selected.name in blocking
        yield dg.AssetCheckResult(
            passed=verdict.passed,
            asset_key=selected.asset_key,
            check_name=selected.name,
            severity=dg.AssetCheckSeverity.ERROR if grave else dg.AssetCheckSeverity.WARN,
            description=verdict.sentence,
            metadata=dict(verdict.counts),
        )


def _judged(
    lake: Lake, contract: Contract, check: str, topics: list[str], today: dt.date
) -> Verdict:
    table = lake.table(contract)
    if check == "schema":
        return schema_verdict(contract, table.promised_columns(), table.stored_columns())
    if check == "key_unique":
        return key_verdict(contract, table.scan())
    if check == "required_columns":
        return required_verdict(contract, table.scan())
    if check == "topics_known":
        named = table.scan().filter(pl.col("topic") != EVERY).collect()["topic"]
        return topics_verdict(contract.name, named.unique().sort().to_list(), topics)
    last = table.scan().select(pl.col("date").max()).collect().item()
    return reaches_ahead_verdict(last, today)
