"""Secrets wrapped by KMS: on a local KMS, and on a server that answers with its errors."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from resources import kms
from resources.kms import KmsError, KmsKey
from sentiment_assets_tests.s3_server import S3Server

ONE = {"platform": "x", "epoch": "1", "purpose": "test"}
TWO = {"platform": "x", "epoch": "2", "purpose": "test"}
#: What KMS itself says, and no message of ours may.
WORDS = "User: arn:aws:sts::123456789012:assumed-role/hush is not authorized"


@pytest.fixture
def key(s3_endpoint: S3Server) -> KmsKey:
    return s3_endpoint.new_kms_key()


@pytest.fixture(autouse=True)
def _as_a_new_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kms, "_unwrapped", {})


def forget() -> None:
    kms._unwrapped.clear()


def test_a_new_secret_comes_back(key: KmsKey) -> None:
    secret, wrapped = key.new_secret(ONE)
    assert len(bytes.fromhex(secret)) == 32
    assert secret not in wrapped
    forget()
    assert key.unwrap(wrapped, ONE) == secret
    assert key.new_secret(ONE)[0] != secret


def test_a_secret_that_exists_is_wrapped_as_it_is(key: KmsKey) -> None:
    assert key.unwrap(key.wrap("0f" * 32, ONE), ONE) == "0f" * 32


def test_many_at_once_keep_their_order(key: KmsKey) -> None:
    contexts = [{"platform": "x", "epoch": str(n)} for n in range(20)]
    made = [key.new_secret(context) for context in contexts]
    forget()
    found = key.unwrap_all([(w, c) for (_, w), c in zip(made, contexts, strict=True)])
    assert found == [secret for secret, _ in made]


@pytest.mark.parametrize("wrapped", ["", "AAAA", "no base64!"])
def test_another_context_or_other_bytes_are_refused(key: KmsKey, wrapped: str) -> None:
    _, right = key.new_secret(ONE)
    forget()
    for given, context in ((right, TWO), (wrapped, ONE)):
        with pytest.raises(KmsError, match=f"platform x, epoch {context['epoch']}: ") as refusal:
            key.unwrap(given, context)
        assert right not in str(refusal.value)


def test_another_key_is_refused(key: KmsKey, s3_endpoint: S3Server) -> None:
    _, wrapped = key.new_secret(ONE)
    with pytest.raises(KmsError, match="wrapped by another key"):
        s3_endpoint.new_kms_key().unwrap(wrapped, ONE)


def test_a_key_that_is_not_there_is_told(key: KmsKey) -> None:
    with pytest.raises(KmsError, match=r"no such key.*SENTIMENT_PSEUDONYM_KMS_KEY_ID") as refusal:
        dataclasses.replace(key, key_id="alias/nobody").new_secret(ONE)
    assert "123456789012" not in str(refusal.value)


def test_a_role_without_the_right_is_told(key: KmsKey, s3_endpoint: S3Server) -> None:
    """The local KMS evaluates the policies of who asks."""
    iam = s3_endpoint.client_of("iam")
    iam.create_user(UserName="reader")
    allowed = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="decrypt", PolicyDocument=policy)
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    reader = dataclasses.replace(key, credentials=(made["AccessKeyId"], made["SecretAccessKey"]))
    secret, wrapped = key.new_secret(ONE)
    forget()
    httpx.post(f"{s3_endpoint.url}/moto-api/reset-auth", content="0").raise_for_status()
    try:
        assert reader.unwrap(wrapped, ONE) == secret
        with pytest.raises(KmsError, match="lacks kms:GenerateDataKey") as refusal:
            reader.new_secret(TWO)
    finally:
        httpx.post(f"{s3_endpoint.url}/moto-api/reset-auth", content="inf").raise_for_status()
    assert "reader" not in str(refusal.value)
    assert "arn:" not in str(refusal.value)


@dataclasses.dataclass
class ScriptedKms:
    """Answers every request with one of KMS's errors: those that the local KMS never gives."""

    url: str
    code: str = ""
    status: int = 400
    requests: int = 0


