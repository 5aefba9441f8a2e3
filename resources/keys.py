"""The keyring: which secrets a platform's pseudonyms have, and from which date on.

What belongs here: what the keyring says, and the changes that it may see: made on first use, a new
platform, a rotation, wrapping by KMS. Every change keeps what was there and is made from a state
that was seen, whole or not at all. Where the bytes lie is ``key_store``, what KMS says ``kms``,
what secrets are used for ``sentiment_assets.core.pii.pseudonyms``.

Whoever holds the secrets can undo the lake's pseudonyms; whoever loses them can no longer join new
posts with old ones. Why so: docs/decisions/0016-keys-by-epoch.md.
"""

from __future__ import annotations

import datetime as dt
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec

from resources.key_store import KeyringError, KeyStore
from resources.kms import SETTING, Context, KmsKey
from sentiment_assets.core.pii.pseudonyms import PseudonymKeys, Rotation, secret_fingerprint

_VERSION = 2


class KeyringChanged(KeyringError):
    """Somebody else changed the keyring since it was read; nothing was done."""


class KeptEpoch(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One epoch as it is kept: its secret in the clear, or wrapped beside its fingerprint."""

    number: int = msgspec.field(name="epoch")
    #: First date (UTC) of the posts that it covers; the first epoch covers all before, too.
    first_date: dt.date | None = msgspec.field(default=None, name="from")
    secret: str | None = None
    wrapped: str | None = None
    fingerprint: str | None = None

    def __repr__(self) -> str:
        return f"KeptEpoch({self.number}, {self.first_date})"


class _Version(msgspec.Struct):
    version: int


class _FirstFormat(msgspec.Struct):
    """One secret a platform, as it was before rotations."""

    version: Literal[1]
    secrets: dict[str, str]


class _Format(msgspec.Struct, forbid_unknown_fields=True):
    version: Literal[2]
    platforms: dict[str, list[KeptEpoch]]


@dataclass(frozen=True)
class Keyring:
    """A keyring as it was read: each platform's epochs in order, all wrapped or none."""

    epochs: Mapping[str, tuple[KeptEpoch, ...]]
    wrapped: bool
    #: What the store calls this state.
    version: str

    def fingerprint(self, platform: str, epoch: KeptEpoch) -> str:
        """Twelve hex digits that tell secrets apart, in the clear or wrapped."""
        if epoch.secret is not None:
            return secret_fingerprint(platform, epoch.secret)
        return epoch.fingerprint or ""

    def fingerprints(self) -> dict[tuple[str, int], tuple[dt.date | None, str]]:
        """``(platform, epoch) -> (first date, fingerprint)`` of all: what must never be lost."""
        return {
            (platform, epoch.number): (epoch.first_date, self.fingerprint(platform, epoch))
            for platform, epochs in self.epochs.items()
            for epoch in epochs
        }


@dataclass(frozen=True)
class Custody:
    """Where a keyring is kept, and the KMS key that wraps its secrets, if one does."""

    store: KeyStore
    kms: KmsKey | None = None


def read_keyring(custody: Custody) -> Keyring | None:
    """The keyring; null where none was made yet.

    Raises:
        KeyringError: it can't be read, others may read it, or it is damaged.
    """
    stored = custody.store.read()
    if stored is None:
        return None
    place = custody.store.place
    # Causes are cut off: a decoder's message may quote the file.
    try:
        version = msgspec.json.decode(stored.data, type=_Version).version
        if version > _VERSION:
            raise KeyringError(
                f"{place} was written by a newer version of this program (format {version}): "
                "run that version"
            )
        if version == 1:
            old = msgspec.json.decode(stored.data, type=_FirstFormat)
            kept = {p: [KeptEpoch(1, secret=secret)] for p, secret in old.secrets.items()}
        else:
            kept = msgspec.json.decode(stored.data, type=_Format).platforms
        epochs = {platform: tuple(of_platform) for platform, of_platform in kept.items()}
        return Keyring(epochs, _checked(epochs), stored.version)
    except UnicodeDecodeError:
        why = "it is not UTF-8"
    except (msgspec.DecodeError, ValueError) as error:
        why = str(error)
    raise KeyringError(
        f"{place} is damaged: {why}. Restore it from a backup; a new one would give every author "
        "and post a new pseudonym"
    )


def _checked(epochs: Mapping[str, Sequence[KeptEpoch]]) -> bool:
    """Whether all secrets are wrapped; raises ValueError where a keyring contradicts itself."""
    kinds = set()
    for platform, kept in epochs.items():
        if [epoch.number for epoch in kept] != [*range(1, len(kept) + 1)] or not kept:
            raise ValueError(f"the epochs of {platform} are not numbered from 1")
        for epoch in kept:
            if (epoch.first_date is None) != (epoch.number == 1):
                raise ValueError(f"epoch {epoch.number} of {platform} has a wrong first date")
            in_clear = epoch.secret is not None
            if in_clear == (epoch.wrapped is not None and epoch.fingerprint is not None):
                raise ValueError(f"epoch {epoch.number} of {platform} has no secret, or two")
            kinds.add(in_clear)
    if len(kinds) > 1:
        raise ValueError("some secrets are wrapped and some are not")
    wrapped = kinds == {False}
    # The order of dates is checked in either case, the form of secrets where it can be seen.
    _pseudonym_keys({p: [(e, "0" * 64 if wrapped else e.secret or "") for e in kept]
                     for p, kept in epochs.items()})  # fmt: skip
    return wrapped


def _pseudonym_keys(epochs: Mapping[str, Sequence[tuple[KeptEpoch, str]]]) -> PseudonymKeys:
    return PseudonymKeys(
        tuple((platform, kept[0][1]) for platform, kept in sorted(epochs.items())),
        tuple(
            Rotation(platform, epoch.first_date, secret)
            for platform, kept in sorted(epochs.items())
            for epoch, secret in kept[1:]
            if epoch.first_date is not None
        ),
    )


def unlock(custody: Custody, keyring: Keyring, platforms: Iterable[str]) -> PseudonymKeys:
    """The secrets of platforms that the keyring has, unwrapped.

    Raises:
        KeyringError: they are wrapped and no KMS key is set, or the other way round; or KMS would
            not unwrap them.
    """
    _require_same_custody(custody, keyring)
    wanted = [(p, epoch) for p in sorted(set(platforms)) for epoch in keyring.epochs[p]]
    if custody.kms is None:
        found = [epoch.secret or "" for _, epoch in wanted]
    else:
        found = custody.kms.unwrap_all(
            [(epoch.wrapped or "", _context(p, epoch.number)) for p, epoch in wanted]
        )
    unlocked: dict[str, list[tuple[KeptEpoch, str]]] = {}
    for (platform, epoch), secret in zip(wanted, found, strict=True):
        if secret_fingerprint(platform, secret) != keyring.fingerprint(platform, epoch):
            raise KeyringError(
                f"{custody.store.place} is damaged: the fingerprint of {platform}, epoch "
                f"{epoch.number}, is another secret's. Restore it from a backup"
            )
        unlocked.setdefault(platform, []).append((epoch, secret))
    return _pseudonym_keys(unlocked)


def add_platforms(custody: Custody, keyring: Keyring | None, platforms: Sequence[str]) -> Keyring:
    """Make the first secrets of platforms that have none; makes the keyring where none is.

    Those who start together agree: one writes, the others read what it wrote.

    Raises:
        KeyringError: the keyring can't be changed.
    """
    for _ in range(10):
        missing = [p for p in platforms if keyring is None or p not in keyring.epochs]
        if keyring is not None:
            if not missing:
                return keyring
            _require_same_custody(custody, keyring)
        epochs = dict(keyring.epochs) if keyring else {}
        epochs |= {p: (_new_epoch(custody, p, 1, None),) for p in missing}
        _write(custody, epochs, keyring.version if keyring else None)
        keyring = read_keyring(custody)
    raise KeyringChanged(f"{custody.store.place} changes all the time: try again")


def rotate(
    custody: Custody, keyring: Keyring, platforms: Sequence[str], first_date: dt.date
) -> dict[str, KeptEpoch]:
    """Begin a new epoch of platforms, with a new secret for posts from ``first_date`` on.

    All platforms or none. ``keyring`` is what the decision was made on.

    Raises:
        KeyringChanged: it is not what is kept any more.
        KeyringError: a platform has no key yet, or an epoch that begins then or later.
    """
    require_rotatable(custody, keyring, platforms, first_date)
    begun = {
        platform: _new_epoch(custody, platform, len(keyring.epochs[platform]) + 1, first_date)
        for platform in platforms
    }
    epochs = {p: (*kept, begun[p]) if p in begun else kept for p, kept in keyring.epochs.items()}
    if not _write(custody, epochs, keyring.version):
        raise KeyringChanged(
            f"{custody.store.place} was changed by somebody else just now: nothing was done. "
            "Look at `sentiment keys list`, then try again if it is still wanted"
        )
    return begun


def require_rotatable(
    custody: Custody, keyring: Keyring, platforms: Sequence[str], first_date: dt.date
) -> None:
    """Check what :func:`rotate` needs, before anybody is asked.

    Raises:
        KeyringError: as there.
    """
    _require_same_custody(custody, keyring)
    for platform in platforms:
        if platform not in keyring.epochs:
            raise KeyringError(
                f"{platform} has no key in {custody.store.place} yet: its first run makes one; "
                "there is nothing to rotate"
            )
        last = keyring.epochs[platform][-1]
        if last.first_date is not None and last.first_date >= first_date:
            raise KeyringError(
                f"{platform} has an epoch {last.number} from {last.first_date}: a new one must "
                "begin later. Nothing was changed; name a later date, or leave that platform out"
            )


def wrap(source: KeyStore, custody: Custody) -> bool:
    """Move a keyring whose secrets lie in the clear to ``custody``, wrapped by its KMS key.

    Every secret is wrapped, unwrapped again and compared before anything is written. A keyring in
    another place than ``custody`` is left as it is, and one in ``custody`` is never overwritten
    by another.

    Returns:
        False where the same secrets lay there wrapped already.

    Raises:
        KeyringError: there is nothing to wrap, or something would be lost.
    """
    kms, place = custody.kms, custody.store.place
    if kms is None:
        raise KeyringError(f"{SETTING}: not set, so there is nothing to wrap with. Set it first")
    in_clear = read_keyring(Custody(source))
    there = read_keyring(custody)
    if in_clear is None:
        raise KeyringError(f"there is no keyring at {source.place}: name the one to wrap")
    if there is not None and there.wrapped:
        if there.fingerprints() == in_clear.fingerprints():
            unlock(custody, there, there.epochs)
            return False
        raise KeyringError(
            f"{place} holds wrapped secrets already, which are not those of {source.place}: "
            "nothing was changed. Move away the one that is not the lake's"
        )
    if in_clear.wrapped or (there is not None and there.version != in_clear.version):
        raise KeyringError(
            f"the secrets of {source.place} are wrapped already, or {place} holds others in the "
            "clear: nothing was changed. Move away the one that is not the lake's"
        )
    wrapped = {
        platform: tuple(
            KeptEpoch(
                epoch.number,
                epoch.first_date,
                wrapped=kms.wrap(epoch.secret or "", _context(platform, epoch.number)),
                fingerprint=in_clear.fingerprint(platform, epoch),
            )
            for epoch in kept
        )
        for platform, kept in in_clear.epochs.items()
    }
    unlock(custody, Keyring(wrapped, True, ""), wrapped)
    if not _write(custody, wrapped, there.version if there else None):
        raise KeyringChanged(f"{place} was changed by somebody else: nothing was done. Try again")
    return True


def _require_same_custody(custody: Custody, keyring: Keyring) -> None:
    place = custody.store.place
    if keyring.wrapped and custody.kms is None:
        raise KeyringError(
            f"the secrets in {place} are wrapped by KMS: set {SETTING} to the key that wrapped them"
        )
    if keyring.epochs and not keyring.wrapped and custody.kms is not None:
        raise KeyringError(
            f"{SETTING} is set, but the secrets in {place} are not wrapped: run "
            "`sentiment keys wrap`, or leave the setting out"
        )


def _new_epoch(
    custody: Custody, platform: str, number: int, first_date: dt.date | None
) -> KeptEpoch:
    if custody.kms is None:
        return KeptEpoch(number, first_date, secret=secrets.token_hex(32))
    secret, wrapped = custody.kms.new_secret(_context(platform, number))
    fingerprint = secret_fingerprint(platform, secret)
    return KeptEpoch(number, first_date, wrapped=wrapped, fingerprint=fingerprint)


def _context(platform: str, number: int) -> Context:
    return {"platform": platform, "epoch": str(number), "purpose": "sentiment-pseudonyms"}


def _write(
    custody: Custody, epochs: Mapping[str, tuple[KeptEpoch, ...]], version: str | None
) -> bool:
    kept = {platform: list(epochs[platform]) for platform in sorted(epochs)}
    data = msgspec.json.format(msgspec.json.encode(_Format(2, kept)), indent=1) + b"\n"
    if version is None:
        return custody.store.create(data)
    return custody.store.replace(data, version)
