"""``python -m dashboard``: serve the dashboard.

What belongs here: the command line. What is served is ``server.py``.
"""

from __future__ import annotations

import argparse
import signal
import sys

import uvicorn

from sentiment_assets.cli.services import free_port

USUAL_PORT = 8501


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(prog="python -m dashboard", description=main.__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, help=f"by default {USUAL_PORT}, or a free one")
    given = parser.parse_args()
    port = free_port(USUAL_PORT) if given.port is None else given.port
    print(f"dashboard  http://{given.host}:{port}", flush=True)
    # uvicorn raises the signal that stopped it once more: what is to be done at the exit would not
    # be, and the embedded PostgreSQL would be held by a process that is gone.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Streamlit writes a line of each request by itself.
    uvicorn.run(
        "dashboard.server:app", host=given.host, port=port, log_level="warning", access_log=False
    )


if __name__ == "__main__":
    main()
