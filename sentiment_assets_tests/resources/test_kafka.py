"""How a cluster is reached: settings, librdkafka's configuration, TLS, SASL/SCRAM, MSK's tokens."""

from __future__ import annotations

import base64
import pickle
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from confluent_kafka import Consumer, KafkaError, Producer, TopicPartition
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from resources.kafka import KafkaConnection
from resources.kafka_errors import ClusterError, ClusterUnreachable, NotPermitted
from resources.kafka_topics import TopicAdmin
from resources.settings import SettingsError, describe, read_settings
from sentiment_assets.core.stream_topics import parse_streams
from sentiment_assets.core.streams import StreamTopic
from sentiment_assets.core.topic_plan import AddPartitions, CreateTopic, SetConfigs
from sentiment_assets.core.topic_states import landing_group
from sentiment_assets_tests.docs.pages import table_below
from simulator.kafka.broker import Kafka

PASSWORD = "hush-password"


@pytest.mark.parametrize(
    ("variables", "connection"),
    [
        pytest.param({}, None, id="nothing is streamed"),
        pytest.param({"BROKERS": "a:1,b:2"}, KafkaConnection("a:1,b:2"), id="in plain text"),
        pytest.param(
            {"BROKERS": "a:1", "SECURITY": "tls", "CA_FILE": "/ca.pem"},
            KafkaConnection("a:1", "tls", "/ca.pem"),
            id="TLS",
        ),
        pytest.param(
            {"BROKERS": "a:1", "SECURITY": "sasl", "USERNAME": "me", "PASSWORD": PASSWORD},
            KafkaConnection("a:1", "sasl", None, "me", PASSWORD),
            id="SCRAM",
        ),
        pytest.param(
            {"BROKERS": "a:1", "SECURITY": "iam", "REGION": "af-south-1"},
            KafkaConnection("a:1", "iam", region="af-south-1"),
            id="IAM",
        ),
    ],
)
def test_settings_make_a_connection(
    variables: dict[str, str], connection: KafkaConnection | None
) -> None:
    settings = read_settings({f"SENTIMENT_KAFKA_{name}": said for name, said in variables.items()})
    assert settings.kafka == connection
    assert pickle.loads(pickle.dumps(settings.kafka)) == connection


