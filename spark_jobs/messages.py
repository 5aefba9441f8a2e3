"""How a job far away tells its run: messages of Dagster's Pipes, as objects of the lake.

What belongs here: writing them. Who reads them is the runner in ``resources``. A job that shares a
disk with its run needs none of this: Pipes has files for it.
"""

from __future__ import annotations

from typing import IO, Any

from dagster_pipes import PipesBlobStoreMessageWriter, PipesBlobStoreMessageWriterChannel

from sentiment_assets.core.layout import job_messages_object
from sentiment_assets.engine.job_order import JobAddress
from sentiment_assets.lake.objects import Lake

#: How long a message waits for others at most.
WAIT_SECONDS = 5


class LakeMessageWriter(PipesBlobStoreMessageWriter["LakeMessageChannel"]):
    """Writes messages beside the order of the job.

    The place stands in the parameters of the message reader: ``order`` are the fields of a
    :class:`JobAddress`, ``folder`` is the folder below the lake's root.
    """

    def __init__(self) -> None:
        super().__init__(interval=WAIT_SECONDS)

    def make_channel(self, params: Any) -> LakeMessageChannel:
        """Open nothing yet: the lake is reached when there is something to tell."""
        return LakeMessageChannel(Lake(JobAddress(**params["order"]).location), params["folder"])


class LakeMessageChannel(PipesBlobStoreMessageWriterChannel):
    """A folder of numbered objects, each with a message a line."""

    def __init__(self, lake: Lake, folder: str) -> None:
        super().__init__(interval=WAIT_SECONDS)
        self._lake = lake
        self._folder = folder

    def upload_messages_chunk(self, payload: IO[str], index: int) -> None:
        """Write some messages as one object."""
        path = job_messages_object(self._folder, index)
        self._lake.objects.put(path, payload.read().encode())
