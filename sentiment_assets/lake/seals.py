"""Seals as objects of the lake, each beside the bronze of its partition.

What belongs here: writing, reading and finding them. What a seal means is ``core.seals``. Whatever
removes bronze leaves the seal, which then is all that is known of it.
"""

from __future__ import annotations

import msgspec

from sentiment_assets.core import layout
from sentiment_assets.core.layout import PostPartition
from sentiment_assets.core.seals import Seal
from sentiment_assets.lake.objects import Lake, LakeError

#: Of a seal's bytes.
decode_seal = msgspec.json.Decoder(Seal).decode


def write_seal(lake: Lake, seal: Seal) -> None:
    """Write a partition's seal, whole or not at all."""
    lake.objects.put(layout.seal_object(seal.partition), msgspec.json.encode(seal))


def remove_seal(lake: Lake, partition: PostPartition) -> None:
    """Remove a partition's seal; one that is gone already is no error."""
    lake.objects.delete([layout.seal_object(partition)])


def read_seals(lake: Lake) -> list[Seal]:
    """Every seal of the lake, by date and platform.

    Raises:
        LakeError: one can't be read.
    """
    seals = []
    for stored in lake.objects.list(f"{layout.BATCH_POSTS}/"):
        if stored.path.endswith(f"/{layout.SEAL}"):
            try:
                seals.append(decode_seal(lake.objects.get(stored.path)))
            except (msgspec.DecodeError, UnicodeDecodeError):
                raise LakeError(
                    f"{stored.path} is no seal that can be read: restore it from a backup. Until "
                    "then nothing of its date is rebuilt"
                ) from None
    return sorted(seals, key=lambda seal: seal.partition)
