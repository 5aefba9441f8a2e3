"""Web addresses: with a scheme, with ``www.``, or a bare domain under a common top level."""

import re
from collections.abc import Iterator

from sentiment_assets.core.pii.rule import Rule, Span

_URL_CHARS = r"[A-Za-z0-9\-._~:/?#\[\]@!$&'()*+,;=%^{}]"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# Top levels that are no words: "great.It was" is two sentences, "great.com" a site.
SITES = (
    "com|org|net|edu|gov|mil|info|biz|io|tv|fm|ly|gl|gy|app|dev|news|xyz|online|site|shop|store|blog|"
    "uk|za|de|fr|es|nl|jp|cn|ru|br|au|nz|ca|mx|ch|se|dk|fi|pl|cz|gr|hu|ro|ie|kr|ke|ng|eu|pt|tr|ua|cl|ec|uy|sg|hk|tw|vn|pk|lk|np|ae|sa|qa|kw|eg|tn|dz|gh|tz|ug|"
    "zm|zw|bw|na|mz|sk|hr|rs|bg|lt|lv|ee|lu|mt|cy|kz|uz|gg|cc|page|link|cloud|tech|life|live|media|social"
)
_PROVIDER = r"(?:gmail|googlemail|yahoo|hotmail|outlook|icloud|aol|protonmail|gmx|live)\."
# Any other needs a path to be taken for a site.
_BARE = (
    rf"(?:(?P<domain>(?:{_LABEL}\.)+(?:{SITES}))(?![A-Za-z0-9_(-])(?:[/?#]{_URL_CHARS}*|:[0-9]+{_URL_CHARS}*)?"
    rf"|(?:{_LABEL}\.)+[A-Za-z]{{2,12}}/[A-Za-z0-9]{_URL_CHARS}*)"
)
_URL = re.compile(
    # The platform's own short links have ten characters; words are often glued to them.
    rf"https?://t\.co/[A-Za-z0-9]{{1,10}}"
    rf"|(?:https?|ftp|hxxps?):/{{1,2}}{_URL_CHARS}+"
    rf"|(?<![A-Za-z0-9_@.-])www\.{_URL_CHARS}+"
    # "jane [at] gmail.com" is an e-mail address.
    rf"|(?<![A-Za-z0-9_@.#/-])(?<!at[\])}}>])(?<!at[\])}}>] )(?!(?<= at ){_PROVIDER}){_BARE}(?!@)",
    re.IGNORECASE,
)
_NOT_LAST = ".,;:!?'\"*_~|([{"
_PAIRS = {")": "(", "]": "[", "}": "{"}


def _find(text: str) -> Iterator[Span]:
    for match in _URL.finditer(text):
        url = match.group()
        bare = match["domain"]
        # "22.se" is a price, "tomorrow.Blog" two sentences.
        if bare and (
            not re.search("[A-Za-z]", bare[: bare.rindex(".")])
            or not (bare.isupper() or bare[bare.rindex(".") :].islower())
        ):
            continue
        # Punctuation at the end is the sentence's; a closing bracket too, unless opened inside.
        while url and (
            url[-1] in _NOT_LAST
            or (url[-1] in _PAIRS and url.count(url[-1]) > url.count(_PAIRS[url[-1]]))
        ):
            url = url[:-1]
        yield Span(match.start(), match.start() + len(url), URL.kind)


URL = Rule(
    "url",
    rf"(?i:(?:http|ftp|hxxp)s?:/|www\.|[a-z0-9]\.(?:(?:{SITES})(?:[^a-z0-9_-]|$)|[a-z]{{2,12}}/))",
    _find,
    needs_digit=False,
)
