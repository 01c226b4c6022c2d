"""`inhouse keys`: made once, shown once, revoked at once; and what listening on a network asks for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.house import FakeBuilder, FakeOwner, run


def test_a_key_is_shown_once(tmp_path: Path) -> None:
    """The secret is alone on stdout, the list knows everything but it, and what is kept does not hold it."""
    builder = FakeBuilder()
    words = ("--name", "ci", "--user", "анна", "--team", "web", "--scope", "chat", "--model", "qwen*")
    limits = ("--no-cloud", "--rpm", "5", "--tpm", "900", "--streams", "2", "--expires", "90d")
    made = run(tmp_path, "keys", "add", *words, *limits, builder=builder)
    assert made.exit_code == 0, made.stderr
    secret = made.stdout.strip()
    assert secret.startswith("ih_")
    listed = run(tmp_path, "keys", "ls", "--json", builder=builder)
    (key,) = json.loads(listed.stdout)["keys"]
    assert (key["name"], key["user"], key["team"], key["scopes"]) == ("ci", "анна", "web", ["chat"])
    assert (key["models"], key["cloud"], key["requests_per_minute"]) == (["qwen*"], False, 5)
    assert (key["tokens_per_minute"], key["streams"], key["state"]) == (900, 2, "in use")
    readable = run(tmp_path, "keys", "ls", builder=builder)
    assert "5 requests/min, 900 tokens/min, 2 at once" in readable.stdout
    rest = secret.split("_")[2]
    assert rest not in listed.stdout + readable.stdout + made.stderr + repr(builder.fakes.keys.kept)


def test_a_key_is_rotated_and_revoked(tmp_path: Path) -> None:
    """Rotating gives another secret to the same rights; a revoked key stays in the list as such."""
    builder = FakeBuilder()
    first = json.loads(run(tmp_path, "keys", "add", "--name", "ci", "--json", builder=builder).stdout)
    second = json.loads(run(tmp_path, "keys", "rotate", "ci", "--json", builder=builder).stdout)
    assert first["secret"] != second["secret"]
    assert first["key"]["scopes"] == second["key"]["scopes"] == ["chat", "embed", "models"]
    gone = run(tmp_path, "keys", "revoke", second["key"]["id"], builder=builder)
    assert (gone.exit_code, gone.stdout) == (0, "")
    states = [
        key["state"]
        for key in json.loads(run(tmp_path, "keys", "ls", "--json", builder=builder).stdout)["keys"]
    ]
    assert states == ["was revoked", "was revoked"]
    again = run(tmp_path, "keys", "revoke", "ci", builder=builder)
    assert (again.exit_code, again.stdout) == (2, "")


@pytest.mark.parametrize(
    "words", [("--expires", "2001-01-01"), ("--expires", "soon"), ("--scope", "root"), ("--rpm", "0"), ()]
)
def test_wrong_keys_are_not_made(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Exit 2 and no key: an expiry that is over, an unknown scope, a limit of nothing, a name twice."""
    builder = FakeBuilder()
    run(tmp_path, "keys", "add", "--name", "old", builder=builder)
    name = "new" if words else "old"
    assert run(tmp_path, "keys", "add", "--name", name, *words, builder=builder).exit_code == 2
    assert len(builder.fakes.keys.kept) == 1


def test_an_empty_name_is_refused_in_words(tmp_path: Path) -> None:
    """Exit 2 and the option, no traceback."""
    result = run(tmp_path, "keys", "add", "--name", "")
    assert result.exit_code == 2
    assert result.stderr.startswith("error: name = '': ")


def test_no_keys_is_said(tmp_path: Path) -> None:
    """An empty list is explained on stderr."""
    result = run(tmp_path, "keys", "ls")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "server.keyless" in result.stderr


def test_keys_change_through_whoever_holds_the_home(tmp_path: Path) -> None:
    """Another command that writes is waited for, not written beside."""
    builder = FakeBuilder(holder=FakeOwner(command="ingest"))
    assert run(tmp_path, "keys", "add", "--name", "ci", builder=builder).exit_code == 3


def test_other_machines_need_a_flag_and_a_key(tmp_path: Path) -> None:
    """Listening on the network is refused without --expose, and with it while no key is in use."""
    builder = FakeBuilder()
    closed = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", builder=builder)
    assert closed.exit_code == 2
    assert "--expose" in closed.stderr
    run(tmp_path, "keys", "add", "--name", "gone", builder=builder)
    run(tmp_path, "keys", "revoke", "gone", builder=builder)
    keyless = run(tmp_path, "serve", "--host", "0.0.0.0", "--port", "0", "--expose", builder=builder)
    assert keyless.exit_code == 2
    assert "no API key in use" in keyless.stderr
    assert "ready" not in keyless.stdout
