"""A proxy in front of an S3 API that spoils some requests, as S3 and networks do.

What belongs here: answering wrongly, late or not at all. What S3 keeps is the server's behind it.
"""

from __future__ import annotations

import http.client
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal
from urllib.parse import urlsplit

#: Seconds that the tests' client waits for an answer.
CLIENT_TIMEOUT = 0.5

Kind = Literal["500", "503", "no answer", "500, though written", "answer lost", "answer too late"]

#: S3 has kept what was sent, and the client doesn't know.
WRITTEN: tuple[Kind, ...] = ("500, though written", "answer lost", "answer too late")
KINDS: tuple[Kind, ...] = ("500", "503", "no answer", *WRITTEN)


@dataclass
class Fault:
    """What happens to the next requests of a method whose path matches."""

    kind: Kind
    method: str
    path: str
    times: int = 1
    #: Requests that it happened to.
    met: int = 0

    def takes(self, method: str, path: str) -> bool:
        if self.met < self.times and self.method == method and re.search(self.path, path):
            self.met += 1
            return True
        return False


@dataclass
class FaultyS3:
    """Where it listens, and what goes wrong."""

    url: str
    faults: list[Fault] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def fault_of(self, method: str, path: str) -> Kind | None:
        with self.lock:
            return next((f.kind for f in self.faults if f.takes(method, path)), None)


@contextmanager
def faulty_s3(behind: str) -> Iterator[FaultyS3]:
    """A proxy on a free port of loopback."""
    server = urlsplit(behind).netloc

    class Proxy(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = proxy.fault_of(self.command, self.path)
            if kind in ("500", "503"):
                self._fail(int(kind))
            elif kind == "no answer":
                self._hang()
            else:
                status, headers, answer = self._forwarded(body)
                if kind == "500, though written":
                    self._fail(500)
                elif kind == "answer lost":
                    self.close_connection = True
                elif kind == "answer too late":
                    self._hang()
                else:
                    self._answer(status, headers, answer)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_any

        def _forwarded(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
            connection = http.client.HTTPConnection(server, timeout=30)
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            told = answer.status, answer.getheaders(), answer.read()
            connection.close()
            return told

        def _answer(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
            self.send_response(status)
            for name, value in headers:
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            length = dict(headers).get("Content-Length") if self.command == "HEAD" else len(body)
            self.send_header("Content-Length", str(length or 0))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _fail(self, status: int) -> None:
            code = "InternalError" if status == 500 else "SlowDown"
            self._answer(status, [], f"<Error><Code>{code}</Code></Error>".encode())

        def _hang(self) -> None:
            time.sleep(CLIENT_TIMEOUT * 1.5)
            self.close_connection = True

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: faults are what is wanted."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    listening.daemon_threads = True
    proxy = FaultyS3(f"http://127.0.0.1:{listening.server_address[1]}")
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
