"""The sensor that looks at a team's reference files, and asks for the tables whose file changed.

What belongs here: comparing stamps, and deciding what to request. What a change sets off in gold is
``sensors``.
"""

import datetime as dt
from collections.abc import Iterable, Mapping
from types import MappingProxyType

import dagster as dg
import msgspec

from sentiment_assets.assets.describe import asset_key
from sentiment_assets.assets.marts import WHOLE_GROUP, AskMart, Held, Published, ask_nobody
from sentiment_assets.core.contracts import REFERENCE_CONTRACTS
from sentiment_assets.cursors import Kept
from sentiment_assets.lake.reference import ABSENT, ReferenceFolder
from sentiment_assets.reference_changes import STAMP, newest_record, note_of

#: A file or a publish that failed is tried again after so long, and at once when the file is
#: written again.
AGAIN_AFTER = dt.timedelta(hours=1)

reference_job = dg.define_asset_job(
    "reference",
    dg.AssetSelection.groups("reference", WHOLE_GROUP),
    description="Read the reference files into their tables and the mart, with every check.",
    tags={"sentiment/job": "reference", "dagster/priority": "5"},
)


class Asked(msgspec.Struct, frozen=True):
    """The stamp of a file for which a run was asked, and when."""

    stamp: str
    at: float


class Memory(Kept, msgspec.Struct):
    """What the sensor keeps between looks: what was asked for, by table."""

    asked: dict[str, Asked] = {}
    #: When the mart was asked last what it holds.
    mart_asked_at: float = 0.0


def due_references(
    instance: dg.DagsterInstance,
    folder: ReferenceFolder,
    published: Published = MappingProxyType({}),
    ask_mart: AskMart = ask_nobody,
) -> dict[str, str]:
    """The tables that were not made of their file as it is now, or not published since.

    Args:
        instance: the Dagster instance.
        folder: where the files are.
        published: the reference tables that a mart should have, and where.
        ask_mart: tells what it holds; where nobody can, what was published counts as there.

    Returns:
        The stamps of their files, by name.

    Raises:
        ReferenceUnreadable: the folder cannot be read.
    """
    due = {}
    held = ask_mart() if published else None
    for table, stamp in folder.stamps(REFERENCE_CONTRACTS).items():
        made = newest_record(instance, asset_key(table))
        # What was never there is not missed.
        if stamp != (note_of(made, STAMP) or ABSENT) or _unpublished(
            instance, made, published, held
        ):
            due[table] = stamp
    return due


def _unpublished(
    instance: dg.DagsterInstance,
    made: dg.EventLogRecord | None,
    published: Published,
    held: Held | None,
) -> bool:
    """The mart should have the table as it was made, and was not told of it or has lost it."""
    mart = None if made is None or made.asset_key is None else published.get(made.asset_key)
    if made is None or mart is None:
        return False
    sent = newest_record(instance, mart)
    if sent is None or sent.storage_id < made.storage_id:
        return True
    # Of a table that never had a row a mart notes nothing.
    empty = note_of(sent, "dagster/row_count") == "0"
    return held is not None and not held.get(mart) and not empty


def with_mart(tables: Iterable[str], published: Published) -> list[dg.AssetKey]:
    """Reference tables, and where they are published to."""
    keys = [asset_key(table) for table in sorted(tables)]
    return [*keys, *(published[key] for key in keys if key in published)]


def request(
    due: Mapping[str, str],
    asked: Mapping[str, Asked],
    now: dt.datetime,
    published: Published = MappingProxyType({}),
) -> tuple[dg.RunRequest | None, dict[str, Asked]]:
    """What to request of what is due, and what was asked for by then."""
    oldest = now.timestamp() - AGAIN_AFTER.total_seconds()
    wanted = {
        table: stamp
        for table, stamp in due.items()
        if table not in asked or asked[table].stamp != stamp or asked[table].at <= oldest
    }
    known = {table: told for table, told in asked.items() if table in due}
    if not wanted:
        return None, known
    known |= {table: Asked(stamp, now.timestamp()) for table, stamp in wanted.items()}
    run_key = " ".join(f"{table}@{stamp}" for table, stamp in sorted(wanted.items()))
    return (
        dg.RunRequest(
            run_key=f"{run_key} {now.timestamp():.0f}",
            asset_selection=with_mart(wanted, published),
        ),
        known,
    )


def reference_sensor(published: Published) -> dg.SensorDefinition:
    """The sensor; ``published`` are the reference tables that a mart has, and where."""

    @dg.sensor(
        name="watch_reference_files",
        job=reference_job,
        minimum_interval_seconds=60,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=(
            "Requests a reference table whenever its file was written, came or went, and where the "
            "mart doesn't have it."
        ),
    )
    def watch_reference_files(
        context: dg.SensorEvaluationContext,
        reference_folder: dg.ResourceParam[ReferenceFolder],
        ask_mart: dg.ResourceParam[AskMart],
    ) -> dg.SensorResult | dg.SkipReason:
        """Look at the files' stamps, and once an hour at the mart; no file is read."""
        memory = Memory.read(context.cursor)
        now = dt.datetime.now(dt.timezone.utc)
        ask = ask_nobody
        if now.timestamp() - memory.mart_asked_at >= AGAIN_AFTER.total_seconds():
            ask, memory.mart_asked_at = ask_mart, now.timestamp()
        due = due_references(context.instance, reference_folder, published, ask)
        wanted, memory.asked = request(due, memory.asked, now, published)
        cursor = memory.write()
        if wanted is None:
            context.update_cursor(cursor)
            return dg.SkipReason("every reference table is made of its file, and published")
        return dg.SensorResult(run_requests=[wanted], cursor=cursor)

    return watch_reference_files
