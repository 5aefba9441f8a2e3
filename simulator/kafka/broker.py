"""Starting, stopping and breaking Apache Kafka on loopback: one node, or several as a cluster.

What belongs here: the nodes' settings and processes; KRaft, so that nodes are controllers too. The
jars are ``jars``, certificates ``certificates``. Topics and clients are whoever's who asks.
"""

from __future__ import annotations

import base64
import contextlib
import os
import random
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from simulator.kafka.jars import KafkaUnavailable, java, kafka_jars

HOST = "127.0.0.1"

#: Not where the system takes ports for outgoing connections: between a kill and the restart on the
#: same port, one of those could have it.
_PORTS = range(20_000, 30_000)
_START_SECONDS = 90
_STOP_SECONDS = 20

#: Small, and done with compiling early: a broker of tests lives for minutes.
_JVM = (
    "-Xms64m", "-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)  # fmt: skip

#: Of every node. Kafka waits for people and for many machines; on loopback nobody is waited for.
_SETTINGS = {
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL,"
    "CONTROLLER:PLAINTEXT",
    "inter.broker.listener.name": "PLAINTEXT",
    "auto.create.topics.enable": "false",
    # A node that was killed is away, and one that was restarted is back, after so long.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "500",
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.num.partitions": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    # Retention is seen to within seconds.
    "log.initial.task.delay.ms": "500",
    "log.retention.check.interval.ms": "1000",
    # 128 MB of the heap by default.
    "log.cleaner.dedupe.buffer.size": "2097152",
    "num.network.threads": "1",
    "num.io.threads": "2",
    "background.threads": "2",
}


@dataclass
class Node:
    """One process of the cluster: its folder, its addresses by protocol, and what runs of it."""

    number: int
    folder: Path
    ports: Mapping[str, int]
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @property
    def settings_file(self) -> Path:
        """Kafka's ``server.properties``."""
        return self.folder / "server.properties"

    @property
    def log(self) -> Path:
        """Warnings and errors of the process."""
        return self.folder / "kafka.log"

    @property
    def data(self) -> Path:
        """The records."""
        return self.folder / "data"

    @property
    def controls(self) -> bool:
        """It is a controller, too."""
        return "CONTROLLER" in self.ports

    @property
    def running(self) -> bool:
        """Its process is there; it may be paused."""
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self) -> int:
        """Of the last process that was started."""
        assert self.process is not None
        return self.process.pid