def test_the_region_is_the_buckets_by_default() -> None:
    settings = read_settings({"SENTIMENT_S3_REGION": "eu-west-1"}, kafka_brokers="a:1")
    assert settings.kafka is not None
    assert settings.kafka.region == "eu-west-1"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"BROKERS": "localhost"}, "SENTIMENT_KAFKA_BROKERS: each must be host:port"),
        ({"BROKERS": "a:1,"}, "SENTIMENT_KAFKA_BROKERS: each must be host:port"),
        ({"BROKERS": "a:70000"}, "SENTIMENT_KAFKA_BROKERS: each must be host:port"),
        ({"SECURITY": "ssl"}, "SENTIMENT_KAFKA_SECURITY"),
        ({"SECURITY": "sasl", "USERNAME": "me"}, "set all three, or neither"),
        ({"USERNAME": "me", "PASSWORD": PASSWORD}, "SENTIMENT_KAFKA_USERNAME"),
        ({"PREFIX": "staging/"}, "SENTIMENT_KAFKA_PREFIX"),
    ],
)
def test_wrong_settings_are_told(variables: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_settings({f"SENTIMENT_KAFKA_{name}": value for name, value in variables.items()})
    assert said in str(refused.value)
    assert PASSWORD not in str(refused.value)


def test_the_password_is_shown_nowhere() -> None:
    settings = read_settings(
        {},
        kafka_brokers="a:1",
        kafka_security="sasl",
        kafka_username="me",
        kafka_password=PASSWORD,
    )
    assert PASSWORD not in repr(settings)
    assert PASSWORD not in repr(settings.kafka)
    assert PASSWORD not in str(describe(settings, {}))


@pytest.fixture(scope="module")
def secured() -> Iterator[Kafka]:
    """Kafka with TLS and SCRAM, which permits the user `sentiment` nothing."""
    from simulator.kafka.jars import missing

    if (lacking := missing(fetch=True)) is not None:
        pytest.skip(f"needs Apache Kafka itself: {lacking}")
    with Kafka(secured=True) as kafka:
        add_user(kafka, "sentiment")
        yield kafka


def operator(kafka: Kafka) -> AdminClient:
    """May do everything. To be held: what is under way ends with it."""
    return AdminClient(KafkaConnection(kafka.bootstrap_servers).config())


def add_user(kafka: Kafka, name: str) -> None:
    mechanism = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
    user = UserScramCredentialUpsertion(name, mechanism, PASSWORD.encode())
    admin = operator(kafka)
    for future in admin.alter_user_scram_credentials([user]).values():
        future.result(20)


def permit(kafka: Kafka, user: str, kind: ResourceType, prefix: str, operations: str) -> None:
    bindings = [
        AclBinding(
            kind, prefix, ResourcePatternType.PREFIXED, f"User:{user}", "*",
            AclOperation[operation.strip()], AclPermissionType.ALLOW,
        )
        for operation in operations.split(",")
    ]  # fmt: skip
    admin = operator(kafka)
    for future in admin.create_acls(bindings).values():
        future.result(20)


def of(kafka: Kafka, user: str = "sentiment") -> KafkaConnection:
    return KafkaConnection(kafka.sasl_servers, "sasl", str(kafka.ca_file), user, PASSWORD)


@pytest.mark.parametrize("security", ["tls", "sasl"])
def test_records_go_and_come_back(secured: Kafka, security: str, kafka_prefix: str) -> None:
    connection = (
        of(secured)
        if security == "sasl"
        else KafkaConnection(secured.tls_servers, "tls", str(secured.ca_file))
    )
    name = f"{kafka_prefix}posts.x"
    operator_admin = TopicAdmin(KafkaConnection(secured.bootstrap_servers))
    operator_admin.apply(CreateTopic(topic(name)))
    permit(secured, "sentiment", ResourceType.TOPIC, kafka_prefix, "READ, WRITE")
    permit(secured, "sentiment", ResourceType.GROUP, kafka_prefix, "READ")
    told: list[KafkaError | None] = []
    producer = Producer(connection.config(acks="all"))
    producer.produce(name, b"a post", on_delivery=lambda error, _: told.append(error))
    assert producer.flush(20) == 0
    assert told == [None]
    consumer = Consumer(connection.config(**{"group.id": f"{kafka_prefix}readers"}))
    consumer.assign([TopicPartition(name, 0, 0)])
    (message,) = consumer.consume(1, timeout=20)
    consumer.close()
    assert message.value() == b"a post"


def topic(name: str, partitions: int = 1) -> StreamTopic:
    (x, *_) = parse_streams(f"version: 1\ntopics: {{partitions: {partitions}}}", "streams.yaml")
    return replace(x, name=name)


@pytest.mark.parametrize(
    ("how", "said"),
    [
        pytest.param(
            {"password": "another"}, "check SENTIMENT_KAFKA_USERNAME and SENTIMENT_KAFKA_PASSWORD",
            id="a wrong password",
        ),
        pytest.param(
            {"username": "nobody"}, "check SENTIMENT_KAFKA_USERNAME and SENTIMENT_KAFKA_PASSWORD",
            id="an unknown user",
        ),
        pytest.param({"ca_file": None}, "check SENTIMENT_KAFKA_CA_FILE", id="a strange authority"),
        pytest.param(
            {"security": "plaintext"}, "the listener speaks SENTIMENT_KAFKA_SECURITY=plaintext",
            id="no TLS where there is TLS",
        ),
        pytest.param(
            {"brokers": "127.0.0.1:9"},
            "no answer from 127.0.0.1:9 (Connect to ipv4#127.0.0.1:9 failed: Connection refused); "
            "check SENTIMENT_KAFKA_BROKERS",
            id="nobody there",
        ),
        pytest.param(
            {"brokers": "no.such.host.invalid:9092"}, "check SENTIMENT_KAFKA_BROKERS",
            id="no such machine",
        ),
    ],
)  # fmt: skip
def test_why_no_broker_lets_us_in(secured: Kafka, how: dict[str, str | None], said: str) -> None:
    connection = replace(of(secured), **how)  # type: ignore[arg-type]
    with pytest.raises(ClusterUnreachable) as away:
        TopicAdmin(connection, seconds=1.5).read(["posts.x"])
    assert str(away.value).startswith("Kafka could not tell of the topics: no answer from ")
    assert said in str(away.value)
    assert PASSWORD not in str(away.value)


def test_tls_where_there_is_none_is_told(secured: Kafka) -> None:
    connection = KafkaConnection(secured.bootstrap_servers, "tls", str(secured.ca_file))
    with pytest.raises(ClusterUnreachable, match="SENTIMENT_KAFKA_SECURITY=tls"):
        TopicAdmin(connection, seconds=1.5).read(["posts.x"])


def test_a_file_of_authorities_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    with pytest.raises(ClusterError, match="check SENTIMENT_KAFKA_CA_FILE"):
        TopicAdmin(KafkaConnection("127.0.0.1:9", "tls", str(tmp_path / "ca.pem")))


def test_what_is_not_permitted_is_told_with_what_is_missing(
    secured: Kafka, kafka_prefix: str
) -> None:
    name, user = f"{kafka_prefix}posts.x", "the user in SENTIMENT_KAFKA_USERNAME needs"
    mine, operators = (
        TopicAdmin(of(secured)),
        TopicAdmin(KafkaConnection(secured.bootstrap_servers)),
    )
    with pytest.raises(NotPermitted, match=f"{user} DESCRIBE on the topics {name}"):
        mine.read([name])
    with pytest.raises(NotPermitted, match=f"{user} CREATE on {name}"):
        mine.apply(CreateTopic(topic(name)))
    operators.apply(CreateTopic(topic(name)))
    with pytest.raises(NotPermitted, match=f"{user} ALTER on {name}"):
        mine.apply(AddPartitions(topic(name, 2), 1))
    with pytest.raises(NotPermitted, match=f"{user} ALTER_CONFIGS on {name}"):
        mine.apply(SetConfigs(topic(name), {}, {"retention.ms": "3600000"}))
    permit(secured, "sentiment", ResourceType.TOPIC, name, "DESCRIBE")
    state = mine.read([name], offsets=True)
    with pytest.raises(NotPermitted, match=f"{user} DESCRIBE_CONFIGS on the topics {name}"):
        mine.read([name], configs=["retention.ms"])
    group = landing_group(kafka_prefix)
    with pytest.raises(NotPermitted, match=f"{user} DESCRIBE on the group {group}"):
        mine.committed(group, state.topics.values())


PERMISSIONS = table_below(Path("docs/streaming.md"), "| who | topics |")


def test_the_permissions_of_the_page_suffice(secured: Kafka, kafka_prefix: str) -> None:
    """Each of its users may do its work with them, and not that of the next."""
    name, group = f"{kafka_prefix}posts.x", landing_group(kafka_prefix)
    connections = {}
    for who, topics, groups in PERMISSIONS:
        user = f"{kafka_prefix}{who.split()[0]}"
        add_user(secured, user)
        for kind, operations in ((ResourceType.TOPIC, topics), (ResourceType.GROUP, groups)):
            if operations != "·":
                permit(secured, user, kind, kafka_prefix, operations)
        connections[who.split()[0]] = of(secured, user)
    administrator = TopicAdmin(connections["administrators"])
    administrator.apply(CreateTopic(topic(name)))
    administrator.apply(AddPartitions(topic(name, 2), 1))
    administrator.apply(SetConfigs(topic(name), {}, {"retention.ms": "3600000"}))

    told: list[KafkaError | None] = []
    producer = Producer(connections["producers"].config(**{"enable.idempotence": True}))
    producer.produce(name, b"a post", partition=0, on_delivery=lambda e, _: told.append(e))
    assert producer.flush(20) == 0
    assert told == [None]
    with pytest.raises(NotPermitted):
        TopicAdmin(connections["producers"]).apply(
            SetConfigs(topic(name), {}, {"retention.ms": "1"})
        )

    landing = connections["landing"]
    consumer = Consumer(landing.config(**{"group.id": group, "enable.auto.commit": False}))
    consumer.assign([TopicPartition(name, 0, 0)])
    (message,) = consumer.consume(1, timeout=20)
    assert message.value() == b"a post"
    consumer.commit(offsets=[TopicPartition(name, 0, 1)], asynchronous=False)
    consumer.close()
    for who in ("landing", "administrators"):
        admin = TopicAdmin(connections[who])
        state = admin.read([name], offsets=True, newest=True)
        assert admin.committed(group, state.topics.values()) == {(name, 0): 1}


def test_a_token_of_msk_is_a_signed_address_of_the_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "made-up-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up-secret")
    asked: list[str] = []
    config = KafkaConnection("127.0.0.1:9", "iam", region="af-south-1").config()
    make_token = config["oauth_cb"]

    def noted(told: str) -> tuple[str, float]:
        token, expires = make_token(told)
        asked.append(token)
        assert 0 < expires - time.time() <= 900
        return token, expires

    # librdkafka calls it, and would raise what it raises.
    AdminClient({**config, "oauth_cb": noted}).poll(0)
    address = urlsplit(base64.urlsafe_b64decode(asked[0] + "==").decode())
    query = parse_qs(address.query)
    assert (address.scheme, address.netloc) == ("https", "kafka.af-south-1.amazonaws.com")
    assert query["Action"] == ["kafka-cluster:Connect"]
    assert query["X-Amz-Credential"][0].startswith("made-up-key-id/")
    assert query["X-Amz-Credential"][0].endswith("/af-south-1/kafka-cluster/aws4_request")
    assert len(query["X-Amz-Signature"][0]) == 64
    assert "made-up-secret" not in address.query
    assert (config["security.protocol"], config["sasl.mechanism"]) == ("SASL_SSL", "OAUTHBEARER")


