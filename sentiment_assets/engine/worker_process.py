"""A process that builds windows for another one.

What belongs here: what happens inside of it, how it begins and when it ends. Who needs one is
``workers``. Nothing is imported here that takes long: what a worker works with comes as bytes, and
is imported when they are read.
"""

from __future__ import annotations

import gc
import os
import pickle
import signal
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sentiment_assets.core.silver import SilverRules
    from sentiment_assets.engine.window import Budget, WindowSilver, WindowSource
    from sentiment_assets.lake.objects import Lake

    Given = tuple[Lake, SilverRules, Budget]

_given: list[Given] = []


def packed(lake: Lake, rules: SilverRules, budget: Budget) -> bytes:
    """What all windows share, for :func:`begin`."""
    return pickle.dumps((lake, rules, budget))


def begin(given: bytes, parent: int) -> None:
    """Take what all windows share, and end when the process does that asked."""
    # Ctrl-C reaches the whole group; the parent ends its workers itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    # Modules stay for good: looking for cycles among them takes a tenth of their import, and would
    # be done again whenever a window is built.
    gc.disable()
    _given[:] = [pickle.loads(given)]
    gc.freeze()
    gc.enable()


def build(source: WindowSource) -> WindowSilver:
    """Build a window with what :func:`begin` took."""
    # Imported by then: it is what a budget is of.
    from sentiment_assets.engine.window import build_window

    [(lake, rules, budget)] = _given
    return build_window(lake, source, rules, budget)


def _end_with(parent: int) -> None:
    """A parent that was killed ends nobody: whoever is left without it ends by itself."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
