"""Personal data for the posts that leak it: right in shape and checksum, nobody's in fact.

Numbers come from ranges set aside for fiction, tests or documentation: example.* domains
(RFC 2606), 192.0.2.0/24 and siblings (RFC 5737), 2001:db8::/32 (RFC 3849), Ofcom's and the NANP's
drama numbers, card networks' test cards, social security numbers of the advertising block.
"""

from __future__ import annotations

import random
from collections.abc import Callable

_FIRST = ("Lerato", "Grace", "Jürgen", "Ana", "Sipho", "Priya", "Tom", "Amina", "Mei", "Hendrik")
_LAST = ("Mokoena", "Miller", "Schmidt", "Souza", "Dlamini", "Sharma", "O'Neill", "Bello", "Botha")
_STREETS = ("Example Street", "Evergreen Terrace", "Sample Road", "Long Street", "Station Ave")
_TOWNS = ("Springfield, IL 62704", "Cape Town 8001", "London SW1A 1AA", "10115 Berlin", "Durban")
_CARDS = ("4111 1111 1111 1111", "5555-5555-5555-4444", "378282246310005", "6011 1111 1111 1117")
_IBAN_BODIES = (("DE", "00000000{:010d}"), ("GB", "TEST000000{:08d}"), ("FR", "0000000000{:013d}"))


def luhn_digit(digits: str) -> str:
    """The check digit that makes ``digits`` pass the Luhn test (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def iban(rng: random.Random) -> str:
    """An IBAN of a bank that does not exist, with right check digits (ISO 13616)."""
    country, body = rng.choice(_IBAN_BODIES)
    account = body.format(rng.randrange(10**8))
    digits = "".join(str(int(c, 36)) for c in account + country + "00")
    text = f"{country}{98 - int(digits) % 97:02d}{account}"
    return " ".join(text[i : i + 4] for i in range(0, len(text), 4)) if rng.random() < 0.6 else text


def south_african_id(rng: random.Random) -> str:
    """13 digits: birth date, serial 0000 (never issued), citizenship, 8, Luhn digit."""
    birth = f"{rng.randrange(60, 100)}{rng.randrange(1, 13):02d}{rng.randrange(1, 29):02d}"
    return (digits := birth + "000008") + luhn_digit(digits)


def _name(rng: random.Random) -> str:
    return f"{rng.choice(_FIRST)} {rng.choice(_LAST)}"


def _email(rng: random.Random) -> str:
    host = rng.choice(("example.com", "example.org", "mail.example.net", "example.co.za"))
    user = rng.choice(_FIRST).lower().replace("ü", "ue")
    return f"{user}{rng.choice(('.', '_', '+cloud', ''))}{rng.randrange(100)}@{host}"


def _phone(rng: random.Random) -> str:
    two, three = f"{rng.randrange(100):02d}", f"{rng.randrange(1000):03d}"
    return rng.choice(
        (
            f"+1 202 555 01{two}",
            f"(212) 555-01{two}",
            f"+44 20 7946 0{three}",
            f"07700 900{three}",
            f"+27 82 555 01{two}",
            f"082 555 01{two}",
            f"+49 30 23125 {three}",
            f"01 99 00 {two} 17",
        )
    )


def _ip(rng: random.Random) -> str:
    last = rng.randrange(1, 255)
    return rng.choice(
        (f"192.0.2.{last}", f"198.51.100.{last}", f"203.0.113.{last}", f"2001:db8::{last:x}")
    )


def _address(rng: random.Random) -> str:
    return f"{rng.randrange(1, 990)} {rng.choice(_STREETS)}, {rng.choice(_TOWNS)}"


_SENTENCES: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("You can reach me at {}.", _email),
    ("Please mail {} when the ticket moves.", _email),
    ("Call me on {} before five, please.", _phone),
    ("My number is {}, nobody has called back.", _phone),
    ("They charged my card {} twice.", lambda rng: rng.choice(_CARDS)),
    ("Refund it to {} as agreed.", iban),
    ("Your form shows my SSN {} in plain text!", lambda rng: f"987-65-432{rng.randrange(10)}"),
    ("Why does sign-up want my ID number {}?", south_african_id),
    ("Requests from {} get blocked.", _ip),
    ("The router was sent to {} instead.", _address),
    ("My colleague {} has the same problem.", _name),
    ("Spoke to {} on the phone, very kind.", _name),
    ("Order no. {} still says pending.", lambda rng: str(rng.randrange(10**9, 10**11))),
    ("Screens at https://t.co/{}", lambda rng: f"p{rng.randrange(16**9):09x}"),
)


def sentence(rng: random.Random) -> str:
    """A sentence that leaks one piece of personal data."""
    frame, value = rng.choice(_SENTENCES)
    return frame.format(value(rng))
