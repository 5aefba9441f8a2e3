"""What a run's config may ask for: the engine that does its work."""

from enum import Enum

from sentiment_assets.engine.routing import Engine


class EngineOfRun(Enum):
    """As run configs spell it; Dagster takes the names of an enumeration, not a literal."""

    auto = "auto"
    in_process = "in_process"
    spark = "spark"

    @property
    def forced(self) -> Engine | None:
        """The engine that was asked for; null where size decides."""
        if self is EngineOfRun.auto:
            return None
        return "spark" if self is EngineOfRun.spark else "in_process"
