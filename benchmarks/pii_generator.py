"""Posts with one identifier each, made from the standards' own structures, with where it stands.

What belongs here: values of each kind as people write them, and sentences to put them in. They are
made without a look at the rules: what the rules are worth is measured in ``pii_recall``. A seed
gives the same posts again; one seed is for developing, another for the figures that are shown.
"""

# ruff: noqa: RUF001  typographic signs are among what is written

from __future__ import annotations

import ipaddress
import random
import re
import string
import unicodedata
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import phonenumbers
from faker import Faker
from phonenumbers import PhoneNumberFormat, PhoneNumberType
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

DEVELOPMENT_SEED = 1
REPORTED_SEED = 2026


class Labelled(NamedTuple):
    """A text that holds one identifier in ``[start:end)``."""

    text: str
    start: int
    end: int
    type: str
    region: str | None


class Value(NamedTuple):
    """An identifier, and the words before it if it needs them; a phone's country."""

    text: str
    cue: str = ""
    region: str | None = None


CARRIERS = (
    "{}",
    "{} is all I have",
    "ok so {} please and thank you",
    "Anyone know this one? {} 🙏",
    "hey it's me again, {}. Still no answer!!",
    "Worst service ever. They asked for {} three times #fail #neveragain",
    "lol someone posted {} in the comments 😂",
    "Got the confirmation today ({}) and I am so happy",
    "RIP my inbox: {}, since 9:30 this morning",
    "For those asking: {}\nSee you all on 12 June",
    "I love this place ❤️ {} #summer2019",
    "Won 3-1 last night! {}; what a day",
    "URGENT lost dog!! {} reward of $200",
    'she wrote "{}" on the wall',
    "1) read this 2) {} 3) profit",
    "my mom still remembers {} from 1998 haha",
    "Wer kennt das? {} Danke!",
    "Dis my nuwe een: {} baie dankie",
    "c'est ici: {} merci à tous",
    "por favor, {} gracias",
)
PHONE_CUES = ("", "", "call ", "call me on ", "tel: ", "WhatsApp ", "my number is ", "Tel. ")
LOCALES = (
    "en_US", "en_GB", "en_AU", "en_CA", "en_IN", "en_NZ", "en_IE", "zu_ZA", "de_DE", "de_AT",
    "de_CH", "fr_FR", "fr_CH", "nl_NL", "nl_BE", "es_ES", "es_MX", "it_IT", "pt_PT", "pt_BR",
    "pl_PL", "sv_SE", "da_DK", "no_NO", "fi_FI",
)  # fmt: skip
ID_LOCALES = (
    "en_US", "en_GB", "en_CA", "en_IN", "en_IE", "de_CH", "fr_FR", "nl_NL", "nl_BE", "es_ES",
    "es_CL", "es_CO", "es_MX", "it_IT", "pt_BR", "pt_PT", "pl_PL", "sv_SE", "da_DK", "no_NO",
    "fi_FI", "et_EE", "bg_BG", "hr_HR", "ro_RO", "tr_TR", "ko_KR", "zh_CN", "zh_TW", "he_IL",
    "el_GR", "hu_HU", "cs_CZ", "sk_SK", "lt_LT", "lv_LV", "th_TH", "uk_UA", "en_PH", "zu_ZA",
)  # fmt: skip


@cache
def _faker(locale: str) -> Faker:
    return Faker(locale)


def _digits(rng: random.Random, n: int) -> str:
    return "".join(rng.choices(string.digits, k=n))


def _grouped(text: str, sizes: tuple[int, ...], by: str) -> str:
    groups, at = [], 0
    for size in sizes:
        groups.append(text[at : at + size])
        at += size
    return by.join(groups)


