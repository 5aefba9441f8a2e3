"""``python -m dashboard``: serve the dashboard.

What belongs here: the command line. What is served is ``server.py``.
"""

from __future__ import annotations

import argparse

import uvicorn


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=8501)
    given = parser.parse_args()
    print(f"dashboard  http://{given.host}:{given.port}", flush=True)
    # Streamlit writes a line of each request by itself.
    uvicorn.run(
        "dashboard.server:app", host=given.host, port=given.port, log_level="warning",
        access_log=False,
    )  # fmt: skip


if __name__ == "__main__":
    main()
