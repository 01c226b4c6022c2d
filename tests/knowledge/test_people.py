"""Users and groups as records, and whom a name stands for."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, Conflict, NotFound
from inhouse.knowledge.edge.chats import StoredChats
from inhouse.knowledge.edge.people import StoredPeople
from inhouse.store.database import Database
from tests.knowledge.shelf import open_database

NOW = 1_900_000_000.0


@pytest.fixture
def people(database: Database) -> StoredPeople:
    """Two groups, and Anna in one of them at level 2."""
    people = StoredPeople(database, now=lambda: NOW)
    people.add_group("finance", title="Money  matters")
    people.add_group("hr", title="")
    people.add_user("anna", name="Anna A.", level=2, groups=["finance"])
    return people


def test_whom_a_name_stands_for(people: StoredPeople) -> None:
    """A record brings its groups with levels; everyone else is in `everyone` only."""
    assert people.caller("anna").groups == {
        *("everyone", "everyone:1", "everyone:2"),
        *("finance", "finance:1", "finance:2"),
    }
    assert people.caller("stranger") == Caller("stranger")
    assert people.caller("local") == Caller()


def test_a_change_counts_at_once(people: StoredPeople, tmp_path: Path) -> None:
    """A membership that is given or taken, by this or another process, counts for the next question."""
    other_process = StoredPeople(open_database(tmp_path), now=lambda: NOW)
    assert "hr" not in people.caller("anna").groups
    other_process.change_user("anna", join=["hr"])
    assert "hr:2" in people.caller("anna").groups
    people.change_members("finance", quit=["anna"])
    assert "finance" not in other_process.caller("anna").groups
    people.change_user("anna", level=0)
    assert other_process.caller("anna").groups == {"everyone", "hr"}


def test_records_are_shown(people: StoredPeople) -> None:
    """Users with groups, groups with members; `everyone` is always there."""
    (anna,) = people.users()
    assert (anna.user, anna.name, anna.level, anna.groups, anna.left_at) == (
        *("anna", "Anna A.", 2),
        *(("finance",), None),
    )
    assert people.user("anna") == anna
    by_name = {one.group: one for one in people.groups()}
    assert set(by_name) == {"everyone", "finance", "hr"}
    assert by_name["finance"].members == ("anna",)
    assert by_name["finance"].title == "Money matters"


def test_what_is_not_there_or_there_twice(people: StoredPeople) -> None:
    """Each wrong word is refused, and nothing of the operation happened."""
    with pytest.raises(Conflict):
        people.add_user("anna", name="", level=0, groups=[])
    with pytest.raises(Conflict):
        people.add_group("hr", title="")
    for wrong in ("nobody", "everyone", "a:b", "hr:1"):
        with pytest.raises(BadRequest):
            people.add_group(wrong, title="")
    with pytest.raises(NotFound):
        people.add_user("boris", name="", level=0, groups=["hr", "sales"])
    with pytest.raises(NotFound):
        people.user("boris")
    for user in ("", "local", "a/b", "a\nb", "x" * 129):
        with pytest.raises(BadRequest):
            people.add_user(user, name="", level=0, groups=[])
    with pytest.raises(BadRequest):
        people.change_user("anna", level=10)
    with pytest.raises(NotFound):
        people.change_user("anna", join=["hr"], quit=["sales"])
    assert people.user("anna").groups == ("finance",)
    with pytest.raises(BadRequest):
        people.change_user("anna", quit=["everyone"])
    with pytest.raises(NotFound):
        people.change_members("sales", join=["anna"])
    with pytest.raises(NotFound):
        people.leave("boris", chats="keep")


def test_leaving(people: StoredPeople, database: Database) -> None:
    """No group at all from the next look on; keys are refused in the same step; chats stay or go."""
    chats = StoredChats(database, now=lambda: NOW, new_id=iter("abcdef").__next__)
    chats.begin(people.caller("anna"), None, "How much?")
    revoked: list[tuple[str, float]] = []

    def revoke(connection: sqlite3.Connection, user: str, now: float) -> int:
        assert connection.in_transaction
        revoked.append((user, now))
        return 3

    told: list[str] = []
    leaving = StoredPeople(
        database, now=lambda: NOW, revoke_keys=revoke, keys_changed=lambda: told.append("keys")
    )
    left = leaving.leave("anna", chats="keep")
    assert (left.keys_revoked, left.chats, left.chats_removed) == (3, 1, False)
    assert (revoked, told) == ([("anna", NOW)], ["keys"])
    assert people.caller("anna") == Caller("anna", frozenset())
    assert people.user("anna").left_at == NOW
    assert len(chats.list(Caller("anna"))) == 1
    again = people.leave("anna", chats="remove")
    assert (again.chats, again.person.left_at) == (1, NOW)
    assert chats.list(Caller("anna")) == ()


def test_leaving_is_whole_or_not_at_all(people: StoredPeople, database: Database) -> None:
    """If the keys cannot be refused, nothing happened; the control: without the fault it does."""

    def broken(_connection: sqlite3.Connection, _user: str, _now: float) -> int:
        raise sqlite3.OperationalError("disk I/O error")

    before = people.caller("anna")
    failing = StoredPeople(database, now=lambda: NOW, revoke_keys=broken)
    with pytest.raises(Exception, match="disk"):
        failing.leave("anna", chats="remove")
    assert people.caller("anna") == before
    people.leave("anna", chats="remove")
    assert not people.caller("anna").groups


def test_nobody_comes_back_by_accident(people: StoredPeople) -> None:
    """Who left joins no group and is not forgotten, unless it is said; coming back brings no group back."""
    people.leave("anna", chats="keep")
    with pytest.raises(Conflict):
        people.change_user("anna", join=["hr"])
    with pytest.raises(Conflict):
        people.change_members("hr", join=["anna"])
    with pytest.raises(Conflict):
        people.remove_user("anna")
    with pytest.raises(Conflict):
        people.add_user("anna", name="", level=0, groups=[])
    assert people.come_back("anna").groups == ()
    assert people.caller("anna").groups == {"everyone", "everyone:1", "everyone:2"}
    with pytest.raises(Conflict):
        people.come_back("anna")
    assert people.remove_user("anna") == 0
    assert people.caller("anna") == Caller("anna")