class Kafka:
    """A cluster on loopback; as a context manager it is started and stopped.

    Args:
        folder: where settings and records lie; started over the same folder it has the same
            records. By default a temporary folder, gone with :meth:`close`.
        nodes: how many brokers. Of three any may be away; of two the second, as only the first
            is a controller.
        secured: also listen with TLS and with SASL/SCRAM over TLS. Users of SCRAM must then be
            permitted by ACLs, everybody else may do everything.
    """

    def __init__(
        self, folder: Path | None = None, *, nodes: int = 1, secured: bool = False
    ) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="kafka-") if folder is None else None
        self.folder = Path(self._temporary.name) if self._temporary else Path(folder or ".")
        protocols = ["PLAINTEXT", *(("SSL", "SASL_SSL") if secured else ()), "CONTROLLER"]
        free = _free_ports(nodes * len(protocols))
        # Two controllers would be worse than one: both are needed for a majority.
        controllers = nodes if nodes > 2 else 1
        self.nodes = tuple(
            Node(
                number,
                self.folder / f"node-{number}",
                {name: free.pop() for name in protocols[: None if number <= controllers else -1]},
            )
            for number in range(1, nodes + 1)
        )
        self.secured = secured
        #: The authority that signed the brokers' certificates, where they are secured.
        self.ca_file = self.folder / "ca.pem"

    @property
    def bootstrap_servers(self) -> str:
        """Addresses in plain text."""
        return self._servers("PLAINTEXT")

    @property
    def tls_servers(self) -> str:
        """Addresses with TLS."""
        return self._servers("SSL")

    @property
    def sasl_servers(self) -> str:
        """Addresses with SASL/SCRAM over TLS."""
        return self._servers("SASL_SSL")

    def start(self) -> None:
        """Start every node that is not running, and wait until all answer.

        Raises:
            KafkaUnavailable: Java, Maven or the jars are missing, or a node did not come up.
        """
        command = [java(), *_JVM, "-cp", f"{kafka_jars()}/*"]
        self._configure()
        self._format(command)
        for node in self.nodes:
            if not node.running:
                self._launch(node, command)
        self._wait_until_up()

    def stop(self, *numbers: int) -> None:
        """Stop nodes, by default all, as an administrator would."""
        # A node says goodbye to the controllers: whoever is one goes last.
        for node in reversed(self._chosen(numbers)):
            if node.process is None:
                continue
            alone = not any(other.running for other in self.nodes if other is not node)
            # One that is paused hears nothing.
            self._signal([node], signal.SIGCONT)
            self._signal([node], signal.SIGTERM)
            try:
                # The last of several controllers has no majority to say it to.
                node.process.wait(_STOP_SECONDS if len(self.nodes) == 1 or not alone else 2)
            except subprocess.TimeoutExpired:
                node.process.kill()
                node.process.wait()

    def kill(self, *numbers: int) -> None:
        """End nodes, by default all, without a warning (SIGKILL)."""
        for node in self._chosen(numbers):
            if node.process is not None:
                node.process.kill()
                node.process.wait()

    def pause(self, *numbers: int) -> None:
        """Let nodes, by default all, hang: they take connections and answer nothing."""
        nodes = [node for node in self._chosen(numbers) if node.running]
        self._signal(nodes, signal.SIGSTOP)
        for node in nodes:
            # On a busy machine its threads go on for a moment, and answer. Ended is stopped, too.
            os.waitid(os.P_PID, node.pid, os.WSTOPPED | os.WEXITED | os.WNOWAIT)

    def resume(self, *numbers: int) -> None:
        """Let nodes, by default all, go on after :meth:`pause`."""
        self._signal(self._chosen(numbers), signal.SIGCONT)
        self._wait_until_up()

    def restart(self, *numbers: int) -> None:
        """Start nodes, by default all, again on the same ports and data; they stop first."""
        self.stop(*numbers)
        command = [java(), *_JVM, "-cp", f"{kafka_jars()}/*"]
        for node in self._chosen(numbers):
            self._launch(node, command)
        self._wait_until_up()

    def heal(self) -> None:
        """Let every node run and answer again, whatever was done to it."""
        if all(node.running for node in self.nodes):
            self.resume()
        else:
            self._signal(self.nodes, signal.SIGCONT)
            self.start()

    def close(self) -> None:
        """Stop everything; a temporary folder goes too."""
        if self._temporary is None:
            self.stop()
        else:
            self.kill()
            self._temporary.cleanup()

    def __enter__(self) -> Kafka:
        try:
            self.start()
        except BaseException:
            # Ctrl-C and a test's time-out too: no process of a cluster stays behind. It goes on.
            self.kill()
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _servers(self, protocol: str) -> str:
        return ",".join(f"{HOST}:{node.ports[protocol]}" for node in self.nodes)

    def _chosen(self, numbers: Sequence[int]) -> list[Node]:
        return [node for node in self.nodes if not numbers or node.number in numbers]

    @staticmethod
    def _signal(nodes: Sequence[Node], number: signal.Signals) -> None:
        for node in nodes:
            if node.process is not None and node.running:
                node.process.send_signal(number)

    def _configure(self) -> None:
        voters = ",".join(
            f"{node.number}@{HOST}:{node.ports['CONTROLLER']}"
            for node in self.nodes
            if node.controls
        )
        # As many as there are brokers, so that one may be away.
        copies = min(len(self.nodes), 3)
        settings = _SETTINGS | {
            "controller.quorum.voters": voters,
            "offsets.topic.replication.factor": str(copies),
            "transaction.state.log.replication.factor": str(copies),
            "transaction.state.log.min.isr": "1",
            "share.coordinator.state.topic.replication.factor": str(copies),
            "share.coordinator.state.topic.min.isr": "1",
        }
        if self.secured:
            settings |= self._security()
        for node in self.nodes:
            node.folder.mkdir(parents=True, exist_ok=True)
            own = {
                "node.id": str(node.number),
                "process.roles": "broker,controller" if node.controls else "broker",
                "log.dirs": str(node.data),
                "listeners": ",".join(
                    f"{name}://{HOST}:{port}" for name, port in node.ports.items()
                ),
            }
            lines = [f"{name}={value}\n" for name, value in (settings | own).items()]
            node.settings_file.write_text("".join(lines), encoding="utf-8")

    def _security(self) -> dict[str, str]:
        from simulator.kafka.certificates import write_certificates

        keystore = self.folder / "broker.pem"
        if not keystore.exists():
            write_certificates(self.ca_file, keystore, HOST)
        scram = "org.apache.kafka.common.security.scram.ScramLoginModule required;"
        return {
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": str(keystore),
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": scram,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            # Whoever comes without a name: the nodes themselves, and the other two listeners.
            "super.users": "User:ANONYMOUS",
        }

    def _format(self, command: Sequence[str]) -> None:
        new = [node for node in self.nodes if not (node.data / "meta.properties").exists()]
        cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        formatting = []
        for node in new:
            # What was interrupted while it was formatted is formatted anew.
            shutil.rmtree(node.data, ignore_errors=True)
            # With the equals sign: an id may begin with a hyphen.
            arguments = ["format", f"--cluster-id={cluster}", f"--config={node.settings_file}"]
            with node.log.open("ab") as log:
                tool = [*command, "kafka.tools.StorageTool", *arguments]
                formatting.append((node, subprocess.Popen(tool, stdout=log, stderr=log)))
        for node, process in formatting:
            if status := process.wait():
                raise KafkaUnavailable(_complaint(node, f"could not format its storage ({status})"))

    def _launch(self, node: Node, command: Sequence[str]) -> None:
        started = [*command, "kafka.Kafka", str(node.settings_file)]
        # A test run that is killed should leave no broker behind. Linux ties it to the thread that
        # starts it: one that lives as long as this process.
        if (wrapper := shutil.which("setpriv")) and (
            threading.current_thread() is threading.main_thread()
        ):
            started = [wrapper, "--pdeathsig", "KILL", *started]
        with node.log.open("ab") as log:
            node.process = subprocess.Popen(
                started, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=node.folder
            )

    def _wait_until_up(self) -> None:
        """Until every running node answers and, if that is all of them, every partition is led."""
        running = [node for node in self.nodes if node.running]
        asked: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap_servers,
            "log_level": 0,
            "reconnect.backoff.max.ms": 100,
        }
        admin = AdminClient(asked)
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            for node in running:
                if not node.running:
                    raise KafkaUnavailable(_complaint(node, "ended while it was starting"))
            with contextlib.suppress(KafkaException, OSError):
                # What the others say of one that was killed just now is not true yet.
                for node in running:
                    _ask_versions(node.ports["PLAINTEXT"])
                told = admin.list_topics(timeout=1)
                partitions = [
                    partition
                    for topic in told.topics.values()
                    for partition in topic.partitions.values()
                ]
                led = all(partition.leader in told.brokers for partition in partitions)
                if {node.number for node in running} <= set(told.brokers) and (
                    led or len(running) < len(self.nodes)
                ):
                    return
            time.sleep(0.05)
        node = running[0] if running else self.nodes[0]
        raise KafkaUnavailable(_complaint(node, f"did not answer within {_START_SECONDS} seconds"))


def _complaint(node: Node, what: str) -> str:
    said = node.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = next((line for line in reversed(said) if not line.startswith("\tat ")), "nothing")
    return f"Kafka's node {node.number} {what}; the end of {node.log}: {last[:300]}"


def _ask_versions(port: int) -> None:
    """Raises OSError unless a broker answers there (ApiVersions, version 0, without a name)."""
    with socket.create_connection((HOST, port), timeout=1) as broker:
        broker.sendall(struct.pack(">ihhih", 10, 18, 0, 1, -1))
        if len(broker.recv(8)) < 8:
            raise OSError("it hung up")


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    found: list[int] = []
    for port in random.sample(_PORTS, len(_PORTS)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind((HOST, port))
            found.append(port)
        if len(found) == number:
            return found
    raise KafkaUnavailable(f"no {number} free ports on {HOST} from {_PORTS[0]} to {_PORTS[-1]}")
