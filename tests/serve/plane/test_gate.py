"""The gate: who gets in with which key, and how many at once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from inhouse.gateway.edge.keys import StoredKeys
from inhouse.gateway.edge.migrations import FOLDER, HEAD
from inhouse.kernel.caller import ApiKey, Grant
from inhouse.kernel.errors import BadRequest, Conflict, NotFound, RateLimited, Unauthorized
from inhouse.ops.keys import digest_of, secret_of
from inhouse.serve.plane.gate import Gate, GateRules
from inhouse.store.database import Database, Migrations

NOW = 1_795_000_000.0
DAY = 86_400.0


def made(
    number: int, name: str = "ci", grant: Grant | None = None, **more: float | None
) -> tuple[str, ApiKey]:
    """A secret and its key."""
    secret = secret_of(bytes([number]) * 6, bytes([number]) * 32)
    rights = replace(grant or Grant(user="build", team="web"), key=secret.split("_")[1])
    return secret, ApiKey(rights, name, digest_of(secret), NOW, **more)


@dataclass
class Times:
    """Two clocks that stand still until told."""

    wall: float = NOW
    passed: float = 0.0
    rules: GateRules = field(default_factory=GateRules)


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A migrated database."""
    opened = Database.open(tmp_path / "inhouse.db", [Migrations(FOLDER, HEAD)], backups=tmp_path / "backups")
    yield opened
    opened.close()


@pytest.fixture
def keys(database: Database) -> StoredKeys:
    """The keys of that database."""
    return StoredKeys(database)


@pytest.fixture
def times() -> Times:
    """Clocks and rules of the gate."""
    return Times()


@pytest.fixture
def gate(keys: StoredKeys, times: Times) -> Gate:
    """A gate over these keys."""
    return Gate(keys, lambda: times.rules, clock=lambda: times.wall, stopwatch=lambda: times.passed)


def test_a_key_gives_its_rights(gate: Gate, keys: StoredKeys, database: Database) -> None:
    """What the key was made with, from near and far, whatever x-inhouse-user says, and after a restart."""
    rights = Grant(user="build", team="web", scopes=frozenset({"chat"}), models=("qwen*",), cloud=False)
    rights = replace(rights, requests_per_minute=5, tokens_per_minute=1000, streams=2)
    secret, key = made(1, grant=rights)
    keys.add(key)
    for loopback in (True, False):
        assert gate.grant(secret, user="boss", loopback=loopback) == key.grant
    assert StoredKeys(database).find(key.grant.key) == key


def test_wrong_expired_and_revoked_keys_are_refused(gate: Gate, keys: StoredKeys, times: Times) -> None:
    """401 for each on loopback too; a message about a key only to whoever holds all of it."""
    secret, key = made(1, expires_at=NOW + DAY)
    other, _unknown = made(2)
    keys.add(key)
    wrong = secret[:-1] + ("1" if secret[-1] != "1" else "2")
    for bad in (wrong, other, "ih_nonsense"):
        with pytest.raises(Unauthorized, match="This API key is wrong"):
            gate.grant(bad, user="", loopback=True)
    times.wall = NOW + DAY
    with pytest.raises(Unauthorized, match="'ci' expired"):
        gate.grant(secret, user="", loopback=True)
    times.wall = NOW
    keys.revoke("ci", NOW)
    with pytest.raises(Unauthorized, match="'ci' was revoked"):
        gate.grant(secret, user="", loopback=True)


def test_revoking_and_rotating_count_from_the_next_request_on(
    gate: Gate, keys: StoredKeys, database: Database
) -> None:
    """No restart in between; the old one is refused at the moment the new one works, in the database too."""
    old, first = made(1)
    new, second = made(2)
    keys.add(first)
    gate.grant(old, user="", loopback=False)
    keys.rotate(first, second, NOW)
    assert gate.grant(new, user="", loopback=False) == second.grant
    with pytest.raises(Unauthorized):
        gate.grant(old, user="", loopback=False)
    again = StoredKeys(database)
    assert [key.revoked_at for key in again.all()] == [NOW, None]
    again.revoke("ci", NOW + 1)
    with pytest.raises(NotFound):
        again.revoke("ci", NOW + 2)
    keys.refresh()
    with pytest.raises(Unauthorized):
        gate.grant(new, user="", loopback=False)


def test_two_keys_in_use_have_two_names(keys: StoredKeys) -> None:
    """Which one a name means is always clear; the name of a revoked key is free."""
    keys.add(made(1)[1])
    with pytest.raises(Conflict, match="'ci'"):
        keys.add(made(2)[1])
    keys.revoke("ci", NOW)
    keys.add(made(2)[1])


def test_a_vendors_own_key_is_no_key_of_ours(gate: Gate) -> None:
    """On this machine it gives what none gives; from elsewhere it is refused."""
    assert gate.grant("sk-ant-x", user="", loopback=True) == gate.grant("", user="", loopback=True)
    for secret in ("sk-ant-x", ""):
        with pytest.raises(Unauthorized):
            gate.grant(secret, user="", loopback=False)


