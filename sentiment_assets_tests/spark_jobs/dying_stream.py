"""The stream in a process of its own, which kills itself before or after a step of a batch.

    python dying_stream.py STEP ADDRESS

What belongs here: the steps, by wrapping what a batch calls. ADDRESS is the order's, as JSON.
"""

from __future__ import annotations

import functools
import json
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from sentiment_assets.engine.job_order import JobAddress
from sentiment_assets.engine.live import LiveTables
from sentiment_assets_tests.spark_jobs.sessions import streaming_session
from spark_jobs import stream_posts

#: Name of a step -> the method, and whether the process dies before it or after.
STEPS = {
    "before the posts are added": ("add_posts", False),
    "between posts and figures": ("publish", False),
    "after both": ("publish", True),
}


def deadly(method: Callable[..., Any], after: bool) -> Callable[..., Any]:
    @functools.wraps(method)
    def dies(*args: Any, **kwargs: Any) -> None:
        if after:
            method(*args, **kwargs)
        os.kill(os.getpid(), signal.SIGKILL)

    return dies


def main() -> None:
    step, address = sys.argv[1], JobAddress(**json.loads(sys.argv[2]))
    name, after = STEPS[step]
    setattr(LiveTables, name, deadly(getattr(LiveTables, name), after))
    # One core, one worker: its imports are most of what a batch of few posts takes.
    spark = streaming_session(address.location, 1)
    stream_posts.run(spark, address, lambda _: None, lambda _: None)


if __name__ == "__main__":
    main()
