"""Addresses and identifiers of devices: MAC addresses and UUIDs, which advertising ids are too."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_MAC = "(?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}|(?:[0-9A-Fa-f]{2}-){5}[0-9A-Fa-f]{2}"
_MAC_IN_THREE = r"[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}\.[0-9A-Fa-f]{4}"
_UUID = "[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}"
_HINT = f"{_MAC}|{_MAC_IN_THREE}|{_UUID}"
_DEVICE = re.compile(rf"(?<![A-Za-z0-9:.-])(?:{_HINT})(?![A-Za-z0-9]|[:-][A-Za-z0-9])")


def _find(text: str) -> Iterator[Span]:
    for match in _DEVICE.finditer(text):
        if not re.search("[0-9]", match.group()):
            continue
        # "12.34.56": dates and times in pairs have no letter and are no hexadecimal.
        if "." not in match.group() or re.search("[A-Fa-f]", match.group()):
            yield Span(match.start(), match.end(), DEVICE.kind)


DEVICE = Rule("device", _HINT, _find)
