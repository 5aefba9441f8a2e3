"""What `sentiment run` started in a home, for other processes to find.

What belongs here: reading its note. Who writes it is the command's.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def running_services(home: Path) -> dict[str, str]:
    """Addresses of what `sentiment run` started in this home; empty when none runs."""
    try:
        note = json.loads((home / "running.json").read_text(encoding="utf-8"))
        os.kill(note["pid"], 0)
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return {name: value for name, value in note.items() if isinstance(value, str)}