def email(rng: random.Random) -> Value:
    """Of free and company hosts; tagged, disguised or shouted."""
    fake = _faker(rng.choice(LOCALES))
    address = rng.choice((fake.email, fake.free_email, fake.company_email))()
    local, host = address.split("@")
    form = rng.random()
    if form < 0.15:
        local += "+" + rng.choice(("news", "shop", "2024"))
    if form > 0.94:
        name, _, top = host.rpartition(".")
        return Value(f"{local} [at] {name} [dot] {top}")
    if form > 0.88:
        return Value(f"{local}(at){host}")
    if form > 0.84:
        return Value(f"{local}%40{host}")
    return Value(f"{local}@{host}".upper() if form > 0.82 else f"{local}@{host}")


def url(rng: random.Random) -> Value:
    """Links, short links, bare hosts; a map."""
    fake = _faker(rng.choice(("en_US", "en_GB", "de_DE", "fr_FR", "nl_NL")))
    path = rng.choice(
        ("", "/", f"/{fake.slug()}", f"/{fake.uri_path()}?id={_digits(rng, 4)}&u=jane")
    )
    short = "".join(rng.choices(string.ascii_letters + string.digits, k=rng.choice((7, 10))))
    return Value(
        rng.choice(
            (
                f"https://{fake.domain_name()}{path}",
                f"http://www.{fake.domain_name()}{path}",
                f"www.{fake.domain_name()}{path}",
                f"https://t.co/{short}",
                f"bit.ly/{short}",
                f"{fake.user_name()}.{rng.choice(('com', 'co.uk', 'org', 'co.za'))}{path}",
                f"HTTPS://{fake.domain_name().upper()}",
                f"instagram.com/{fake.user_name()}",
                f"https://maps.google.com/?q={fake.latitude()},{fake.longitude()}",
            )
        )
    )


def handle(rng: random.Random) -> Value:
    """Of every platform's form."""
    fake = _faker(rng.choice(("en_US", "de_DE", "it_IT", "pt_BR", "nl_NL")))
    first, last = fake.user_name().replace("-", ""), fake.last_name().lower()
    last = re.sub("[^a-z]", "", last) or "roe"
    form = rng.randrange(8)
    if form == 0:
        return Value(f"@{last}.{first}")
    if form == 1:
        return Value(f"@{first}@{rng.choice(('mastodon.social', 'mas.to', 'example.town'))}")
    if form == 2:
        return Value(f"@{last}_{_digits(rng, 2)}", rng.choice(("RT ", "RT", "via ", ".", "cc ")))
    if form == 3:
        return Value(
            f"{last}_{_digits(rng, 2)}", rng.choice(("ig: ", "insta: ", "snapchat: ", "IG - "))
        )
    if form == 4:
        return Value(f"u/{last}_{first}"[:22], "thanks ")
    return Value(f"@{first}" if form < 7 else f"@{first.upper()}")


def user_name(rng: random.Random) -> Value:
    """Of a name and a number, without an @: as accounts are called where nobody else was first."""
    fake = _faker(rng.choice(LOCALES))
    first, last = (
        re.sub("[^a-z]", "", unicodedata.normalize("NFD", name.lower()))
        for name in (fake.first_name(), fake.last_name())
    )
    number = (
        str(rng.randrange(1950, 2010)) if rng.random() < 0.2 else _digits(rng, rng.randint(1, 3))
    )
    stem = rng.choice(
        (first[:1] + last, first[:1] + last, first + last, first + last, f"{first}.{last}",
         f"{first}_{last}", first + last[:1], first)
    )  # fmt: skip
    cue = rng.choice(("", "", "with ", "cc ", "📷 by ", "login: ", "username: ", "my user is "))
    return Value(stem + number, cue)


def ip(rng: random.Random) -> Value:
    """Version 4 and 6, short and long."""
    if rng.random() < 0.5:
        return Value(str(ipaddress.IPv4Address(rng.getrandbits(32))))
    bits = rng.getrandbits(128)
    if rng.random() < 0.5:
        bits &= ~(((1 << 48) - 1) << 64)
    address = ipaddress.IPv6Address(bits)
    return Value(rng.choice((str(address), address.exploded, str(address).upper())))


def mac(rng: random.Random) -> Value:
    """Six bytes."""
    by = rng.choice(":-")
    text = by.join(f"{rng.randrange(256):02x}" for _ in range(6))
    return Value(rng.choice((text, text.upper())))