def test_callers_without_a_key_get_what_the_setting_says(gate: Gate, keys: StoredKeys, times: Times) -> None:
    """By default models and no changes; the cloud only until a first key tells payers apart; or nothing."""
    grant = gate.grant("", user="анна".encode().decode("latin-1"), loopback=True)
    assert (grant.user, grant.cloud) == ("анна", True)
    assert grant.scopes == frozenset({"chat", "embed", "models"})
    keys.add(made(1)[1])
    assert gate.grant("", user="", loopback=True).cloud is False
    times.rules = GateRules(keyless_cloud="true")
    assert gate.grant("", user="", loopback=True).cloud is True
    with pytest.raises(BadRequest):
        gate.grant("", user="a\nb", loopback=True)
    times.rules = GateRules(keyless=frozenset())
    with pytest.raises(Unauthorized):
        gate.grant("", user="", loopback=True)


def test_a_caller_is_known_again_by_its_grant(
    gate: Gate, keys: StoredKeys, times: Times, database: Database
) -> None:
    """The same object as long as nothing changes, also when another process added a key; else another one."""
    secret, key = made(1)
    keys.add(key)
    first = gate.grant(secret, user="", loopback=False)
    local, named = (gate.grant("", user=user, loopback=True) for user in ("", "eva"))
    StoredKeys(database).add(made(2, "other")[1])
    assert keys.refresh()
    assert gate.grant(secret, user="", loopback=True) is first
    assert gate.grant("sk-x", user="", loopback=True) is local
    assert gate.grant("", user="eva", loopback=True) is named
    assert named is not local
    times.rules = GateRules(keyless=frozenset({"models"}))
    assert gate.grant("", user="eva", loopback=True).scopes == frozenset({"models"})


def test_names_that_callers_make_up_fill_no_memory(gate: Gate) -> None:
    """After ten thousand of them the first one is told anew, and is the same in every word."""
    first = gate.grant("", user="user0", loopback=True)
    for number in range(10_000):
        gate.grant("", user=f"user{number}", loopback=True)
    again = gate.grant("", user="user0", loopback=True)
    assert again == first
    assert again is not first


def test_limits_are_per_key(gate: Gate, keys: StoredKeys, times: Times) -> None:
    """One key's limit is not another's; the error says who, how much and when; time makes room."""
    slow = made(1, "slow", Grant(requests_per_minute=1))[1].grant
    free = made(2, "free")[1].grant
    gate.admit(slow).close()
    with pytest.raises(RateLimited, match=f"{slow.key} may use 1 requests per minute") as caught:
        gate.admit(slow)
    assert caught.value.retry_after_s == 60.0
    for _ in range(10):
        gate.admit(free).close()
    times.passed += 60.0
    gate.admit(slow).close()


def test_tokens_are_paid_at_the_end(gate: Gate, times: Times) -> None:
    """The real number counts, once, and the next one waits for it."""
    grant = Grant(key="k", tokens_per_minute=60)
    first = gate.admit(grant)
    first.close(90)
    first.close(90)
    with pytest.raises(RateLimited, match="60 tokens per minute"):
        gate.admit(grant)
    times.passed += 31.0
    gate.admit(grant).close()


def test_streams_are_given_back_however_they_end(gate: Gate) -> None:
    """Two at once; closing makes room, closing twice makes no more."""
    grant = Grant(key="k", streams=2)
    first, _second = gate.admit(grant), gate.admit(grant)
    with pytest.raises(RateLimited):
        gate.admit(grant)
    first.close()
    first.close()
    gate.admit(grant)
    assert gate.under_way("k") == 2


def test_the_house_has_limits_of_its_own(gate: Gate, times: Times) -> None:
    """Many keys together meet the house's rate; a refusal by the house costs the key nothing."""
    times.rules = GateRules(house_requests_per_minute=2)
    gate.admit(Grant(key="a")).close()
    gate.admit(Grant(key="b")).close()
    with pytest.raises(RateLimited, match="The house may use 2"):
        gate.admit(Grant(key="c"))
    assert gate.under_way("c") == 0


@pytest.mark.parametrize("jump", [DAY, -DAY])
def test_a_clock_set_by_a_day_moves_no_limit(gate: Gate, times: Times, jump: float) -> None:
    """D08: the wall clock jumped, and neither is a spent minute free again nor a fresh one blocked."""
    grant = Grant(key="k", requests_per_minute=1)
    gate.admit(grant).close()
    before = times.wall
    times.wall += jump
    assert times.wall != before
    with pytest.raises(RateLimited):
        gate.admit(grant)
    times.passed += 60.0
    gate.admit(grant).close()


def test_control_a_gate_on_the_wall_clock_is_fooled_by_the_jump(keys: StoredKeys, times: Times) -> None:
    """D08, the control: with the wall clock as stopwatch the same jump frees a spent minute."""
    gate = Gate(keys, lambda: times.rules, clock=lambda: times.wall, stopwatch=lambda: times.wall)
    grant = Grant(key="k", requests_per_minute=1)
    gate.admit(grant).close()
    times.wall += DAY
    gate.admit(grant).close()


def test_long_names_are_not_kept(keys: StoredKeys) -> None:
    """Spaces around a name may be 60 KB; a thousand of those are not held in memory. A short one is."""
    gate = Gate(keys, GateRules, clock=lambda: NOW, stopwatch=lambda: 0.0)
    long = ("eva" + "\u00a0" * 30_000).encode().decode("latin-1")
    first, second = (gate.grant("", user=long, loopback=True) for _ in range(2))
    assert first.user == "eva"
    assert first is not second
    assert gate.grant("", user="eva", loopback=True) is gate.grant("", user="eva", loopback=True)
