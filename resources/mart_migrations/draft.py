"""``python -m resources.mart_migrations.draft "what it does"``: the next step of the mart's schema.

What belongs here: an empty database to compare the contracts with. What is written is a beginning:
read it, add what Alembic can't know (views, privileges, filling a column), and commit it.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from resources.mart_schema import draft
from resources.postgres import embedded_address


def main() -> None:
    """Write the step and say where it is."""
    message = " ".join(sys.argv[1:]).strip()
    if not message:
        raise SystemExit('say what it does: python -m resources.mart_migrations.draft "…"')
    with tempfile.TemporaryDirectory() as home:
        print(draft(embedded_address(Path(home), "simulated"), message))


if __name__ == "__main__":
    main()