@cache
def _iban_structures() -> dict[str, list[tuple[int, str]]]:
    lines = files("stdnum").joinpath("iban.dat").read_text(encoding="utf-8").splitlines()
    return {
        line[:2]: [
            (int(n), of) for n, of in re.findall(r"(\d+)!([nac])", line.partition("bban=")[2])
        ]
        for line in lines
        if "bban=" in line
    }


def iban(rng: random.Random) -> Value:
    """By the structures of ISO 13616; one in ten with a wrong checksum."""
    country, structure = rng.choice(sorted(_iban_structures().items()))
    letters = {"n": string.digits, "a": string.ascii_uppercase, "c": string.digits}
    bban = "".join("".join(rng.choices(letters[of], k=n)) for n, of in structure)
    check = mod_97_10.calc_check_digits(bban + country)
    form = rng.random()
    if form < 0.1:
        check = _digits(rng, 2)
    number = country + check + bban
    if form < 0.5:
        return Value(number)
    if form < 0.6:
        return Value(number.lower())
    return Value((" " if form < 0.9 else "-").join(re.findall(".{1,4}", number)))


CARDS: tuple[tuple[tuple[str, ...], tuple[int, ...]], ...] = (
    (("4",), (4, 4, 4, 4)),
    (("51", "52", "53", "54", "55", "2221", "2720"), (4, 4, 4, 4)),
    (("34", "37"), (4, 6, 5)),
    (("6011", "65", "644"), (4, 4, 4, 4)),
    (("36", "38", "300"), (4, 6, 4)),
    (("3528", "3589"), (4, 4, 4, 4)),
    (("62",), (4, 4, 4, 4, 3)),
    (("5018", "6304"), (4, 4, 4, 4)),
)


def card(rng: random.Random) -> Value:
    """By the networks of ISO 7812, in their groupings."""
    prefixes, sizes = rng.choice(CARDS)
    prefix = rng.choice(prefixes)
    number = prefix + _digits(rng, sum(sizes) - len(prefix) - 1)
    number += luhn.calc_check_digit(number)
    return Value(rng.choice((number, _grouped(number, sizes, " "), _grouped(number, sizes, "-"))))


def south_african_id(rng: random.Random) -> Value:
    """YYMMDD SSSS C A Z."""
    birth = _faker("en_US").date_of_birth(maximum_age=90).strftime("%y%m%d")
    number = f"{birth}{_digits(rng, 4)}{rng.choice('01')}8"
    number += luhn.calc_check_digit(number)
    return Value(
        rng.choice((number, _grouped(number, (6, 4, 2, 1), " "), _grouped(number, (6, 4, 3), " ")))
    )


def us_social_security(rng: random.Random) -> Value:
    """AAA GG SSSS."""
    area = rng.choice([*range(1, 666), *range(667, 900)])
    number = f"{area:03}{rng.randrange(1, 100):02}{rng.randrange(1, 10_000):04}"
    return Value(_grouped(number, (3, 2, 4), rng.choice(("-", "-", " ", "."))))


def national_id(rng: random.Random) -> Value:
    """Of forty countries."""
    number = _faker(rng.choice(ID_LOCALES)).ssn()
    return Value(number, rng.choice(("", "ID: ", "id number ")))


def _phone(rng: random.Random) -> tuple[str, phonenumbers.PhoneNumber]:
    while True:
        region = rng.choice(sorted(phonenumbers.SUPPORTED_REGIONS))
        of_type = rng.choice((PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE))
        example = phonenumbers.example_number_for_type(region, of_type)
        if example is None:
            continue
        digits = phonenumbers.national_significant_number(example)
        varied = digits[:-4] + _digits(rng, 4)
        for candidate in (varied, digits):
            number = phonenumbers.PhoneNumber(
                example.country_code, int(candidate), italian_leading_zero=candidate.startswith("0")
            )
            if phonenumbers.is_valid_number_for_region(number, region):
                return region, number


