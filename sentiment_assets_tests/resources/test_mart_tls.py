"""The mart on a server of one's own: over TCP, by TLS with an authority, and by password."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg
import pytest
from polars.testing import assert_frame_equal

from resources.mart_publisher import PostgresMart
from resources.postgres import MartReader, MartRefused, address_of, connect
from sentiment_assets.core.contracts import HOURLY_SENTIMENT
from sentiment_assets.privacy.postgres import grants
from sentiment_assets_tests.published import day, made_up, outgoing

SECRET = "pa55word"
#: A server that doesn't answer by then will not.
START_S = 60


@dataclass(frozen=True)
class Server:
    """A server that takes no connection without TLS."""

    port: int
    #: Where certificates are: of the authority that signed the server's, and of another one.
    certificates: Path

    def url(self, user: str, database: str, host: str = "127.0.0.1", **more: str) -> str:
        verified = {
            "sslmode": "verify-full",
            "sslrootcert": str(self.certificates / "authority.crt"),
        }
        options = urlencode(verified | more)
        return f"postgresql://{user}:{SECRET}@{host}:{self.port}/{database}?{options}"


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not found:
        pytest.skip("no PostgreSQL server in /usr/lib/postgresql")
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make certificates with")
    account = _account()
    # Not below pytest's folder, which another account may not enter.
    home = Path(tempfile.mkdtemp(prefix="mart-tls-"))
    try:
        _make_certificates(home)
        (home / "password").write_text(SECRET)
        _give(home, account)
        with _running(home, found[-1].parent, account) as server:
            yield server
    finally:
        shutil.rmtree(home)


def _account() -> pwd.struct_passwd:
    """Whom the server runs as: it refuses to be root."""
    if os.getuid() != 0:
        return pwd.getpwuid(os.getuid())
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    pytest.skip("PostgreSQL does not run as root, and there is no other account")


def _give(home: Path, account: pwd.struct_passwd) -> None:
    for path in (home, *home.iterdir()):
        os.chown(path, account.pw_uid, account.pw_gid)


def _make_certificates(home: Path) -> None:
    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], cwd=home, check=True, capture_output=True)

    new_key = ("-newkey", "rsa:2048", "-nodes")
    for name in ("authority", "stranger"):
        openssl(
            "req", "-x509", *new_key, "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-days", "2", "-subj", f"/CN={name}",
        )  # fmt: skip
    openssl(
        "req", *new_key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=127.0.0.1"
    )
    (home / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    openssl(
        "x509", "-req", "-in", "server.csr", "-CA", "authority.crt", "-CAkey", "authority.key",
        "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.crt",
    )  # fmt: skip
    (home / "server.key").chmod(0o600)


@contextlib.contextmanager
def _running(home: Path, programs: Path, account: pwd.struct_passwd) -> Iterator[Server]:
    other: dict[str, Any] = {}
    if os.getuid() == 0:
        other = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    data = home / "data"
    subprocess.run(
        [programs / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256",
         f"--pwfile={home / 'password'}", "--no-sync", "--no-locale", "--encoding=UTF8"],
        cwd=home, check=True, capture_output=True, **other,
    )  # fmt: skip
    (data / "pg_hba.conf").write_text("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = int(free.getsockname()[1])
    settings = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": "",
        "port": port,
        "fsync": "off",
        "ssl": "on",
        "ssl_cert_file": home / "server.crt",
        "ssl_key_file": home / "server.key",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    with (home / "log").open("wb") as log:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            cwd=home, stdout=log, stderr=log, **other,
        )  # fmt: skip
    try:
        server = Server(port, home)
        _wait_for(process, server)
        yield server
    finally:
        # It ends sessions and stops, where SIGTERM would wait for them.
        process.send_signal(signal.SIGINT)
        process.wait(START_S)


def _wait_for(process: subprocess.Popen[bytes], server: Server) -> None:
    until = time.monotonic() + START_S
    said = "it ended"
    while time.monotonic() < until and process.poll() is None:
        try:
            psycopg.connect(server.url("postgres", "postgres")).close()
            return
        except psycopg.OperationalError as error:
            said = str(error)
        time.sleep(0.1)
    pytest.fail(f"the server did not start: {said}\n{(server.certificates / 'log').read_text()}")


@pytest.fixture(scope="module")
def loader(server: Server) -> str:
    """Account and database as the mart's page has an administrator make them."""
    with psycopg.connect(server.url("postgres", "postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE mart")
    with psycopg.connect(server.url("postgres", "mart"), autocommit=True) as administrator:
        administrator.execute(grants().encode())
        administrator.execute(
            f"CREATE ROLE loader LOGIN PASSWORD '{SECRET}' IN ROLE sentiment_pipeline".encode()
        )
    return "loader"


def test_figures_are_published_by_a_verified_connection(server: Server, loader: str) -> None:
    address = address_of(server.url(loader, "mart"), "SENTIMENT_MART_URL")
    with contextlib.closing(connect(address)) as connection:
        encrypted = connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert encrypted.fetchone() == (True,)
    days = [day("2026-02-01")]
    frame = made_up(HOURLY_SENTIMENT, days, 24)
    mart = PostgresMart(address, "simulated")
    reader = MartReader(address)
    try:
        sent = mart.publish([outgoing(HOURLY_SENTIMENT, frame, days)], "a-run")
        assert sent[HOURLY_SENTIMENT.name].rows == {days[0]: 24}
        assert_frame_equal(reader.rows(HOURLY_SENTIMENT), frame.sort(HOURLY_SENTIMENT.key))
    finally:
        mart.close()
        reader.close()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sslrootcert": "stranger.crt"}, "not one that sslrootcert vouches for"),
        ({"sslrootcert": "none.crt"}, "the file that sslrootcert names cannot be read"),
        ({"host": "localhost"}, "for another name than the address has"),
        ({"sslmode": "disable"}, "lets no such account in"),
        ({"user": "nobody"}, "does not take the account or its password"),
    ],
)
def test_what_cannot_be_trusted_is_refused_in_a_sentence(
    server: Server, loader: str, more: dict[str, str], said: str
) -> None:
    if "sslrootcert" in more:
        more = {"sslrootcert": str(server.certificates / more["sslrootcert"])}
    url = server.url(**({"user": loader, "database": "mart"} | more))
    with pytest.raises(MartRefused, match=said) as refused:
        connect(address_of(url, "SENTIMENT_MART_URL"))
    told = str(refused.value)
    assert "\n" not in told
    assert SECRET not in told
    assert str(server.certificates) not in told
    assert not refused.value.retryable
