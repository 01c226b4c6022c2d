"""API keys: how one is made, read and judged. Pure; the caller brings randomness and the time.

A key is `ih_<id>_<secret>`: a prefix that secret scanners can know, a public id of 12 hex digits, and 256
random bits. Only the SHA-256 of the whole is kept. A slow hash (argon2) guards secrets that can be
guessed; 256 random bits cannot be, and 19 MiB and 40 ms for every request would be a way to stop the
house. SHA-256 takes under a microsecond.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import cast, get_args

from inhouse.kernel.caller import ApiKey, Scope
from inhouse.kernel.errors import BadRequest

__all__ = [
    "DEFAULT_SCOPES",
    "ID_AT",
    "ID_BYTES",
    "SECRET_BYTES",
    "digest_of",
    "expiry",
    "id_in",
    "matches",
    "scopes_in",
    "secret_of",
    "why_not",
]

DEFAULT_SCOPES: tuple[Scope, ...] = ("chat", "embed", "models")
"""What a new key may do: ask models and list them; it changes nothing and reads nobody's documents."""

ID_BYTES, SECRET_BYTES = 6, 32
ID_AT = slice(3, 3 + 2 * ID_BYTES)
"""Where the public id stands in a key's text; whether it is one, `matches` tells."""
_FORM = re.compile(r"ih_([0-9a-f]{12})_[0-9a-f]{64}\Z")
_AGE = re.compile(r"(\d{1,5})([dhm])\Z")


def secret_of(id_bytes: bytes, random_bytes: bytes) -> str:
    """The text of a key made of 6 and 32 random bytes."""
    if (len(id_bytes), len(random_bytes)) != (ID_BYTES, SECRET_BYTES):
        raise ValueError(f"a key is made of {ID_BYTES} and {SECRET_BYTES} bytes")
    return f"ih_{id_bytes.hex()}_{random_bytes.hex()}"


def id_in(secret: str) -> str | None:
    """The public id in a key's text, None when it is none of our keys."""
    found = _FORM.match(secret)
    return found[1] if found else None


def digest_of(secret: str) -> str:
    """What is kept of a key: its SHA-256 in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def matches(key: ApiKey, secret: str) -> bool:
    """True when the secret is that key's; takes as long for a wrong one as for the right one."""
    return hmac.compare_digest(key.digest, digest_of(secret))


def why_not(key: ApiKey, now: float) -> str:
    """Why the key may not be used at that time (UNIX seconds), empty when it may."""
    # Whenever that was: a clock that was set back must not bring a revoked key to life again.
    if key.revoked_at is not None:
        return "was revoked"
    if key.expires_at is not None and key.expires_at <= now:
        return "expired on " + datetime.fromtimestamp(key.expires_at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    return ""


def scopes_in(names: tuple[str, ...]) -> frozenset[Scope]:
    """The scopes of these names, the default ones for none.

    Raises:
        BadRequest: if one of them is no scope.
    """
    known = get_args(Scope)
    for name in names:
        if name not in known:
            raise BadRequest(f"There is no scope {name[:40]!r}", hint=f"scopes are {', '.join(known)}")
    return frozenset(cast("tuple[Scope, ...]", names or DEFAULT_SCOPES))


def expiry(text: str, now: float) -> float:
    """UNIX seconds of `2027-01-31` (the end of that day, UTC), or of `90d`, `12h`, `30m` from now on.

    Raises:
        BadRequest: if it is neither, or is over.
    """
    if age := _AGE.match(text):
        seconds = int(age[1]) * {"d": 86_400, "h": 3_600, "m": 60}[age[2]]
        at = now + seconds
    else:
        try:
            day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            raise BadRequest(
                f"{text[:40]!r} is no time at which a key may expire",
                hint="write 2027-01-31, 90d, 12h or 30m",
            ) from None
        at = (day + timedelta(days=1)).timestamp()
    if at <= now:
        raise BadRequest(f"{text[:40]!r} is over already", hint="give a time in the future")
    return at
