"""VADER's rules in Python, for where the compiled kernel is not: the same scores, slower.

Belongs here: the rules, in the words of the published code, with every oddity of theirs. Words come
from ``vader_words``; ``vader`` chooses between this and ``_vader_kernel``.

What makes it fast: Polars splits a batch into tokens and looks them up. Python sees only the words
that the lexicon knows, each with its neighbourhood packed into one number, since a valence depends
on three tokens before the word and two behind; the valence of each number is worked out once.
Polars gives what Python would: a word of the tables is ASCII, and whatever else differs between
their ideas of Unicode (case beyond ASCII, white space) is asked of Python or spelt out.
"""

from __future__ import annotations

import string
from array import array
from dataclasses import dataclass, replace
from functools import cache
from heapq import heappush, heappushpop

import polars as pl

from sentiment_assets.core.sentiment.vader_words import (
    CAPS_INCREMENT,
    CASELESS,
    COLUMNS,
    NAMED,
    NEGATION,
    SPACES,
    Word,
    published_words,
)

#: Neighbourhoods kept between batches.
_KEPT = 200_000
#: Texts that are tokens at one time.
_TEXTS_AT_ONCE = 20_000

#: Of a text's valences: all together, the positive and the negative ones (each one farther from
#: zero than it is), and how many are either.
Sums = tuple[float, float, float, int]

#: Roles of a neighbour. Further ones are single words, which some rule asks about. Beyond a text's
#: begin a token does as little as a word of the lexicon, beyond its end as little as a plain one.
_PLAIN, _IN_LEXICON, _HAS_NT = range(3)

# A neighbourhood as a number: the word's place in the table, and whether it is in capitals; then
# the roles of the three before it, the nearest first, and of the two behind. Capitals count, here
# as everywhere below, where some other token of the text has none.
_WORD_BITS, _ROLE_BITS = 14, 9
_IN_CAPITALS = 1 << (_ROLE_BITS - 1)

#: How far before the word a neighbour stands, in the order in which they are packed.
_DISTANCES = (1, 2, 3, -1, -2)

_CASELESS = dict.fromkeys(map(ord, CASELESS))


@dataclass(slots=True, eq=False)
class _Token:
    """What the rules ask about a token."""

    word: str
    fact: Word
    in_phrase: bool = False
    capitals: bool = False


@dataclass(frozen=True, slots=True)
class _Tables:
    """The installed words, numbered."""

    #: ``word``, its ``place`` in the table, its ``role`` as a neighbour; whether it ``boosts``,
    #: is ``scored``, or ``asks`` about what stands behind it.
    lookup: pl.DataFrame
    #: Words by place, and by place plus ``1 << _WORD_BITS`` in capitals; neighbours by role.
    words: dict[int, _Token]
    roles: dict[int, _Token]
    #: What is replaced before a text is split: emoji, and white space that is no blank.
    replaced: list[str]
    replacements: list[str]


class _Valences(dict[int, float]):
    """Valences of neighbourhoods, worked out when first seen."""

    def __missing__(self, packed: int) -> float:
        valence = _valence(*_unpacked(packed))
        if len(self) >= _KEPT:
            self.clear()
        self[packed] = valence
        return valence


@cache
def _valences() -> _Valences:
    return _Valences()


@cache
def _tables() -> _Tables:
    """Number the words, once a process."""
    known = published_words()
    phrases = {word for phrase in (*known.idioms, *known.booster_phrases) for word in phrase}
    openings = {phrase[0] for phrase in known.idioms}
    roles = {
        _PLAIN: _Token("", Word()),
        _IN_LEXICON: _Token("", Word(valence=1.0)),
        _HAS_NT: _Token("", Word(negates=True)),
    }
    rows, words = [], {}
    for place, (word, fact) in enumerate(known.words.items()):
        role = _IN_LEXICON
        if fact.boost or fact.negates or word in NAMED or word in phrases:
            role = len(roles)
            roles[role] = _Token(word, fact, word in phrases)
        words[place] = _Token(word, fact, word in phrases)
        words[place | 1 << _WORD_BITS] = replace(words[place], capitals=True)
        # Boosters are never scored themselves, whatever the lexicon says of them.
        scored = fact.valence is not None and not fact.boost
        asks = word in openings or word in ("kind", "no")
        rows.append((word, place, role, bool(fact.boost), scored, asks))
    roles |= {
        role | _IN_CAPITALS: replace(token, capitals=True)
        for role, token in roles.items()
        if token.fact.boost
    }
    # The published code puts a space before an emoji's name where there is none; one more changes
    # nothing. It puts none behind: the name's last word fuses with what follows.
    schema = {"word": pl.String, "place": pl.Int16, "role": pl.Int16}
    schema |= dict.fromkeys(("boosts", "scored", "asks"), pl.Boolean)
    return _Tables(
        pl.DataFrame(rows, schema=schema, orient="row"),
        words,
        roles,
        [*known.emoji, *SPACES],
        [*(f" {name}" for name in known.emoji.values()), *(" " for _ in SPACES)],
    )


