import dataclasses
import datetime as dt
import hashlib
import hmac
import pickle

import polars as pl
import pytest

from sentiment_assets.core.pii.pseudonyms import (
    PSEUDONYM_LENGTH,
    PseudonymKeys,
    Rotation,
    Use,
    pseudonym_expr,
    pseudonyms_of,
    pseudonyms_of_recurring,
)

SECRET = "0f" * 32
USES: tuple[Use, ...] = ("post", "author", "text")
DAY = dt.date(2026, 11, 23)
KEYS = PseudonymKeys((("x", SECRET), ("facebook", "1e" * 32)))
NEXT = DAY + dt.timedelta(days=1)
SECOND, THIRD = Rotation("x", NEXT, "2a" * 32), Rotation("x", dt.date(2027, 3, 1), "3b" * 32)
ROTATED = PseudonymKeys(KEYS.secrets, (SECOND, THIRD))


@pytest.mark.parametrize(
    ("date", "epoch"),
    [
        (dt.date.min, 1),
        (DAY, 1),
        (NEXT, 2),
        (dt.date(2027, 2, 28), 2),
        (dt.date(2027, 3, 1), 3),
        (dt.date.max, 3),
    ],
)
def test_a_date_lies_in_the_epoch_that_began_last(date: dt.date, epoch: int) -> None:
    assert ROTATED.epoch("x", date) == epoch
    assert ROTATED.epoch("facebook", date) == 1


def test_a_rotation_changes_no_earlier_date() -> None:
    for use in USES:
        assert ROTATED.key("x", DAY, use) == KEYS.key("x", DAY, use)
        assert ROTATED.key("x", NEXT, use) != KEYS.key("x", NEXT, use)
        assert ROTATED.key("facebook", NEXT, use) == KEYS.key("facebook", NEXT, use)
    assert ROTATED.fingerprint("x", DAY) == KEYS.fingerprint("x", DAY)
    assert ROTATED.fingerprint("x", NEXT) != KEYS.fingerprint("x", NEXT)


def test_an_epochs_secret_stands_alone() -> None:
    """What an epoch gives depends on its own secret only: the others may be lost or in hands."""
    other = PseudonymKeys((("x", "4c" * 32),), (SECOND, dataclasses.replace(THIRD, secret=SECRET)))
    assert other.key("x", NEXT, "author") == ROTATED.key("x", NEXT, "author")


def test_a_year_begins_no_epoch_but_other_keys() -> None:
    last, first = dt.date(2026, 12, 31), dt.date(2027, 1, 1)
    assert ROTATED.epoch("x", last) == ROTATED.epoch("x", first) == 2
    assert ROTATED.key("x", last, "author") != ROTATED.key("x", first, "author")
    assert ROTATED.fingerprint("x", last) == ROTATED.fingerprint("x", first)


@pytest.mark.parametrize(
    ("rotations", "said"),
    [
        ((THIRD, SECOND), "don't follow each other"),
        ((SECOND, dataclasses.replace(THIRD, first_date=NEXT)), "don't follow each other"),
        ((Rotation("linkedin", NEXT, "2a" * 32),), "no first one"),
        ((Rotation("x", NEXT, "2a2a"),), "not 64 lower-case hex digits"),
    ],
)
def test_rotations_that_make_no_sense_are_refused(
    rotations: tuple[Rotation, ...], said: str
) -> None:
    with pytest.raises(ValueError, match=said) as refusal:
        PseudonymKeys(KEYS.secrets, rotations)
    assert "2a2a" not in str(refusal.value)


