"""`inhouse users`, `groups` and `acl`: what they print, and what they ask of the house."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.house import FakeBuilder, FakeOwner, run


@pytest.fixture
def builder(tmp_path: Path) -> FakeBuilder:
    """A house with a group and Anna in it."""
    builder = FakeBuilder()
    assert run(tmp_path, "groups", "add", "hr", "--title", "People", builder=builder).exit_code == 0
    words = ("users", "add", "anna", "--name", "Anna A.", "--level", "2", "--group", "hr")
    added = run(tmp_path, *words, builder=builder)
    assert (added.exit_code, added.stdout) == (0, "")
    assert "level 2, in everyone, hr" in added.stderr
    return builder


def test_users_are_listed_and_shown(tmp_path: Path, builder: FakeBuilder) -> None:
    """A table for people, one JSON document for programs."""
    listed = run(tmp_path, "users", "ls", builder=builder)
    assert "anna  Anna A.  2      hr      here" in listed.stdout
    (user,) = json.loads(run(tmp_path, "users", "ls", "--json", builder=builder).stdout)["users"]
    assert user == json.loads(run(tmp_path, "users", "show", "anna", "--json", builder=builder).stdout)
    assert (user["user"], user["level"], user["groups"], user["left_at"]) == ("anna", 2, ["hr"], None)
    assert run(tmp_path, "users", "show", "boris", builder=builder).exit_code == 2
    assert "nobody is on record" in run(tmp_path, "users", "ls").stderr


def test_users_change_leave_and_come_back(tmp_path: Path, builder: FakeBuilder) -> None:
    """Groups and level change; leaving says what it ended; a record that keeps somebody out stays."""
    words = ("users", "set", "anna", "--level", "1", "--no-group", "hr", "--json")
    changed = json.loads(run(tmp_path, *words, builder=builder).stdout)
    assert (changed["level"], changed["groups"], changed["name"]) == (1, [], "Anna A.")
    left = run(tmp_path, "users", "leave", "anna", "--chats", "remove", builder=builder)
    assert "1 API keys revoked, 1 chats removed" in left.stderr
    assert "left on 1970-01-01" in run(tmp_path, "users", "ls", builder=builder).stdout
    kept = run(tmp_path, "users", "rm", "anna", "--yes", builder=builder)
    assert kept.exit_code == 2
    assert "--forget" in kept.stderr
    assert run(tmp_path, "users", "set", "anna", "--back", builder=builder).exit_code == 0
    gone = run(tmp_path, "users", "rm", "anna", "--yes", "--json", builder=builder)
    assert json.loads(gone.stdout) == {"user": "anna", "chats_removed": 1}


@pytest.mark.parametrize(
    "words",
    [
        ("users", "add", "boris", "--level", "10"),
        ("users", "add", "anna"),
        ("users", "add", ""),
        ("users", "set", "anna", "--level", "-1"),
        ("users", "leave", "nobody-here"),
        ("groups", "add", "hr"),
        ("groups", "members", "sales"),
        ("groups", "rm", "sales", "--yes"),
        ("acl", "set", "papers"),
        ("acl", "set", "papers", "--group", "hr", "--nobody"),
        ("acl", "set", "nope", "--group", "hr"),
        ("acl", "set", "papers", "--group", "a,b"),
        ("acl", "explain", "anna", "nope"),
    ],
)
def test_wrong_words(tmp_path: Path, builder: FakeBuilder, words: tuple[str, ...]) -> None:
    """Exit 2, nothing on stdout, and words that say what is wrong."""
    result = run(tmp_path, *words, builder=builder)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.strip()


def test_groups_and_their_members(tmp_path: Path, builder: FakeBuilder) -> None:
    """Members go in and out; renaming and removing say what became of the documents."""
    assert run(tmp_path, "groups", "members", "hr", builder=builder).stdout == "anna\n"
    out = run(tmp_path, "groups", "members", "hr", "--remove", "anna", builder=builder)
    assert (out.stdout, "nobody is in hr" in out.stderr) == ("", True)
    assert "hr     People  0        3" in run(tmp_path, "groups", "ls", builder=builder).stdout
    renamed = run(tmp_path, "groups", "rename", "hr", "people", builder=builder)
    assert "4 documents" in renamed.stderr
    assert ".inhouse-readers" in renamed.stderr
    removed = run(tmp_path, "groups", "rm", "people", "--yes", builder=builder)
    assert "2 of them are read by nobody" in removed.stderr
    gone = run(tmp_path, "groups", "ls", "--json", builder=builder)
    assert json.loads(gone.stdout) == {"groups": []}


def test_readers_are_set_and_explained(tmp_path: Path, builder: FakeBuilder) -> None:
    """What was set is said; an explanation ends in commands."""
    changed = run(tmp_path, "acl", "set", "papers/hr", "--group", "hr:2", "--json", builder=builder)
    assert json.loads(changed.stdout) == {"documents": 2, "unread": 0, "rules": 1, "readers": ["hr:2"]}
    closed = run(tmp_path, "acl", "set", "papers/hr", "--nobody", builder=builder)
    assert "papers/hr: nobody" in closed.stderr
    may = run(tmp_path, "acl", "explain", "anna", "d1", builder=builder)
    assert "anna may read" in may.stdout
    assert "through hr" in may.stdout
    not_yet = run(tmp_path, "acl", "explain", "boris", "d1", builder=builder)
    assert "inhouse groups members hr --add boris" in not_yet.stdout
    assert (
        json.loads(run(tmp_path, "acl", "explain", "boris", "d1", "--json", builder=builder).stdout)["known"]
        is False
    )


def test_readers_change_through_whoever_holds_the_home(tmp_path: Path) -> None:
    """Another command that writes is waited for, not written beside; a gateway alone cannot help."""
    for holder in (FakeOwner(command="ingest"), FakeOwner(role="gateway", address="http://127.0.0.1:1")):
        builder = FakeBuilder(holder=holder)
        assert run(tmp_path, "acl", "set", "papers", "--group", "hr", builder=builder).exit_code == 3