def _role(role: int) -> pl.Expr:
    return pl.lit(role, pl.Int16)


def _packed() -> pl.Expr:
    packed, shift = pl.lit(0, pl.Int64), 0
    for part, bits in (
        ("place", _WORD_BITS),
        ("capitals", 1),
        *((f"role_{distance}", _ROLE_BITS) for distance in _DISTANCES),
    ):
        packed, shift = packed + pl.col(part).cast(pl.Int64) * (1 << shift), shift + bits
    return packed


def _unpacked(packed: int) -> tuple[_Token, ...]:
    """The token before the last before the word, and so on to the second behind it."""
    tables = _tables()
    role = tables.roles.__getitem__
    token = tables.words[packed & ((1 << _WORD_BITS + 1) - 1)]
    packed >>= _WORD_BITS + 1
    one, two, three, after, last = (
        role(packed >> shift & ((1 << _ROLE_BITS) - 1)) for shift in range(0, 45, _ROLE_BITS)
    )
    return three, two, one, token, after, last


def _boost(token: _Token, valence: float) -> float:
    scalar = token.fact.boost
    if scalar:
        if valence < 0:
            scalar = -scalar
        if token.capitals:
            scalar += CAPS_INCREMENT if valence > 0 else -CAPS_INCREMENT
    return scalar


def _after_idioms(valence: float, words: tuple[str, ...]) -> float:
    """Valence of the fourth word where it stands in or behind a set phrase."""
    known = published_words()
    idioms = known.idioms
    before = words[0:3], words[0:2], words[1:3]
    three_two_one, three_two, two_one = before
    for phrase in (words[2:4], words[1:4], two_one, three_two_one, three_two):
        if phrase in idioms:
            valence = idioms[phrase]
            break
    valence = idioms.get(words[3:5], valence)
    valence = idioms.get(words[3:6], valence)
    for phrase in before:
        valence += known.booster_phrases.get(phrase, 0.0)
    return valence


def _valence(
    three: _Token, two: _Token, one: _Token, token: _Token, after: _Token, last: _Token
) -> float:
    """Valence of a lexicon word among its neighbours: three before, two behind."""
    word, word_one, word_two, word_three = token.word, one.word, two.word, three.word
    base = valence = token.fact.valence or 0.0
    if word == "kind" and after.word == "of":
        return 0.0

    if word == "no" and after.fact.valence is not None:
        valence = 0.0
    if (
        word_one == "no"
        or word_two == "no"
        or (word_three == "no" and (word_one == "or" or word_one == "nor"))
    ):
        valence = base * NEGATION
    if token.capitals:
        valence += CAPS_INCREMENT if valence > 0 else -CAPS_INCREMENT

    if one.fact.valence is None:
        valence += _boost(one, valence)
        if one.fact.negates:
            valence *= NEGATION
    if two.fact.valence is None:
        valence += _boost(two, valence) * 0.95
        if word_two == "never" and (word_one == "so" or word_one == "this"):
            valence *= 1.25
        elif two.fact.negates and not (word_two == "without" and word_one == "doubt"):
            valence *= NEGATION
    if three.fact.valence is None:
        valence += _boost(three, valence) * 0.9
        if (
            word_one == "so"
            or word_one == "this"
            or (word_three == "never" and (word_two == "so" or word_two == "this"))
        ):
            valence *= 1.25
        elif three.fact.negates and not (
            word_three == "without" and (word_two == "doubt" or word_one == "doubt")
        ):
            valence *= NEGATION
        # A phrase takes two neighbours, and few words are in one.
        if (
            (one.in_phrase and (token.in_phrase or two.in_phrase))
            or (two.in_phrase and three.in_phrase)
            or (token.in_phrase and after.in_phrase)
        ):
            words = word_three, word_two, word_one, word, after.word, last.word
            valence = _after_idioms(valence, words)

    if word_one == "least" and word_two not in ("at", "very") and one.fact.valence is None:
        valence *= NEGATION
    return valence