def test_every_pseudonym_of_an_id_is_found_again() -> None:
    """For erasure: whatever the lake holds of an author, over rotations and years."""
    dates = [DAY, NEXT, dt.date(2025, 12, 31), dt.date(2027, 2, 1), dt.date(2027, 3, 1), DAY]
    ids = pl.Series(["42", "7", None])
    found = pseudonyms_of(ids, ROTATED, "x", "author", dates)
    assert found.columns == ["id", "epoch", "year", "pid"]
    of_one = found.filter(pl.col("id") == "42")
    assert of_one.select("epoch", "year").rows() == [
        (1, 2025), (1, 2026), (2, 2026), (2, 2027), (3, 2027),
    ]  # fmt: skip
    for date in dates:
        (pid,) = pl.DataFrame({"id": ["42"]}).select(
            pseudonym_expr("id", ROTATED.key("x", date, "author"))
        )["id"]
        assert pid in of_one["pid"].to_list()
    assert found["pid"].drop_nulls().n_unique() == 10
    assert found.filter(pl.col("id").is_null())["pid"].null_count() == 5
    assert pseudonyms_of(ids, ROTATED, "x", "author", []).is_empty()


def test_same_inputs_give_the_same_key_for_ever() -> None:
    # Frozen: another value would break every join with rows already written.
    frozen = "f65679cac362602c31a1cb97f3ce74300d532a84a61e2684331c1cb5560555bd"
    assert KEYS.key("x", DAY, "post") == frozen


def test_keys_differ_by_platform_epoch_year_and_use() -> None:
    keys = {
        ROTATED.key(platform, day, use)
        for platform in ("x", "facebook")
        for day in (DAY, NEXT, dt.date(2027, 1, 1))
        for use in USES
    }
    # Facebook has one epoch: its second day is like the first.
    assert len(keys) == 15


def test_pseudonym_is_the_hmac_of_the_id() -> None:
    key = KEYS.key("x", DAY, "author")
    frame = pl.DataFrame({"author_id": ["12345", "", None, "é"]})
    expected = [
        hmac.new(key.encode(), value.encode(), hashlib.sha256).hexdigest()[:PSEUDONYM_LENGTH]
        for value in ("12345", "", "é")
    ]
    expected.insert(2, None)  # type: ignore[arg-type]
    assert frame.select(pseudonym_expr("author_id", key))["author_id"].to_list() == expected
    ids = frame["author_id"]
    assert pseudonyms_of_recurring(pl.concat([ids, ids]), key).to_list() == expected * 2
    assert pseudonyms_of_recurring(pl.Series([None], dtype=pl.String), key).to_list() == [None]


def test_a_post_joins_the_conversation_it_began() -> None:
    key = KEYS.key("x", DAY, "post")
    frame = pl.DataFrame({"post_id": ["1", "2"], "conversation_id": ["1", "1"]}).select(
        pseudonym_expr("post_id", key), pseudonym_expr("conversation_id", key)
    )
    assert (frame["post_id"] == frame["conversation_id"]).to_list() == [True, False]


def test_keys_are_never_shown() -> None:
    key = KEYS.key("x", DAY, "post")
    shown = f"{KEYS!r} {KEYS} {KEYS.fingerprint('x', DAY)} {pseudonym_expr('a', key)}"
    shown += f" {ROTATED!r} {SECOND!r} {ROTATED.rotations}"
    assert SECRET not in shown
    assert SECOND.secret not in shown
    assert key not in shown
    assert "facebook" in shown


def test_keys_survive_pickling_and_are_frozen() -> None:
    assert pickle.loads(pickle.dumps(ROTATED)) == ROTATED
    with pytest.raises(AttributeError):
        KEYS.secrets = ()  # type: ignore[misc]


def test_fingerprint_tells_key_sets_apart() -> None:
    other = PseudonymKeys((("x", SECRET), ("facebook", "2d" * 32)))
    assert KEYS.fingerprint("facebook", DAY) != other.fingerprint("facebook", DAY)
    assert len(KEYS.fingerprint("x", DAY)) == 12


def test_another_platforms_secret_is_no_part_of_the_fingerprint() -> None:
    """Else a new platform would put the silver of all others out of date."""
    other = PseudonymKeys((("facebook", "2d" * 32), ("x", SECRET)))
    assert KEYS.fingerprint("x", DAY) == other.fingerprint("x", DAY)


def test_two_platforms_of_one_secret_have_two_fingerprints() -> None:
    same = PseudonymKeys((("x", SECRET), ("facebook", SECRET)))
    assert same.fingerprint("x", DAY) != same.fingerprint("facebook", DAY)


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
