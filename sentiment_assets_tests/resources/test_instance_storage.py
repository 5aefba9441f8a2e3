from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from pathlib import Path

import sqlalchemy

from resources.embedded_postgres import embedded_postgres
from resources.instance_storage import InstanceStorage

HOLD = "import sys; from pathlib import Path; from resources.instance_storage import *; "
HOLD += "embedded_postgres(Path(sys.argv[1]))"


def test_a_killed_holder_does_not_keep_the_server_for_ever(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLD, tmp_path], check=True)
    note = tmp_path / "postgres" / ".handle_pids.json"
    note.write_text(json.dumps([2**22 + 1]))
    subprocess.run([sys.executable, "-c", HOLD, tmp_path], check=True)
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()


def test_a_process_keeps_one_connection_and_finds_another_when_it_is_lost(tmp_path: Path) -> None:
    url = str(embedded_postgres(tmp_path).get_uri(driver="psycopg2"))
    others = (
        "FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    with contextlib.closing(sqlalchemy.create_engine(url).raw_connection()) as raw:
        cursor = raw.cursor()

        def told(query: str) -> int:
            cursor.execute(query)
            raw.commit()
            return int(cursor.fetchone()[0])

        storages = [InstanceStorage(url) for _ in range(3)]
        for storage in storages * 5:
            assert storage.run_storage.get_runs_count() == 0
            assert storage.event_log_storage.get_maximum_record_id() in (None, 0)
            assert storage.schedule_storage.all_instigator_state() == []
        assert told(f"SELECT count(*) {others}") == 1
        assert told(f"SELECT count(pg_terminate_backend(pid)) {others}") == 1
        assert storages[0].run_storage.get_runs_count() == 0