def _weigh_but(valences: list[float], places: list[int], but: int) -> None:
    """Halve what stands before the first "but", raise what stands behind it by half.

    The published code finds a word's place by its valence, so of equal valences the first is
    altered, and altered again: scores depend on it. Its search takes time that grows with the
    square of a text's length; here the places of each valence lie in a heap.
    """
    having: dict[float, list[int]] = {}
    for i, valence in enumerate(valences):
        first = heappushpop(having.setdefault(valence, []), i)
        altered = valence * (0.5 if places[first] < but else 1.5)
        valences[first] = altered
        heappush(having.setdefault(altered, []), first)


def _sums(valences: list[float]) -> Sums:
    # A plain loop: from Python 3.12 on, sum() compensates for rounding and flips labels.
    total = positive = negative = 0.0
    scored = 0
    for valence in valences:
        total += valence
        if valence > 0:
            positive += valence + 1
            scored += 1
        elif valence < 0:
            negative += valence - 1
            scored += 1
    return total, positive, negative, scored


def _rounded(values: pl.Series, digits: int) -> pl.Series:
    """Python's ``round``, to the last bit."""
    # By a column, since Polars divides by a single number as it multiplies: not exactly.
    scale = pl.repeat(10.0**digits, len(values), eager=True)
    scaled = values * scale
    whole = scaled.round()
    # Near a tie the product is not exact enough to tell the side.
    ties = ((scaled - whole).abs() > 0.499999).arg_true()
    return (whole / scale).scatter(ties, [round(value, digits) for value in values.gather(ties)])


def _shares(texts: pl.DataFrame) -> list[pl.Series]:
    """neg, neu, pos and compound of texts, from their words, marks and sums."""
    total, positive, negative = (texts[name] for name in ("total", "positive", "negative"))
    questions = pl.col("questions")
    asked = pl.when(questions < 2).then(0.0).when(questions <= 3).then(questions * 0.18)
    emphasis = texts.select(
        pl.col("exclamations").clip(upper_bound=4) * 0.292 + asked.otherwise(0.96)
    ).to_series()
    total += emphasis * total.sign()
    more_positive, more_negative = positive > -negative, positive < -negative
    positive += emphasis * more_positive.cast(pl.Float64)
    negative -= emphasis * more_negative.cast(pl.Float64)
    neutral = texts["words"] - texts["scored"]
    whole = positive - negative + neutral
    return [
        _rounded(negative.abs() / whole, 3),
        _rounded(neutral / whole, 3),
        _rounded(positive / whole, 3),
        _rounded(total / (total * total + 15).sqrt(), 4),
    ]


def _in_capitals(raw: pl.Series) -> pl.Series:
    """Whether tokens have capitals and no other letters, as Python's ``isupper`` sees it."""
    candidate = ~raw.str.contains("[a-z]")
    beyond = candidate & (raw.str.len_bytes() != raw.str.len_chars())
    upper = [token for token in raw.filter(beyond).unique() if token.translate(_CASELESS).isupper()]
    return (candidate & ~beyond & raw.str.contains("[A-Z]")) | (beyond & raw.is_in(upper))


def _tokens(named: pl.Series) -> pl.DataFrame:
    """Every token of the texts, in order: its text, and what the tables say of its word."""
    raw, word, text = pl.col("raw"), pl.col("word"), pl.int_range(len(named), eager=True)
    stripped = raw.str.strip_chars(string.punctuation)
    # Two characters or fewer were probably an emoticon: it keeps its punctuation.
    kept = pl.when(stripped.str.len_chars() <= 2).then(raw).otherwise(stripped)
    tokens = (
        pl.DataFrame({"text": text, "raw": named.str.split(" ")})
        .explode("raw")
        .filter(raw != "")
        .with_columns(word=kept.str.to_lowercase())
        .join(_tables().lookup, on="word", how="left", maintain_order="left")
        .with_row_index("index")
    )
    # Few texts have an "n't" at all, and a look at whole texts is cheap.
    suspects = tokens.filter(named.str.contains("(?i)n't").gather(tokens["text"]))
    negating = suspects.filter(word.str.contains("n't", literal=True))["index"].implode()
    other = pl.when(pl.col("index").is_in(negating)).then(_role(_HAS_NT)).otherwise(_role(_PLAIN))
    return tokens.with_columns(role=pl.coalesce("role", other))


