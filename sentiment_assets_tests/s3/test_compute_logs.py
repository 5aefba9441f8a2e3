"""The output of a step on S3, as docs/metrics.md configures it, when its machine is gone."""

import re
import shutil
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from resources.settings import PROJECT_ROOT
from sentiment_assets_tests.s3_server import KMS_KEY, S3Server

pytest.importorskip("dagster_aws", reason="the extra aws is not installed")


def configured(server: S3Server, bucket: str, local: Path) -> dict[str, Any]:
    """The page's configuration with the bucket, key and address of the test."""
    page = (PROJECT_ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    [block] = re.findall(r"```yaml\n(compute_logs:.*?)```", page, re.DOTALL)
    settings: dict[str, Any] = yaml.safe_load(block)
    config = settings["compute_logs"]["config"]
    assert config["upload_extra_args"]["ServerSideEncryption"] == "aws:kms"
    config["upload_extra_args"]["SSEKMSKeyId"] = KMS_KEY
    config |= {"bucket": bucket, "endpoint_url": server.url, "local_dir": str(local)}
    return settings


@dg.op(retry_policy=dg.RetryPolicy(max_retries=1))
def says(context: dg.OpExecutionContext) -> None:
    print(f"attempt {context.retry_number} of a step")
    if context.retry_number == 0:
        raise ValueError("once")


@dg.job
def speaking() -> None:
    says()


def test_each_attempt_is_readable_when_the_disk_is_gone(
    s3_endpoint: S3Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test-key-id")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test-secret-key")
    bucket = s3_endpoint.new_bucket()
    local = tmp_path / "output"
    settings = configured(s3_endpoint, bucket, local)
    with dg.instance_for_test(settings, temp_dir=str(tmp_path)) as instance:
        done = speaking.execute_in_process(instance=instance, raise_on_error=False)
        assert done.success
        captured = [
            event.logs_captured_data.file_key
            for event in done.all_events
            if event.event_type_value == "LOGS_CAPTURED"
        ]
        manager = instance.compute_log_manager
        shutil.rmtree(local, ignore_errors=True)
        told = [
            manager.get_log_data(manager.build_log_key_for_run(done.run_id, key)).stdout or b""
            for key in captured
        ]
    assert b"".join(told) == b"attempt 0 of a step\nattempt 1 of a step\n"
    stored = s3_endpoint.client.list_objects_v2(Bucket=bucket)["Contents"]
    assert stored
    for found in stored:
        head = s3_endpoint.client.head_object(Bucket=bucket, Key=found["Key"])
        assert head["ServerSideEncryption"] == "aws:kms"
        assert head["SSEKMSKeyId"] == KMS_KEY
