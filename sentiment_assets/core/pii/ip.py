"""Internet addresses, version 4 and 6."""

import ipaddress
import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|0?[0-9]?[0-9])"
_V4 = rf"(?<![0-9.]){_OCTET}(?:\.{_OCTET}){{3}}(?![0-9]|\.[0-9])"
_V6 = (
    r"(?<![A-Za-z0-9:])(?:[0-9A-Fa-f:]{2,30}:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f:]{2,39})"
    r"(?![A-Za-z0-9:])"
)
_ADDRESS = re.compile(rf"{_V4}|{_V6}")
_VERSION_BEFORE = re.compile(r"(?:\bv|\bver|\bversion|\brelease|\bbuild)[.: ]{0,2}$", re.IGNORECASE)


def _is_v6(text: str) -> bool:
    # "::D" and "10:30:15" are no addresses: a short form must show a digit and four hex digits.
    if text.count(":") < 2 or not any(c.isdigit() for c in text):
        return False
    if sum(c not in ":." for c in text) < 4:
        return False
    try:
        return bool(ipaddress.IPv6Address(text))
    except ValueError:
        return False


def _find(text: str) -> Iterator[Span]:
    for match in _ADDRESS.finditer(text):
        start, end = match.span()
        address = match.group()
        if ":" in address:
            address = address.rstrip(":") if not address.endswith("::") else address
            end = start + len(address)
            if not _is_v6(address):
                continue
        elif "." not in address or _VERSION_BEFORE.search(text[max(0, start - 12) : start]):
            continue
        yield Span(start, end, IP.kind)


IP = Rule(
    "ip",
    r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]{0,4}:[0-9A-Fa-f]"
    r"|[0-9A-Fa-f]::(?:[^0-9A-Za-z]|$)",
    _find,
)
