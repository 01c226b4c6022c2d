"""Who may ask, and how much: keys and limits, all in memory.

A secret that is no key of ours gives a caller on this machine what no secret gives him: clients of other
vendors send their own placeholder or key unasked, and they are to work unchanged. One that has the form of
our keys must be right: a revoked key that went on with fewer rights would not be revoked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.caller import ApiKey, Grant, Scope
from inhouse.kernel.errors import BadRequest, RateLimited, Unauthorized
from inhouse.ops.keys import ID_AT, matches, why_not
from inhouse.ops.limits import FULL, Refused, Room, enter, leave

__all__ = ["Entrance", "Gate", "GateRules", "KeyRing", "named_user"]

_OURS = "ih_"
_MOST_VISITORS = 1000
_LONGEST_KEPT = 512
"""A name of 128 characters in UTF-8; more are spaces around one, of which 60 KB may come."""


class KeyRing(Protocol):
    """The API keys in memory."""

    def find(self, key_id: str) -> ApiKey | None:
        """The key with that public id, also an expired or revoked one."""
        ...

    def all(self) -> tuple[ApiKey, ...]:
        """Every key."""
        ...


@dataclass(frozen=True, slots=True)
class GateRules:
    """`keyless` is what a program on this machine may do without a key; with nothing it needs one.

    Limits are for each caller whose key has none of its own, `house_…` for all together; None is no limit.
    Callers without a key share one set of limits: their names are their own word.
    """

    keyless: frozenset[Scope] = frozenset({"chat", "embed", "models"})
    keyless_cloud: Literal["auto", "true", "false"] = "auto"
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    streams: int | None = None
    house_requests_per_minute: int | None = None
    house_tokens_per_minute: int | None = None


class Gate:
    """Implements `serve.plane.parts.Gatekeeper`. For the event loop only.

    The same caller is given the same `Grant` object again, as long as nothing about it changes: what is
    worked out for one may be remembered by it.

    `clock` is UNIX seconds, for expiry; `stopwatch` any monotonic seconds, for limits.
    """

    def __init__(
        self,
        keys: KeyRing,
        rules: Callable[[], GateRules],
        *,
        clock: Callable[[], float],
        stopwatch: Callable[[], float],
    ) -> None:
        self._keys = keys
        self._rules = rules
        self._clock = clock
        self._stopwatch = stopwatch
        self._inside: dict[str, int] = {}
        """Requests under way, by the key."""
        self._rooms: dict[str, Room] = {}
        """What is left of rates; those inside are counted above."""
        self._house = FULL
        self._visitors: dict[tuple[str, bool, frozenset[Scope]], Grant] = {}

    def grant(self, secret: str, *, user: str, loopback: bool) -> Grant:
        """See `Gatekeeper.grant`."""
        if secret.startswith(_OURS):
            return self._bearer(secret)
        rules = self._rules()
        if loopback and rules.keyless:
            return self._visitor(user, rules)
        raise Unauthorized(
            "This API key is not one of this house" if secret else "An API key is needed here",
            hint="`inhouse keys add` makes one; send it as `Authorization: Bearer ih_...`",
        )

    def _visitor(self, user: str, rules: GateRules) -> Grant:
        cloud = rules.keyless_cloud == "true" or (rules.keyless_cloud == "auto" and not self._keys.all())
        name = (user, cloud, rules.keyless)
        found = self._visitors.get(name)
        if found is None:
            found = Grant(user=named_user(user) if user else "local", scopes=rules.keyless, cloud=cloud)
            if len(self._visitors) >= _MOST_VISITORS:
                self._visitors.clear()  # their names are their own word, and may be another one each time
            if len(user) <= _LONGEST_KEPT:
                self._visitors[name] = found
        return found

    def _bearer(self, secret: str) -> Grant:
        key = self._keys.find(secret[ID_AT])
        # Nothing is said about a key to somebody who does not hold all of it.
        if key is None or not matches(key, secret):
            raise Unauthorized("This API key is wrong", hint="`inhouse keys ls` lists the keys in use")
        if reason := why_not(key, self._clock()):
            raise Unauthorized(
                f"The API key {key.name!r} {reason}", hint="`inhouse keys add` makes a new one"
            )
        return key.grant

    def admit(self, grant: Grant) -> Entrance:
        """See `Gatekeeper.admit`."""
        rules, key = self._rules(), grant.key
        requests = grant.requests_per_minute or rules.requests_per_minute
        tokens = grant.tokens_per_minute or rules.tokens_per_minute
        streams = grant.streams or rules.streams
        inside = self._inside.get(key, 0)
        own: Room | None = None
        if requests is not None or tokens is not None or streams is not None:
            room = self._rooms.get(key, FULL)
            entered = enter(
                Room(room.requests, room.tokens, inside),
                requests_per_minute=requests,
                tokens_per_minute=tokens,
                streams=streams,
                now=self._stopwatch(),
            )
            if isinstance(entered, Refused):
                raise _too_many(entered, f"The API key {key}" if key else "Callers without a key")
            own = entered
        if rules.house_requests_per_minute is not None or rules.house_tokens_per_minute is not None:
            self._enter_house(rules)
        if own is not None:
            self._rooms[key] = own
        self._inside[key] = inside + 1
        return Entrance(self, key, tokens, rules.house_tokens_per_minute)

    def _enter_house(self, rules: GateRules) -> None:
        house = enter(
            self._house,
            requests_per_minute=rules.house_requests_per_minute,
            tokens_per_minute=rules.house_tokens_per_minute,
            streams=None,
            now=self._stopwatch(),
        )
        if isinstance(house, Refused):
            raise _too_many(house, "The house")
        self._house = Room(house.requests, house.tokens)

    def under_way(self, key: str) -> int:
        """Requests of that key that are under way."""
        return self._inside.get(key, 0)

    def _leave(self, entrance: Entrance, tokens: int) -> None:
        key = entrance.key
        self._inside[key] -= 1
        if tokens and entrance.tokens_per_minute is not None:
            self._rooms[key] = leave(
                self._rooms.get(key, FULL),
                tokens=tokens,
                tokens_per_minute=entrance.tokens_per_minute,
                now=self._stopwatch(),
            )
        if tokens and entrance.house_tokens_per_minute is not None:
            self._house = leave(
                self._house,
                tokens=tokens,
                tokens_per_minute=entrance.house_tokens_per_minute,
                now=self._stopwatch(),
            )


class Entrance:
    """One request inside; see `Admission`."""

    __slots__ = ("_gate", "_open", "house_tokens_per_minute", "key", "tokens_per_minute")

    def __init__(
        self, gate: Gate, key: str, tokens_per_minute: int | None, house_tokens_per_minute: int | None
    ) -> None:
        self._gate = gate
        self._open = True
        self.key = key
        self.tokens_per_minute = tokens_per_minute
        self.house_tokens_per_minute = house_tokens_per_minute

    def close(self, tokens: int = 0) -> None:
        """See `Admission.close`."""
        if self._open:
            self._open = False
            self._gate._leave(self, tokens)  # noqa: SLF001  the two are one thing in two lifetimes


def named_user(given: str) -> str:
    """The user that a header names; headers carry other alphabets as UTF-8 bytes read as Latin-1.

    Raises:
        BadRequest: if it is no name.
    """
    try:
        user = given.encode("latin-1").decode("utf-8").strip()
    except UnicodeError:
        user = ""
    if not user.isprintable() or not 1 <= len(user) <= 128:
        raise BadRequest("x-inhouse-user is not a user name", hint="1 to 128 printable characters in UTF-8")
    return user


def _too_many(refused: Refused, who: str) -> RateLimited:
    return RateLimited(
        f"{who} may use {refused.limit} {refused.what}, and has",
        hint=f"try again in {max(1, round(refused.retry_after_s))} s; `inhouse keys ls` shows the limits",
        retry_after_s=refused.retry_after_s,
    )