@pytest.fixture
def scripted() -> Iterator[ScriptedKms]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            script.requests += 1
            body = json.dumps({"__type": script.code, "message": WORDS}).encode()
            self.send_response(script.status)
            self.send_header("Content-Type", "application/x-amz-json-1.1")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    script = ScriptedKms(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield script
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("code", "status", "said"),
    [
        ("AccessDeniedException", 400, "lacks kms:Decrypt"),
        ("DisabledException", 400, "disabled. Enable it"),
        ("KMSInvalidStateException", 400, "pending deletion. Cancel"),
        ("IncorrectKeyException", 400, "Set SENTIMENT_PSEUDONYM_KMS_KEY_ID to the key"),
        ("InvalidCiphertextException", 400, "Restore the keyring from a backup"),
        ("ExpiredTokenException", 400, "credentials of this process"),
        ("UnrecognizedClientException", 400, "credentials of this process"),
        ("ThrottlingException", 400, "Try again in a minute"),
        ("KMSInternalException", 500, "failed with KMSInternalException"),
        ("arn:aws:kms:us-east-1:123456789012:key/1", 400, "failed with "),
    ],
)
def test_each_error_is_one_line_with_a_remedy(
    scripted: ScriptedKms, code: str, status: int, said: str
) -> None:
    scripted.code, scripted.status = code, status
    key = KmsKey("alias/k", "us-east-1", scripted.url, ("id", "secret"))
    with pytest.raises(KmsError) as refusal:
        key.unwrap("Y2lwaGVydGV4dA==", ONE)
    text = str(refusal.value)
    assert text.startswith("KMS, pseudonym secret of platform x, epoch 1: ")
    assert said in text
    assert "\n" not in text
    assert not any(word in text for word in ("hush", "arn:", "123456789012", "Y2lwaGVydGV4dA"))
    # Nor does the cause travel along, into Dagster's events for example.
    assert refusal.value.__cause__ is None
    assert refusal.value.__context__ is None
    assert scripted.requests >= 1


def test_kms_that_does_not_answer_is_told_in_time() -> None:
    key = KmsKey("alias/k", "us-east-1", "http://127.0.0.1:1", ("id", "secret"))
    began = time.monotonic()
    with pytest.raises(KmsError, match=r"127\.0\.0\.1:1 cannot be reached.*SENTIMENT_KMS_ENDPOINT"):
        key.new_secret(ONE)
    assert time.monotonic() - began < 20


def test_a_process_asks_once_for_each_secret(scripted: ScriptedKms, key: KmsKey) -> None:
    secret, wrapped = key.new_secret(ONE)
    # The same KMS by a name that leads nowhere would fail if it were asked.
    scripted.code = "DisabledException"
    gone = dataclasses.replace(key, region="elsewhere")
    assert gone.unwrap(wrapped, ONE) == secret
    assert gone.unwrap_all([(wrapped, ONE)] * 3) == [secret] * 3
    # Another key or context does not get what was cached.
    other = dataclasses.replace(key, endpoint=scripted.url)
    for asked, context in ((other, ONE), (key, TWO)):
        with pytest.raises(KmsError):
            asked.unwrap(wrapped, context)
    assert scripted.requests == 1


def test_region_of_the_key_counts(key: KmsKey) -> None:
    assert dataclasses.replace(key, region="af-south-1")._own_region == "us-east-1"
    assert KmsKey("alias/k", "af-south-1")._own_region == "af-south-1"


def test_neither_credentials_nor_secrets_are_shown(
    key: KmsKey, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        secret, wrapped = key.new_secret(ONE)
        forget()
        key.unwrap(wrapped, ONE)
    shown = f"{key!r} {key} {caplog.text}"
    assert not any(word in shown for word in ("test-secret-key", secret, wrapped))


def test_without_boto3_the_extra_is_named() -> None:
    program = (
        "import sys; sys.modules['boto3'] = None\n"
        "from resources.kms import KmsKey\n"
        "KmsKey('alias/k', 'us-east-1').new_secret({'platform': 'x'})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "boto3 is not installed" in done.stderr
    assert "sentiment-assets[aws]" in done.stderr
