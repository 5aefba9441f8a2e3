"""A lake on disk, and what the silver assets do with a build."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentiment_assets.lake.objects import Lake, LakeLocation


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake.open(LakeLocation(str(tmp_path / "lake"), "simulated"))
