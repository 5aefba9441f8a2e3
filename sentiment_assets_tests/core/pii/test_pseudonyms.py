import datetime as dt
import hashlib
import hmac
import pickle

import polars as pl
import pytest

from sentiment_assets.core.pii.pseudonyms import (
    PSEUDONYM_LENGTH,
    PseudonymKeys,
    epoch_of,
    pseudonym_expr,
)

SECRET = "0f" * 32
DAY = dt.date(2026, 11, 23)
KEYS = PseudonymKeys((("x", SECRET), ("facebook", "1e" * 32)))


def test_epoch_is_the_year_of_the_post() -> None:
    assert [epoch_of(dt.date(2026, 1, 1)), epoch_of(dt.date(2026, 12, 31))] == ["2026", "2026"]
    assert epoch_of(dt.date(2027, 1, 1)) == "2027"


def test_same_inputs_give_the_same_key_for_ever() -> None:
    # Frozen: another value would break every join with rows already written.
    frozen = "f65679cac362602c31a1cb97f3ce74300d532a84a61e2684331c1cb5560555bd"
    assert KEYS.key("x", DAY, "post") == frozen


def test_keys_differ_by_platform_epoch_and_use() -> None:
    keys = {
        KEYS.key(platform, day, use)
        for platform in ("x", "facebook")
        for day in (DAY, dt.date(2027, 1, 1))
        for use in ("post", "author", "text")
    }
    assert len(keys) == 12


def test_pseudonym_is_the_hmac_of_the_id() -> None:
    key = KEYS.key("x", DAY, "author")
    frame = pl.DataFrame({"author_id": ["12345", "", None, "é"]})
    expected = [
        hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]
        for value in ("12345", "", "é")
    ]
    expected.insert(2, None)  # type: ignore[arg-type]
    assert frame.select(pseudonym_expr("author_id", key))["author_id"].to_list() == expected


def test_a_post_joins_the_conversation_it_began() -> None:
    key = KEYS.key("x", DAY, "post")
    frame = pl.DataFrame({"post_id": ["1", "2"], "conversation_id": ["1", "1"]}).select(
        pseudonym_expr("post_id", key), pseudonym_expr("conversation_id", key)
    )
    assert (frame["post_id"] == frame["conversation_id"]).to_list() == [True, False]


def test_keys_are_never_shown() -> None:
    key = KEYS.key("x", DAY, "post")
    shown = f"{KEYS!r} {KEYS} {KEYS.fingerprint('x')} {pseudonym_expr('a', key)}"
    assert SECRET not in shown
    assert key not in shown
    assert "facebook" in shown


def test_keys_survive_pickling_and_are_frozen() -> None:
    assert pickle.loads(pickle.dumps(KEYS)) == KEYS
    with pytest.raises(AttributeError):
        KEYS.secrets = ()  # type: ignore[misc]


def test_fingerprint_tells_key_sets_apart() -> None:
    other = PseudonymKeys((("x", SECRET), ("facebook", "2d" * 32)))
    assert KEYS.fingerprint("facebook") != other.fingerprint("facebook")
    assert len(KEYS.fingerprint("x")) == 12


def test_another_platforms_secret_is_no_part_of_the_fingerprint() -> None:
    """Else a new platform would put the silver of all others out of date."""
    other = PseudonymKeys((("facebook", "2d" * 32), ("x", SECRET)))
    assert KEYS.fingerprint("x") == other.fingerprint("x")


def test_two_platforms_of_one_secret_have_two_fingerprints() -> None:
    same = PseudonymKeys((("x", SECRET), ("facebook", SECRET)))
    assert same.fingerprint("x") != same.fingerprint("facebook")


@pytest.mark.parametrize(
    "secrets",
    [
        (("x", ""),),
        (("x", "0F" * 32),),
        (("x", "0f" * 31),),
        (("x", "0f" * 32 + "\n"),),
        (("x", SECRET), ("x", SECRET)),
    ],
)
def test_wrong_secrets_are_refused_without_being_shown(
    secrets: tuple[tuple[str, str], ...],
) -> None:
    with pytest.raises(ValueError, match="pseudonym secret") as refusal:
        PseudonymKeys(secrets)
    assert not secrets[0][1] or secrets[0][1] not in str(refusal.value)


def test_unknown_platform_is_named() -> None:
    with pytest.raises(ValueError, match="platform 'linkedin'"):
        KEYS.key("linkedin", DAY, "post")
