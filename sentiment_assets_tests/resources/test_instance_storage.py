from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

HOLD = "import sys; from pathlib import Path; from resources.instance_storage import *; "
HOLD += "embedded_postgres(Path(sys.argv[1]))"


def test_a_killed_holder_does_not_keep_the_server_for_ever(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", HOLD, tmp_path], check=True)
    note = tmp_path / "postgres" / ".handle_pids.json"
    note.write_text(json.dumps([2**22 + 1]))
    subprocess.run([sys.executable, "-c", HOLD, tmp_path], check=True)
    assert not (tmp_path / "postgres" / "postmaster.pid").exists()
