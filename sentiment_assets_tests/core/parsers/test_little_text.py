"""LinkedIn's markup to plain text: what a table shows, and what must hold of any text."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from sentiment_assets.core.parsers.little_text import RESERVED, read


def escaped(text: str) -> str:
    return re.sub(f"([{re.escape(RESERVED)}])", r"\\\1", text)


@pytest.mark.parametrize(
    ("commentary", "text", "names"),
    [
        ("", "", []),
        ("Plain, with a café ☕ and\ntwo lines.", "Plain, with a café ☕ and\ntwo lines.", []),
        ("Thanks @[Jane Roe](urn:li:person:aB-1)!", "Thanks Jane Roe!", ["Jane Roe"]),
        ("@[Devtestco] (urn:li:organization:2414183)", "Devtestco", ["Devtestco"]),
        ("@[A](urn:li:person:1)@[B](urn:li:person:2)", "AB", ["A", "B"]),
        (r"@[Jane \(JR\) O\_Roe](urn:li:person:a\_b)", "Jane (JR) O_Roe", ["Jane (JR) O_Roe"]),
        ("@[田中 さくら](urn:li:person:1)", "田中 さくら", ["田中 さくら"]),
        ("@[](urn:li:person:1)", "", [""]),
        (r"{hashtag|\#|NimbusDown}", "#NimbusDown", []),
        (r"{hashtag|#|NimbusDown}", "#NimbusDown", []),
        ("{hashtag|\\\uff03|日本}", "#日本", []),
        (r"{hashtag|\#|cloud\_native}", "#cloud_native", []),
        ("#plain hashtag", "#plain hashtag", []),
        (r"1 \* 2 \~ 3 \<b\> \{x\} \| a\@b.example \#no \\ \_", "1 * 2 ~ 3 <b> {x} | a@b.example "
         "#no \\ _", []),
        # Escaped markup is text.
        (r"\@\[Jane\]\(urn:li:person:1\)", "@[Jane](urn:li:person:1)", []),
        (r"\@[Jane](urn:li:person:1)", "@[Jane](urn:li:person:1)", []),
        # An escaped backslash does not escape what follows.
        (r"\\@[Jane](urn:li:person:1)", "\\Jane", ["Jane"]),
        (r"\\\@[Jane](urn:li:person:1)", "\\@[Jane](urn:li:person:1)", []),
        # A backslash before anything else is one.
        (r"C:\new \q", r"C:\new \q", []),
        ("ends in a \\", "ends in a \\", []),
        # Damaged or unknown templates stay.
        ("@[Jane", "@[Jane", []),
        ("@[Jane](urn:li:person:1", "@[Jane](urn:li:person:1", []),
        ("@[Jane](person 1)", "@[Jane](person 1)", []),
        ("@[Jane]  (urn:li:person:1)", "@[Jane]  (urn:li:person:1)", []),
        ("@[one @[Jane](urn:li:person:1)", "@[one Jane", ["Jane"]),
        (r"{hashtag|\#|}", "{hashtag|#|}", []),
        (r"{hashtag|\#|open", "{hashtag|#|open", []),
        (r"{hashtag|\#|a|b}", "{hashtag|#|a|b}", []),
        ("{poll|yes|no}", "{poll|yes|no}", []),
        ("{{{", "{{{", []),
    ],
)  # fmt: skip
def test_what_a_commentary_says(commentary: str, text: str, names: list[str]) -> None:
    found = read(commentary)
    assert (found.text, found.names) == (text, names)
    assert len(found.urns) == len(names)


def test_urns_of_mentions_are_read_in_order() -> None:
    found = read(r"@[A](urn:li:person:a\_b) @[B](urn:li:organization:1) @[A](urn:li:person:a\_b)")
    assert found.urns == ["urn:li:person:a_b", "urn:li:organization:1", "urn:li:person:a_b"]


MARKUP = st.lists(
    st.sampled_from(
        ["@[", "](", "urn:li:person:", "a", ")", "{hashtag|", "\\#|", "\\", "|", "}", "@", "#", " "]
    ),
    max_size=40,
).map("".join)


@given(st.text() | MARKUP)
@example("\\")
def test_an_escaped_text_reads_as_itself(text: str) -> None:
    assert read(escaped(text)) == (text, [], [])


@given(MARKUP | st.text(alphabet=RESERVED + "a\n"))
def test_any_text_can_be_read_and_nothing_is_made_up(commentary: str) -> None:
    found = read(commentary)
    # Markup goes, words stay: all that remains stood there, in this order.
    rest = iter(commentary)
    assert all(char in rest for char in found.text.replace("#", ""))
    assert all(name in found.text for name in found.names)


@given(st.lists(st.tuples(st.text(), st.text(max_size=5)), max_size=5))
def test_mentions_between_any_texts_are_found(parts: list[tuple[str, str]]) -> None:
    written = "".join(f"{escaped(said)}@[{escaped(name)}](urn:li:person:x)" for said, name in parts)
    assert read(written).text == "".join(said + name for said, name in parts)
    assert read(written).names == [name for _, name in parts]


SIZE = 100_000


@pytest.mark.parametrize(
    "unit",
    [
        "\\", "\\#", "\\\\#", "\\a", "@", "@[", "@a\\", "@[a\\@[", "@[\\[", "@[a](urn:li:", "@[a] ",
        "@[](urn:li:person:a)", "{", "{hashtag|\\#|", "{hashtag|\\#|a\\",
        "@[a](urn:li:p:\\)\\)\\)", "@[x](urn:li:@[x]", "{hashtag|\\#|a}",
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", ["", "@[", "@[a](urn:li:", "{hashtag|#|"])
def test_hostile_texts_take_linear_time(start: str, unit: str) -> None:
    hostile = start + unit * (SIZE // len(unit))
    # The best of a few: others work on this machine, too.
    fastest = 1.0
    for _ in range(3):
        began = time.perf_counter()
        read(hostile)
        fastest = min(fastest, time.perf_counter() - began)
    assert fastest < 0.05