def test_without_credentials_of_aws_no_token_is_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # Neither a file of this machine nor its role may help out.
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    # librdkafka waits ten seconds for a token.
    with pytest.raises(ClusterUnreachable, match="no token for MSK: has this machine a role"):
        TopicAdmin(KafkaConnection("127.0.0.1:9", "iam"))


@pytest.mark.parametrize("security", ["tls", "sasl"])
def test_javas_client_is_let_in_too(
    secured: Kafka, security: str, kafka_prefix: str, tmp_path: Path
) -> None:
    """What Spark's source is told, tried with the client that it uses, in a program of Kafka's."""
    from simulator.kafka.jars import java, kafka_jars

    # The password as it must be quoted.
    quoted = replace(of(secured), password='a "b" \\ c')
    assert 'password="a \\"b\\" \\\\ c";' in quoted.java_config()["kafka.sasl.jaas.config"]
    connection = (
        of(secured)
        if security == "sasl"
        else KafkaConnection(secured.tls_servers, "tls", str(secured.ca_file))
    )
    name = f"{kafka_prefix}posts.x"
    TopicAdmin(KafkaConnection(secured.bootstrap_servers)).apply(CreateTopic(topic(name)))
    permit(secured, "sentiment", ResourceType.TOPIC, kafka_prefix, "DESCRIBE_CONFIGS")
    told = {key.removeprefix("kafka."): value for key, value in connection.java_config().items()}
    file = tmp_path / "client.properties"
    file.write_text("".join(f"{key}={value}\n" for key, value in told.items()))
    done = subprocess.run(
        [
            java(), "-cp", f"{kafka_jars()}/*", "kafka.admin.ConfigCommand",
            "--bootstrap-server", connection.brokers, "--command-config", str(file),
            "--describe", "--all", "--entity-type", "topics", "--entity-name", name,
        ],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )  # fmt: skip
    assert "retention.ms=" in done.stdout, done.stderr[-1000:]


def test_javas_client_is_told_of_msk() -> None:
    config = KafkaConnection("127.0.0.1:9", "iam").java_config()
    assert config["kafka.sasl.mechanism"] == "AWS_MSK_IAM"
    assert config["kafka.security.protocol"] == "SASL_SSL"
    assert KafkaConnection("127.0.0.1:9").java_config() == {
        "kafka.bootstrap.servers": "127.0.0.1:9",
        "kafka.security.protocol": "PLAINTEXT",
    }
