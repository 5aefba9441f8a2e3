"""What librdkafka's errors mean to an operator: what was wrong, and what to do, in one message.

What belongs here: kinds of trouble with a cluster, and their words. No record's content, key or
password stands in them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from confluent_kafka import KafkaError

from resources.kafka import KafkaConnection, Security

_AWAY = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._AUTHENTICATION,
        KafkaError._RESOLVE,
        KafkaError._SSL,
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_CONTROLLER,
        KafkaError.REQUEST_TIMED_OUT,
    }
)
_FORBIDDEN = frozenset(
    {
        KafkaError.CLUSTER_AUTHORIZATION_FAILED,
        KafkaError.GROUP_AUTHORIZATION_FAILED,
        KafkaError.TOPIC_AUTHORIZATION_FAILED,
    }
)
_WHO: Mapping[Security, str] = {
    "plaintext": "whoever comes without a name",
    "tls": "whoever comes without a name",
    "sasl": "the user in SENTIMENT_KAFKA_USERNAME",
    "iam": "the machine's role",
}
#: What librdkafka adds at the end, and the connection it names at the beginning.
_MECHANICS = re.compile(r"^\S+/\S+: |\s*\(after \d+ms in state \w+.*\)$")
_GUIDE = "docs/streaming.md#security"


class ClusterError(Exception):
    """Kafka did not do what was asked of it; the message says why, and what to do."""


class ClusterUnreachable(ClusterError):
    """No broker answered, or none let us in."""


class NotPermitted(ClusterError):
    """The cluster knows us and forbids it."""


class Heard:
    """What librdkafka says by the way, to be set as ``error_cb``.

    Why a connection fails stands here alone: the call that needed it only times out.
    """

    def __init__(self) -> None:
        self.last: KafkaError | None = None

    def __call__(self, error: KafkaError) -> None:
        """Take note of it."""
        # It follows every other one, and says less.
        if error.code() != KafkaError._ALL_BROKERS_DOWN:
            self.last = error


def explained(
    error: KafkaError,
    connection: KafkaConnection,
    *,
    doing: str,
    needs: str,
    heard: Heard | None = None,
) -> ClusterError:
    """The error that an operator should read.

    Args:
        error: what the call ended with.
        connection: whose cluster.
        doing: what was asked for, as in "Kafka could not …".
        needs: the permissions that it takes, as ACLs call them.
        heard: what was told by the way.
    """
    if error.code() in _FORBIDDEN:
        return NotPermitted(
            f"Kafka forbids to {doing}: {_WHO[connection.security]} needs {needs} ({_GUIDE})"
        )
    if error.code() in _AWAY:
        cause = heard.last if heard is not None and heard.last is not None else error
        return ClusterUnreachable(
            f"Kafka could not {doing}: no answer from {connection.brokers} "
            f"({_MECHANICS.sub('', cause.str())}); {_advice(cause, connection)}"
        )
    return ClusterError(f"Kafka could not {doing}: {error.str()}")


def _advice(cause: KafkaError, connection: KafkaConnection) -> str:
    if cause.code() == KafkaError._AUTHENTICATION:
        if connection.security == "iam":
            return "may the machine's role kafka-cluster:Connect to this cluster?"
        return "check SENTIMENT_KAFKA_USERNAME and SENTIMENT_KAFKA_PASSWORD"
    if cause.code() == KafkaError._SSL:
        return (
            "check SENTIMENT_KAFKA_CA_FILE, and that the listener speaks "
            f"SENTIMENT_KAFKA_SECURITY={connection.security}"
        )
    return (
        "check SENTIMENT_KAFKA_BROKERS, and that the listener speaks "
        f"SENTIMENT_KAFKA_SECURITY={connection.security}"
    )
