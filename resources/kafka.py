"""How a Kafka cluster is reached: settings, and librdkafka's configuration made of them.

What belongs here: addresses, TLS, SASL and MSK's IAM tokens, the same for every consumer, producer
and administrator. What they do with the connection is theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, SecretStr, field_validator, model_validator

Security = Literal["plaintext", "tls", "sasl", "iam"]

_PROTOCOLS: Mapping[Security, str] = {
    "plaintext": "PLAINTEXT",
    "tls": "SSL",
    "sasl": "SASL_SSL",
    "iam": "SASL_SSL",
}


class KafkaSettings(BaseModel):
    """What can be set of the cluster; without brokers nothing is streamed."""

    kafka_brokers: str | None = Field(
        None,
        description="Addresses of Kafka brokers, by commas; without them posts come by fetching "
        "alone (docs/streaming.md).",
        examples=["127.0.0.1:9092"],
    )
    kafka_security: Security = Field(
        "plaintext",
        description="How brokers are spoken to: plaintext, tls, sasl (SCRAM over TLS) or iam (MSK, "
        "by the role of the machine; needs the extra `aws`).",
        examples=["iam"],
    )
    kafka_ca_file: Path | None = Field(
        None,
        description="Certificates of the authority that signed the brokers'; by default the "
        "machine's own.",
        examples=["/etc/sentiment/kafka-ca.pem"],
    )
    kafka_username: str | None = Field(
        None, description="User of SASL/SCRAM.", examples=["sentiment"]
    )
    kafka_password: SecretStr | None = Field(
        None, description="Password of SASL/SCRAM.", examples=["(a secret)"]
    )
    kafka_region: str | None = Field(
        None,
        description="Region of the MSK cluster; by default the bucket's.",
        examples=["af-south-1"],
    )
    kafka_prefix: str = Field(
        "",
        pattern=r"^[A-Za-z0-9._-]{0,100}$",
        description="Before the names of topics and of the consumer group, so that environments "
        "may share a cluster.",
        examples=["staging."],
    )

    landing_records: int = Field(
        20_000,
        ge=1,
        description="A topic is landed when so many of its records wait.",
        examples=["20000"],
    )
    landing_seconds: int = Field(
        60,
        ge=0,
        description="A topic is landed when the oldest of its records has waited so long.",
        examples=["60"],
    )

    @field_validator("kafka_brokers")
    @classmethod
    def _host_and_port(cls, brokers: str | None) -> str | None:
        for broker in (brokers or "").split(",") if brokers else ():
            host, _, port = broker.strip().rpartition(":")
            if not host or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError("each must be host:port, separated by commas")
        return brokers

    @model_validator(mode="after")
    def _credentials(self) -> KafkaSettings:
        both = self.kafka_username is not None and self.kafka_password is not None
        if (self.kafka_security == "sasl") != both:
            raise ValueError(
                "SENTIMENT_KAFKA_USERNAME and SENTIMENT_KAFKA_PASSWORD belong to "
                "SENTIMENT_KAFKA_SECURITY=sasl: set all three, or neither of the two"
            )
        return self


@dataclass(frozen=True)
class KafkaConnection:
    """A cluster and how to speak to it. Pickles, and opens nothing."""

    brokers: str
    security: Security = "plaintext"
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    region: str = "us-east-1"
    #: Names this program to the brokers: it stands in their logs and quotas.
    client_id: str = "sentiment"

    def config(self, **more: Any) -> dict[str, Any]:
        """librdkafka's configuration; ``more`` is laid over it.

        https://github.com/confluentinc/librdkafka/blob/master/CONFIGURATION.md
        """
        config: dict[str, Any] = {
            "bootstrap.servers": self.brokers,
            "security.protocol": _PROTOCOLS[self.security],
            "client.id": self.client_id,
            # librdkafka prints to standard error by itself otherwise, with addresses of brokers.
            "log_level": 0,
        }
        if self.ca_file is not None:
            config["ssl.ca.location"] = self.ca_file
        if self.security == "sasl":
            config |= {
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": self.username,
                "sasl.password": self.password,
            }
        if self.security == "iam":
            config |= {"sasl.mechanism": "OAUTHBEARER", "oauth_cb": _iam_token(self.region)}
        return config | more

    def java_config(self) -> dict[str, str]:
        """The same in the words of Kafka's Java client, each with Spark's ``kafka.`` before it.

        With ``iam``, Amazon's ``aws-msk-iam-auth`` must be among Spark's jars.
        """
        config = {
            "bootstrap.servers": self.brokers,
            "security.protocol": _PROTOCOLS[self.security],
        }
        if self.ca_file is not None:
            config |= {"ssl.truststore.type": "PEM", "ssl.truststore.location": self.ca_file}
        if self.security == "sasl":
            login = "org.apache.kafka.common.security.scram.ScramLoginModule required"
            config |= {
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.jaas.config": (
                    f"{login} username={_quoted(self.username)} password={_quoted(self.password)};"
                ),
            }
        if self.security == "iam":
            config |= {
                "sasl.mechanism": "AWS_MSK_IAM",
                "sasl.jaas.config": "software.amazon.msk.auth.iam.IAMLoginModule required;",
                "sasl.client.callback.handler.class": (
                    "software.amazon.msk.auth.iam.IAMClientCallbackHandler"
                ),
            }
        return {f"kafka.{name}": value for name, value in config.items()}


def _quoted(text: str | None) -> str:
    """A value of Java's login configuration."""
    escaped = (text or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _iam_token(region: str) -> Callable[[str], tuple[str, float]]:
    """What librdkafka calls for a token of MSK: it is signed by the machine's role."""
    return partial(_signed_token, region)


def _signed_token(region: str, _config: str) -> tuple[str, float]:
    # The extra `aws`; nobody else needs boto.
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider

    token, expires_ms = MSKAuthTokenProvider.generate_auth_token(region)
    return token, expires_ms / 1000
