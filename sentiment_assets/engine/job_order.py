"""What a job of another process is told, as an object of the lake that only bronze's readers read.

What belongs here: writing an order, and reading it where the job runs. What stands in it is the
job's matter. It holds the pseudonym secrets: so it travels as an object, encrypted as bronze is,
and never as an argument, which every console shows. Its writer deletes it when the job has ended.
"""

from __future__ import annotations

import hashlib
import io
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sentiment_assets.core.layout import Origin, job_order_object
from sentiment_assets.lake.objects import Lake, LakeError, LakeLocation

#: Options of a storage that are secrets: where a job runs, its own role or environment has them.
CREDENTIALS = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")

_LAKE = "lake"


class OrderRefused(LakeError):
    """An order is not the one that was announced."""


@dataclass(frozen=True)
class JobAddress:
    """Where an order lies. Plain values without secrets, for arguments and logs."""

    uri: str
    origin: Origin
    path: str
    sha256: str
    options: Mapping[str, str] = field(default_factory=dict, hash=False)
    layer_options: Mapping[str, Mapping[str, str]] = field(default_factory=dict, hash=False)

    @property
    def location(self) -> LakeLocation:
        """The lake that holds the order."""
        return LakeLocation(self.uri, self.origin, self.options, self.layer_options)


def write_order(lake: Lake, run_id: str, name: str, order: Any) -> JobAddress:
    """Write an order; lakes in it become the one that its reader opens.

    Args:
        lake: where the job works.
        run_id: of the run that starts the job.
        name: tells the run's orders from one another.
        order: pickles.
    """
    written = io.BytesIO()
    pickle.dump(lake.location.folders, written)
    _Pickler(written).dump(order)
    data = written.getvalue()
    address = JobAddress(
        lake.location.uri,
        lake.location.origin,
        job_order_object(run_id, name),
        hashlib.sha256(data).hexdigest(),
        _without_credentials(lake.location.storage_options),
        {k: _without_credentials(v) for k, v in lake.location.layer_options.items()},
    )
    lake.objects.put(address.path, data)
    return address


def read_order(address: JobAddress) -> tuple[Lake, Any]:
    """The lake as this process reaches it, and the order.

    Raises:
        OrderRefused: what lies there is not what was written.
        ObjectMissing: it was deleted, as an ended job's is.
    """
    data = Lake(address.location).objects.get(address.path)
    # Unpickling runs what it reads: whoever may write there must not become whoever runs jobs.
    if hashlib.sha256(data).hexdigest() != address.sha256:
        raise OrderRefused(
            f"{address.location.uri_of(address.path)} is not the order that the run wrote; see who "
            "may write to bronze, then run it again"
        )
    written = io.BytesIO(data)
    lake = Lake(replace(address.location, folders=pickle.load(written)))
    return lake, _Unpickler(written, lake).load()


def delete_order(lake: Lake, address: JobAddress) -> None:
    """Delete an order; one that is gone already is no error."""
    lake.objects.delete([address.path])


def _without_credentials(options: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in options.items() if name.lower() not in CREDENTIALS}


class _Pickler(pickle.Pickler):
    def persistent_id(self, value: Any) -> str | None:
        return _LAKE if isinstance(value, Lake) else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, written: io.BytesIO, lake: Lake) -> None:
        super().__init__(written)
        self._lake = lake

    def persistent_load(self, name: str) -> Lake:
        if name != _LAKE:
            raise pickle.UnpicklingError(f"an order names {name!r}, which is not known")
        return self._lake
