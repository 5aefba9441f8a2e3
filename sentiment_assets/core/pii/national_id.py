"""Numbers that a state gives a person, of the countries whose shape stands out.

Numbers without a shape of their own are told by python-stdnum's checksums; when those say no, the
digits are still masked as a phone or a long number.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterator

from stdnum import luhn, verhoeff
from stdnum.br import cpf
from stdnum.pl import pesel
from stdnum.za import idnr

from sentiment_assets.core.pii.digits import HINT
from sentiment_assets.core.pii.rule import Rule, Span


def _is_south_african(digits: str) -> bool:
    """Birth date and citizenship digit in place: the shape, even when the check digit is wrong."""
    try:
        dt.datetime.strptime("20" + digits[:6], "%Y%m%d")
    except ValueError:
        return False
    return digits[10] in "012" or bool(idnr.is_valid(digits))


_SEP = "[ .-]{1,2}"
_SHAPES: tuple[tuple[str, Callable[[str], bool] | None], ...] = (
    # United States: social security and taxpayer numbers.
    (r"[0-9]{3}(?P<ssn>[ .]|-{1,2}| - )[0-9]{2}(?P=ssn)[0-9]{4}", None),
    # South Africa: YYMMDD SSSS C A Z.
    (r"[0-9]{6} ?[0-9]{4} ?[0-9]{2} ?[0-9]|[0-9]{6} [0-9]{4} [0-9]{3}", _is_south_african),
    # India: Aadhaar (checked) and PAN.
    (rf"[2-9][0-9]{{3}}{_SEP}?[0-9]{{4}}{_SEP}?[0-9]{{4}}", verhoeff.is_valid),
    (r"[A-Z]{5}[0-9]{4}[A-Z]", None),
    # United Kingdom: national insurance.
    # Temporary ones, of any letters, too.
    (r"[A-Z]{2}(?: ?[0-9]{2}){3} ?[A-Z]", None),
    # Italy: codice fiscale. Mexico: CURP. Singapore: NRIC. Spain: DNI and NIE.
    (r"[A-Z]{6}[0-9]{2}[A-EHLMPRST][0-9]{2}[A-Z][0-9]{3}[A-Z]", None),
    (r"[A-Z]{4}[0-9]{6}[HM][A-Z]{5}[A-Z0-9][0-9]", None),
    (r"[STFGM][0-9]{7}[A-Z]|[XYZ]-?[0-9]{7}-?[A-Z]|[0-9]{8}-?[A-HJ-NP-TV-Z]", None),
    # Spain's DNI with points. Finland. Korea. Thailand. Malaysia. Chile. Switzerland. Belgium.
    (r"[0-9]{2}\.[0-9]{3}\.[0-9]{3}-?[A-HJ-NP-TV-Z]", None),
    (r"[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]", None),
    (r"[0-9]{6}-[1-8][0-9]{6}", None),
    (r"[1-8]-[0-9]{4}-[0-9]{5}-[0-9]{2}-[0-9]", None),
    (r"[0-9]{2}[01][0-9][0-3][0-9]-[0-9]{2}-[0-9]{4}", None),
    (r"[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}-[0-9Kk]", None),
    (r"756\.[0-9]{4}\.[0-9]{4}\.[0-9]{2}", None),
    (r"[0-9]{2}\.[01][0-9]\.[0-3][0-9]-[0-9]{3}\.[0-9]{2}", None),
    # Ireland: PPS. Hong Kong. Taiwan. Romania: CNP. France: NIR. China.
    (r"[0-9]{7}[A-W][ABHWTX]?", None),
    (r"[A-Z]{1,2}[0-9]{6}\([0-9A]\)", None),
    (r"[A-Z][12][0-9]{8}", None),
    (
        r"[12378] ?[0-9]{2} ?(?:0[1-9]|1[0-2]|[2-9][0-9]) ?(?:[0-9]{2}|"
        r"2[AB]) ?[0-9]{3} ?[0-9]{3} ?[0-9]{2}",
        None,
    ),
    (r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}[01][0-9][0-3][0-9][0-9]{3}[0-9Xx]", None),
    # Denmark, Iceland: a date and four digits. Czechia, Slovakia. Latvia.
    (r"[0-3][0-9][01][0-9]{3}-[0-9]{4,5}", None),
    (r"[0-9]{2}[0-35-8][0-9][0-3][0-9]/[0-9]{3,4}", None),
    # Canada: SIN. Australia: TFN. Told from phones by their checksums.
    (r"[0-9]{3}[ -][0-9]{3}[ -][0-9]{3}(?![ -][0-9])", lambda digits: bool(luhn.is_valid(digits))),
    # Mexico: RFC. India: voters. Argentina: CUIT.
    (r"[A-Z]{4}[0-9]{6}[A-Z0-9]{3}", None),
    (r"[A-Z]{3}[0-9]{7}", None),
    (r"(?:2[0347]|3[034])-[0-9]{8}-[0-9]", None),
    # Brazil: CPF. Poland: PESEL. Sweden: personnummer.
    (r"[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}", None),
    (r"[0-9]{11}", lambda digits: bool(pesel.is_valid(digits) or cpf.is_valid(digits))),
    (r"(?:19|20)?[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[-+][0-9]{4}", None),
)
_ID = re.compile(
    r"(?<![A-Za-z0-9])(?<![0-9][.)-])(?<![+])(?:"
    + "|".join(f"(?P<shape{i}>{shape})" for i, (shape, _) in enumerate(_SHAPES))
    + r")(?![A-Za-z0-9])"
)


# Behind a country's code the rest of its phone may look like a number of another state.
_DIALLED = re.compile(r"(?:\+|(?<![0-9])00)[0-9]{1,3}[ .-]$")


def _find(text: str) -> Iterator[Span]:
    for match in _ID.finditer(text):
        if _DIALLED.search(text[max(0, match.start() - 6) : match.start()]):
            continue
        checks = (check for i, (_, check) in enumerate(_SHAPES) if match[f"shape{i}"])
        check = next(checks)
        if check is None or check(re.sub("[^0-9]", "", match.group())):
            yield Span(match.start(), match.end(), NATIONAL_ID.kind)


NATIONAL_ID = Rule(
    "national_id",
    rf"{HINT}|[A-Z]{{2}}(?: ?[0-9]{{2}}){{3}} ?[A-Z]|[A-Z]{{4,6}}[0-9]{{2}}"
    # Finland; Hong Kong; Corsica.
    r"|[0-9]{6}[-+A-FU-Y][0-9]{3}|[A-Z][0-9]{6}\(|[0-9]{2} ?2[AB] ?[0-9]{3}",
    _find,
)