def _loud(tokens: pl.DataFrame) -> pl.Series:
    """Indices of the words in capitals that count, in texts that are not all in capitals."""
    text = pl.col("text")
    loud = tokens.filter(pl.col("scored") | pl.col("boosts"))
    loud = loud.filter(_in_capitals(loud["raw"]))
    around = tokens.filter(text.is_in(loud["text"].unique().implode()))
    mixed = around.filter(~_in_capitals(around["raw"]))["text"].unique()
    return loud.filter(text.is_in(mixed.implode()))["index"]


def _near(distance: int) -> pl.Expr:
    """The role of a neighbour as far as it counts, so that few neighbourhoods differ."""
    near, inside = pl.col("role").shift(distance), pl.col("text").shift(distance) == pl.col("text")
    if distance < 0:
        return pl.when(inside & pl.col("asks")).then(near).otherwise(_role(_PLAIN))
    if distance < 3:
        inside &= near != _PLAIN
    return pl.when(inside).then(near).otherwise(_role(_IN_LEXICON))


def _scored(tokens: pl.DataFrame) -> pl.DataFrame:
    """The tokens that are scored, with their neighbourhoods."""
    capitals = pl.col("index").is_in(_loud(tokens).implode())
    louder = (pl.col("boosts") & capitals).fill_null(False) * _role(_IN_CAPITALS)
    return (
        tokens.with_columns(capitals=capitals, role=pl.col("role") + louder)
        .with_columns(_near(distance).alias(f"role_{distance}") for distance in _DISTANCES)
        .filter("scored")
        .select("text", "index", packed=_packed())
    )


def _with_sums(scored: pl.DataFrame, buts: pl.DataFrame, named: pl.Series) -> pl.DataFrame:
    """The texts that have a word of the lexicon, with the sums of their valences."""
    valences = list(map(_valences().__getitem__, scored["packed"].to_list()))
    texts = scored.group_by("text", maintain_order=True).len()
    first_but = dict(buts.iter_rows())
    # Arrays: as many tuples as texts would keep the garbage collector busy.
    sums = {name: array("d") for name in ("total", "positive", "negative", "scored")}
    add_total, add_positive, add_negative, add_scored = (one.append for one in sums.values())
    end = 0
    for text, count in texts.iter_rows():
        start, end = end, end + count
        own = valences[start:end]
        if text in first_but:
            _weigh_but(own, scored["index"][start:end].to_list(), first_but[text])
        total, positive, negative, number = _sums(own)
        add_total(total)
        add_positive(positive)
        add_negative(negative)
        add_scored(number)
    marks = named.gather(texts["text"])
    return texts.with_columns(
        *(pl.Series(name, column, pl.Float64) for name, column in sums.items()),
        exclamations=marks.str.count_matches("!", literal=True),
        questions=marks.str.count_matches("?", literal=True),
    )


def _scores(named: pl.Series) -> pl.DataFrame:
    """Scores of texts whose emoji are named."""
    tokens = _tokens(named)
    words = tokens.group_by("text").agg(words=pl.len())
    buts = tokens.filter(pl.col("word") == "but").group_by("text").agg(pl.col("index").min())
    scored = _scored(tokens)
    scores = pl.zeros(len(named), pl.Float64, eager=True)
    columns = {name: scores.clone() for name in COLUMNS}
    # A text of words without any sentiment is neutral; one without words is nothing.
    columns["neu"].scatter(words["text"], 1.0)
    if len(scored):
        summed = _with_sums(scored, buts, named).join(words, on="text", maintain_order="left")
        for column, values in zip(columns.values(), _shares(summed), strict=True):
            column.scatter(summed["text"], values)
    return pl.DataFrame(columns)


def score(texts: pl.Series) -> pl.DataFrame:
    """neg, neu, pos and compound of each text; zero where it is null."""
    tables = _tables()
    named = texts.fill_null("").str.replace_many(tables.replaced, tables.replacements)
    return pl.concat(
        [
            pl.DataFrame(schema=dict.fromkeys(COLUMNS, pl.Float64)),
            *(_scores(part.to_series()) for part in named.to_frame().iter_slices(_TEXTS_AT_ONCE)),
        ],
        rechunk=True,
    )
