"""What can be set of producers, whichever platform they bring posts of.

A platform's own secrets and limits stand in its client's ``Access``; how the cluster is reached in
``resources.kafka``.
"""

from __future__ import annotations

import datetime as dt
from typing import Literal

from pydantic import BaseModel, Field


class ProducerSettings(BaseModel):
    """Settings of ``sentiment produce`` and of its Lambda functions."""

    produce_platform: str | None = Field(
        None,
        description="Whose posts a Lambda function brings; `sentiment produce` is told by its "
        "argument.",
        examples=["(a platform)"],
    )
    produce_poll_seconds: int = Field(
        60,
        ge=5,
        description="How often what has no push is asked for; each look costs requests.",
        examples=["120"],
    )
    produce_lookback_minutes: int = Field(
        30,
        ge=1,
        le=1440,
        description="How far back a poll asks when it starts.",
        examples=["60"],
    )
    produce_overlap_seconds: int = Field(
        120,
        ge=0,
        le=3600,
        description="How far behind the last look the next one begins: posts become findable late.",
        examples=["300"],
    )
    produce_acknowledged_seconds: float = Field(
        5.0,
        gt=0,
        le=60,
        description="How long a webhook waits for Kafka before it asks the platform to send the "
        "notification again.",
        examples=["3"],
    )
    produce_stop_seconds: float = Field(
        30.0,
        ge=0,
        le=600,
        description="How long a producer that is told to stop waits for Kafka to take the rest.",
        examples=["60"],
    )
    produce_buffer_records: int = Field(
        20_000,
        ge=1,
        description="Records that wait for Kafka at most; then nothing more is read.",
        examples=["100000"],
    )
    produce_buffer_mb: int = Field(
        64,
        ge=1,
        le=2000,
        description="The same in megabytes.",
        examples=["256"],
    )
    produce_compression: Literal["zstd", "lz4", "snappy", "gzip", "none"] = Field(
        "zstd",
        description="How records are packed on their way and at the brokers.",
        examples=["lz4"],
    )

    @property
    def produce_lookback(self) -> dt.timedelta:
        """How far back a poll asks when it starts."""
        return dt.timedelta(minutes=self.produce_lookback_minutes)

    @property
    def produce_overlap(self) -> dt.timedelta:
        """How far behind the last look the next one begins."""
        return dt.timedelta(seconds=self.produce_overlap_seconds)
