"""Program of a subprocess: imports every module of the named packages and prints what that did.

One JSON object: ``opened`` files that are no code, ``sockets``, ``started`` processes, and
``environment`` variables that a module of the project asked for.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
# Code and what lies beside it, the machine's own description, and devices are no user's files.
NOBODYS = tuple(
    str(place) + os.sep
    for place in (
        sys.prefix, sys.base_prefix, "/proc", "/dev", "/sys", "/etc", "/usr", "/lib", "/lib64",
    )
)  # fmt: skip
SOCKETS = {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}
STARTS = {"subprocess.Popen", "os.fork", "os.posix_spawn", "os.exec", "os.system"}

seen: dict[str, list[str]] = {"opened": [], "sockets": [], "started": [], "environment": []}


# Modules that a look into the environment passes through; Python may have them frozen.
THROUGH = ("os.py", "_collections_abc.py", "<frozen os>", "<frozen _collections_abc>", __file__)


def project_file_behind(frame: Any) -> str | None:
    """The project's file that asked the environment."""
    while frame is not None and frame.f_code.co_filename.endswith(THROUGH):
        frame = frame.f_back
    name = frame.f_code.co_filename if frame is not None else ""
    own = name.startswith(str(ROOT)) and not name.startswith((sys.prefix, __file__))
    return str(Path(name).relative_to(ROOT)) if own else None


def watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and isinstance(arguments[0], str | bytes):
        path = os.fsdecode(arguments[0])
        absolute = str(Path(path).absolute())
        own = absolute.startswith(str(ROOT))
        is_code = own and (absolute.endswith((".py", ".pyc")) or ".egg-info/" in absolute)
        if not is_code and ".pyc." not in absolute and not absolute.startswith(NOBODYS):
            seen["opened"].append(absolute)
    elif event in SOCKETS:
        seen["sockets"].append(f"{event} {arguments[1:]}")
    # Dagster's cron library asks `file` whether Python is a 32-bit one.
    elif event in STARTS and arguments[0] != "file":
        seen["started"].append(f"{event} {arguments[0]!r}")


class Watched(MutableMapping[str, str]):
    """The environment, noting which variable the project's own code asks for."""

    def __init__(self, real: MutableMapping[str, str]) -> None:
        self._real = real

    def _note(self, name: object) -> None:
        behind = project_file_behind(sys._getframe(2))
        if behind:
            seen["environment"].append(f"{behind}: {name}")

    def __getitem__(self, name: str) -> str:
        self._note(name)
        return self._real[name]

    def __contains__(self, name: object) -> bool:
        self._note(name)
        return name in self._real

    def __setitem__(self, name: str, value: str) -> None:
        self._note(name)
        self._real[name] = value

    def __delitem__(self, name: str) -> None:
        self._note(name)
        del self._real[name]

    def __iter__(self) -> Iterator[str]:
        self._note("all of it")
        return iter(self._real)

    def __len__(self) -> int:
        return len(self._real)

    def copy(self) -> dict[str, str]:
        self._note("all of it")
        return dict(self._real)


def main(packages: list[str]) -> None:
    sys.addaudithook(watch)
    os.environ = Watched(os.environ)  # type: ignore[assignment]  # noqa: B003
    imported = 0
    for name in packages:
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            if not module.name.endswith("__main__"):
                importlib.import_module(module.name)
                imported += 1
    print(json.dumps({**seen, "imported": imported}))


if __name__ == "__main__":
    main(sys.argv[1:])
