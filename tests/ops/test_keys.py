"""API keys: their form, what is kept of them, when they end."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inhouse.kernel.caller import ApiKey, Grant
from inhouse.kernel.errors import BadRequest
from inhouse.ops.keys import digest_of, expiry, id_in, matches, scopes_in, secret_of, why_not

SECRET = secret_of(b"\x01" * 6, b"\x02" * 32)
NOW = 1_795_000_000.0


def key(**more: float | None) -> ApiKey:
    """The key with that secret."""
    return ApiKey(Grant(key="010101010101"), "ci", digest_of(SECRET), NOW, **more)


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=32, max_size=32))
def test_a_key_names_its_id(id_bytes: bytes, random_bytes: bytes) -> None:
    """Made of any bytes, a key has the prefix, tells its id, and says nothing of itself in its digest."""
    secret = secret_of(id_bytes, random_bytes)
    assert secret.startswith("ih_")
    assert id_in(secret) == id_bytes.hex()
    assert random_bytes.hex() not in digest_of(secret)


def test_a_short_random_is_refused() -> None:
    """No key is made of fewer than 256 random bits."""
    with pytest.raises(ValueError, match="32 bytes"):
        secret_of(b"\x01" * 6, b"\x02" * 16)


@pytest.mark.parametrize(
    "text",
    ["", "sk-abc", "ih_", "ih_010101010101_", SECRET + "0", SECRET[:-1], SECRET.upper(), SECRET + "\n"],
)
def test_what_is_no_key_has_no_id(text: str) -> None:
    """Everything but the exact form."""
    assert id_in(text) is None


def test_only_the_whole_secret_matches() -> None:
    """One digit less, one other digit, or lone surrogates do not match, and nothing fails over them."""
    assert matches(key(), SECRET)
    assert not any(matches(key(), text) for text in ("", SECRET[:-1], SECRET[:-1] + "3", "\udcff"))


def test_a_key_ends_by_the_clock_or_by_hand() -> None:
    """Good until the second it expires; revoked for good, also when the clock is set back a day."""
    assert why_not(key(), NOW) == ""
    assert why_not(key(expires_at=NOW + 1), NOW) == ""
    assert why_not(key(expires_at=NOW), NOW).startswith("expired on 2026-")
    assert why_not(key(revoked_at=NOW), NOW - 86_400) == "was revoked"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90d", 90 * 86_400), ("12h", 12 * 3_600), ("30m", 1_800), ("1970-01-02", 2 * 86_400)],
)
def test_expiry_is_a_day_or_a_time_from_now(text: str, seconds: int) -> None:
    """A day means its end in UTC."""
    assert expiry(text, 0.0) == seconds


@pytest.mark.parametrize("text", ["", "soon", "0d", "2020-01-01", "2027-13-01", "-1d", "999999d"])
def test_wrong_expiries_are_said(text: str) -> None:
    """No time, a time that is over, or one that does not exist."""
    with pytest.raises(BadRequest):
        expiry(text, NOW)


def test_scopes() -> None:
    """None given are the safe ones; an unknown one is named with those that exist."""
    assert scopes_in(()) == {"chat", "embed", "models"}
    assert scopes_in(("pull",)) == {"pull"}
    with pytest.raises(BadRequest, match="'root'") as caught:
        scopes_in(("chat", "root"))
    assert "admin" in caught.value.hint