def phone_international(rng: random.Random) -> Value:
    """As E.164 and as people change it."""
    region, number = _phone(rng)
    text = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    code = f"+{number.country_code} "
    form = rng.random()
    if form < 0.25:
        text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    elif form < 0.35:
        text = text.replace(" ", "-")
    elif form < 0.45:
        text = text.replace(" ", ".")
    elif form < 0.55:
        text = text.replace(code, code + "(0)")
    elif form < 0.65:
        text = text.replace("+", "00")
    return Value(text, rng.choice(PHONE_CUES), region)


def phone_national(rng: random.Random) -> Value:
    """As its country writes it, with the points and dashes of everyday."""
    region, number = _phone(rng)
    text = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    form = rng.random()
    if form < 0.2:
        text = re.sub("[^0-9]", "", text)
    elif form < 0.35:
        text = text.replace(" ", "-")
    elif form < 0.5:
        text = text.replace(" ", ".").replace("-", ".")
    elif form < 0.6:
        text = text.replace("-", " ")
    return Value(text, rng.choice(PHONE_CUES), region)


def address(rng: random.Random) -> Value:
    """Whole, with town and postcode."""
    text = _faker(rng.choice(LOCALES)).address()
    return Value(text.replace("\n", rng.choice((", ", ", ", "\n"))))


def street(rng: random.Random) -> Value:
    """Without a town."""
    fake = _faker(rng.choice(LOCALES))
    return Value(
        fake.street_address().replace("\n", ", "),
        rng.choice(("", "I live at ", "party at ", "come to ", "address: ", "@ ")),
    )


BIRTHS = (
    "born ", "born on ", "DOB: ", "DOB ", "dob ", "date of birth: ", "D.O.B. ", "birthday: ",
    "my birthday is ", "(b. ", "geboren am ", "geb. ", "Geburtsdatum: ", "gebore op ",
    "geboortedatum: ", "né le ", "née le ", "date de naissance : ", "nacido el ",
    "fecha de nacimiento: ", "nata il ", "data de nascimento: ", "was born in Cape Town on ",
    "Date of birth (dd/mm/yyyy): ",
)  # fmt: skip


def birth_date(rng: random.Random) -> Value:
    """After the words of several languages."""
    born = _faker("en_US").date_of_birth(maximum_age=95)
    cue = rng.choice(BIRTHS)
    numeric = ("%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%d.%m.%Y", "%Y-%m-%d", "%d/%m/%y", "%Y/%m/%d")
    worded = ("%d %B %Y", "%B %d, %Y", "%b %d %Y", "%d %b %Y")
    is_abbreviation = cue == "(b. "
    forms = tuple(f for f in numeric if not (is_abbreviation and f.endswith("%y")))
    text = born.strftime(
        rng.choice(
            forms if re.search("[éa]m|née? |geb|nac|nat|nasc|nais|Geb", cue) else forms + worded
        )
    )
    return Value(text, cue)


def coordinates(rng: random.Random) -> Value:
    """Decimal, sexagesimal, coded."""
    lat, lon = rng.uniform(-85, 85), rng.uniform(-179, 179)
    north, east = "NS"[lat < 0], "EW"[lon < 0]

    def parts(value: float) -> tuple[int, int, float]:
        value = abs(value)
        return int(value), int(value * 60 % 60), value * 3600 % 60

    (d1, m1, s1), (d2, m2, s2) = parts(lat), parts(lon)
    plus = "23456789CFGHJMPQRVWX"
    code = "".join(rng.choices(plus, k=8)) + "+" + "".join(rng.choices(plus, k=2))
    return Value(
        rng.choice(
            (
                f"{lat:.5f}, {lon:.5f}",
                f"{lat:.6f},{lon:.6f}",
                f"({lat:.4f}, {lon:.4f})",
                f"{abs(lat):.4f}° {north}, {abs(lon):.4f}° {east}",
                f"{abs(lat):.4f}°{north} {abs(lon):.4f}°{east}",
                f"{d1}°{m1:02}'{s1:04.1f}\"{north} {d2}°{m2:02}'{s2:04.1f}\"{east}",
                f"{d1}° {m1}′ {s1:.0f}″ {north}, {d2}° {m2}′ {s2:.0f}″ {east}",
                f"{north}{d1}° {m1}.{_digits(rng, 3)}' {east}{d2}° {m2}.{_digits(rng, 3)}'",
                f"geo:{lat:.5f},{lon:.5f}",
                code,
                f"lat: {lat:.4f}, lon: {lon:.4f}",
            )
        )
    )


