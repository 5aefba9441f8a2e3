"""A Dagster run of the stream in a process of its own, as its settings in the environment say."""

from __future__ import annotations

from resources.environments import live_stream
from resources.settings import read_settings
from sentiment_assets.assets.live import live_job


def main() -> None:
    settings = read_settings()
    live_job.execute_in_process(
        resources={"lake": settings.open_lake(), "live_stream": live_stream(settings)}
    )


if __name__ == "__main__":
    main()
