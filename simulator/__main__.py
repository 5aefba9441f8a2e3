"""``python -m simulator``: reads the options, opens a port on 127.0.0.1 and serves until told."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import signal
import socket
import sys
from pathlib import Path
from types import FrameType

import uvicorn

from simulator.app import create_app, sites
from simulator.clock import HOUR_MS, Clock, parse_ms
from simulator.pushes import WORDED, Pusher
from simulator.site import Disconnected, World
from simulator.x.corpus import Corpus, CorpusError, Texts
from simulator.x.post import Source
from simulator.x.story import Story


def _moment(text: str) -> int:
    try:
        return parse_ms(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError(f"a share lies between 0 and 1, not {text}")
    return share


def _pushed_to(text: str) -> tuple[str, str]:
    platform, _, url = text.partition("=")
    if platform not in WORDED or not url.startswith("http://127.0.0.1:"):
        known = ", ".join(WORDED)
        raise argparse.ArgumentTypeError(
            f"PLATFORM=URL with one of {known} and an address on http://127.0.0.1:, not {text}"
        )
    return platform, url


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be at least 1, not {text}")
    return number


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must not be negative, and is {text}")
    return number


def options() -> argparse.ArgumentParser:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m simulator", description="The platforms' public APIs on loopback."
    )
    parser.add_argument("--port", type=int, default=0, help="0 (default): any free port")
    parser.add_argument("--seed", type=int, default=7, help="another seed, another world")
    parser.add_argument(
        "--corpus",
        type=Path,
        metavar="PATH",
        help="serve these texts on X instead of the story (the other platforms are then empty): "
        "lines of text, or JSON lines with `text`, plain or .gz; every query finds them",
    )
    parser.add_argument(
        "--posts-per-day",
        type=_count,
        default=4000,
        metavar="N",
        help="on X: of the story, on the week's average (default 4000); 0 tells none",
    )
    parser.add_argument(
        "--busy",
        type=_positive,
        default=1,
        metavar="TIMES",
        help="on X: so many times as many posts of the story from this hour on (default 1)",
    )
    parser.add_argument(
        "--comments-per-day",
        type=_count,
        default=600,
        metavar="N",
        help="on each of the other platforms, on the week's average (default 600); 0 leaves them "
        "empty",
    )
    parser.add_argument(
        "--now",
        type=_moment,
        metavar="ISO",
        help="fix the clock, e.g. 2026-11-23T08:00:00Z (default: real UTC)",
    )
    parser.add_argument(
        "--rate-limit",
        type=_positive,
        default=100_000,
        metavar="N",
        help="requests per token in a platform's window (X: per endpoint and 15 minutes)",
    )
    parser.add_argument(
        "--repeats",
        type=_share,
        default=0.02,
        metavar="SHARE",
        help="on X: of pages, whose last post comes again on the next (default 0.02)",
    )
    parser.add_argument(
        "--push",
        action="append",
        default=[],
        type=_pushed_to,
        metavar="PLATFORM=URL",
        help=f"push what is said on {', '.join(WORDED)} to this address, signed; may come again",
    )
    parser.add_argument(
        "--push-secret",
        default="simulated",
        metavar="TEXT",
        help="what pushes are signed with (default: simulated)",
    )
    return parser


def _quiet(record: logging.LogRecord) -> bool:
    """Drops the server's complaint about a connection that a fault broke on purpose."""
    return not (record.exc_info and isinstance(record.exc_info[1], Disconnected))


def main() -> None:
    """Serves; ends with 0 on SIGTERM or SIGINT, with 2 when an option is wrong."""
    given = options().parse_args()
    clock = Clock(given.now)
    source: Source
    try:
        if given.corpus is not None:
            source = Corpus(Texts(given.corpus), given.seed)
        else:
            hour = clock.now_ms() // HOUR_MS
            source = Story(given.seed, given.posts_per_day, busy=given.busy, busy_from=hour)
    except CorpusError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    kind = "story" if given.corpus is None else "corpus"
    world = World(
        seed=given.seed,
        clock=clock,
        source=kind,
        comments_per_day=given.comments_per_day if kind == "story" else 0,
        rate_limit=given.rate_limit,
    )
    served = sites(world, source, given.repeats)
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", given.port))
    except OSError as error:
        print(f"--port {given.port}: {error.strerror}; 0 takes any free port", file=sys.stderr)
        sys.exit(2)
    listener.listen(128)
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    ready = {
        "url": url,
        "platforms": {site.platform: url + site.base for site in served},
        "pid": os.getpid(),
        "source": kind,
        "seed": given.seed,
    }

    pusher = Pusher(served, dict(given.push), given.push_secret, world.clock)
    tasks: set[asyncio.Task[None]] = set()

    def announce() -> None:
        if given.push:
            # Kept: the loop itself would forget it.
            tasks.add(asyncio.get_running_loop().create_task(pusher.run()))
        print(json.dumps(ready), flush=True)

    def leave(_number: int, _frame: FrameType | None) -> None:
        sys.exit(0)

    # uvicorn hands the signal back when it has stopped: then this process ends without a trace.
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    logging.getLogger("uvicorn.error").addFilter(_quiet)
    config = uvicorn.Config(
        create_app(served, world.clock, announce),
        log_level="critical",
        access_log=False,
        # The story's own date is put on.
        date_header=False,
        lifespan="on",
        timeout_graceful_shutdown=0,
        timeout_keep_alive=30,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