ACCOUNTS: tuple[tuple[str, str], ...] = (
    ("account number ", "########"),
    ("acct no. ", "#####"),
    ("account: ", "######"),
    ("sort code ", "##-##-##"),
    ("routing number: ", "#########"),
    ("BIC ", "????DE##XXX"),
    ("SWIFT: ", "????GB2L"),
    ("passport ", "?########"),
    ("passport number: ", "??######"),
    ("Passport no ", "#########"),
    ("driver's license ", "?###-####-####"),
    ("driving licence number ", "?????######??#??"),
    ("licence no: ", "######"),
    ("MRN: ", "MRN-#######"),
    ("MRN ", "######"),
    ("policy number ", "POL-#######"),
    ("policy no. ", "??######"),
    ("Insurance ID: ", "INS-#########"),
    ("member ID ", "?########"),
    ("Member ID: ", "####-####"),
    ("employee ID ", "EMP-#####"),
    ("order number ", "###-#######"),
    ("booking reference ", "?#?##?"),
    ("customer no ", "#######"),
    ("student number: ", "s#######"),
    ("case no. ", "##/#####"),
    ("number plate ", "??## ???"),
    ("licence plate ", "??? ####"),
    ("VIN ", "1HG?##41???1#####"),
    ("rekening nommer ", "##########"),
    ("Kontonummer ", "########"),
    ("", "MRN-#######"),
    ("", "EMP-######"),
    ("", "?#########"),
)


def account(rng: random.Random) -> Value:
    """After the words of banks, states and firms."""
    cue, shape = rng.choice(ACCOUNTS)
    text = "".join(
        rng.choice(string.digits)
        if c == "#"
        else rng.choice(string.ascii_uppercase)
        if c == "?"
        else c
        for c in shape
    )
    return Value(text, cue)


def wallet(rng: random.Random) -> Value:
    """Of two crypto-currencies."""
    base58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
    return Value(
        rng.choice(
            (
                rng.choice("13") + "".join(rng.choices(base58, k=33)),
                "bc1q" + "".join(rng.choices("023456789acdefghjklmnpqrstuvwxyz", k=38)),
                "0x" + "".join(rng.choices("0123456789abcdefABCDEF", k=40)),
            )
        )
    )


def long_number(rng: random.Random) -> Value:
    """Seven digits or more."""
    return Value(_digits(rng, rng.randint(7, 20)), rng.choice(("", "ticket ", "#", "no ")))


MAKERS: dict[str, Callable[[random.Random], Value]] = {
    "email": email,
    "url": url,
    "handle": handle,
    "user_name": user_name,
    "ip": ip,
    "mac": mac,
    "iban": iban,
    "card": card,
    "south_african_id": south_african_id,
    "us_social_security": us_social_security,
    "national_id": national_id,
    "phone_international": phone_international,
    "phone_national": phone_national,
    "birth_date": birth_date,
    "coordinates": coordinates,
    "account": account,
    "wallet": wallet,
    "long_number": long_number,
    "street": street,
    "address": address,
}


def generate(kind: str, count: int, seed: int) -> Iterator[Labelled]:
    """``count`` posts with an identifier of one of :data:`MAKERS`."""
    rng = random.Random(f"{seed} {kind}")
    Faker.seed(f"{seed} {kind}")
    for _ in range(count):
        value = MAKERS[kind](rng)
        carrier = rng.choice(CARRIERS)
        before, _, after = carrier.partition("{}")
        start = len(before) + len(value.cue)
        yield Labelled(
            before + value.cue + value.text + after,
            start,
            start + len(value.text),
            kind,
            value.region,
        )
