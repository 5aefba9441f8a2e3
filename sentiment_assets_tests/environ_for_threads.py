"""An environment that tests may change while threads of other libraries read it.

Belongs here: the reason, and what takes the place of the C library's own way. Once Polars has read
from a bucket, a thread of it asks for an environment variable ten times a second, for good. Where a
variable is added, the C library (glibc before 2.41) moves the whole environment and frees what it
was: who reads it in that moment ends the process. Tests set variables thousands of times, and one
run in two or so ended a process. Programs set a few of them when they begin.
"""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Any

#: More than any process here has: a table is never moved.
_MOST = 8192

#: What was ever part of an environment stays where it is: somebody may be reading it.
_kept: list[Any] = []


class _Environ:
    """The C library's ``environ`` as a table that is changed a pointer at a time."""

    def __init__(self) -> None:
        self._environ = ctypes.c_void_p.in_dll(ctypes.CDLL(None), "environ")
        self._table = self._copied()

    def put(self, name: bytes | str, value: bytes | str) -> None:
        """In place of ``os.putenv``."""
        key = os.fsencode(name)
        entry = ctypes.create_string_buffer(key + b"=" + os.fsencode(value))
        _kept.append(entry)
        place = self._place_of(key)
        # Behind the last one the table is empty already.
        self._table[place] = ctypes.addressof(entry)

    def unset(self, name: bytes | str) -> None:
        """In place of ``os.unsetenv``: those behind it move up, one after the other."""
        place = self._place_of(os.fsencode(name))
        while self._table[place] is not None:
            self._table[place] = self._table[place + 1]
            place += 1

    def _place_of(self, name: bytes) -> int:
        """Where the variable stands, or the first free place."""
        if self._environ.value != ctypes.addressof(self._table):
            # A library set a variable the C library's way, which made a table of its own.
            self._table = self._copied()
        place = 0
        while (entry := self._table[place]) is not None:
            if ctypes.string_at(entry).partition(b"=")[0] == name:
                break
            place += 1
        return place

    def _copied(self) -> ctypes.Array[ctypes.c_void_p]:
        """The environment as it is, in a table of ours that is the environment from now on."""
        table = (ctypes.c_void_p * _MOST)()
        if self._environ.value:
            found = (ctypes.c_void_p * _MOST).from_address(self._environ.value)
            place = 0
            while found[place] is not None:
                table[place] = found[place]
                place += 1
        _kept.append(table)
        self._environ.value = ctypes.addressof(table)
        return table


def install() -> None:
    """From now on ``os.environ`` of this process is changed so."""
    if sys.platform == "linux":
        environ = _Environ()
        os.putenv, os.unsetenv = environ.put, environ.unset
