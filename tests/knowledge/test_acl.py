"""Changes of readers, in a real home: each a single operation that a kill cannot leave half done."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from sqlalchemy import insert

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest, Conflict, HomeUnusable, NotFound
from inhouse.knowledge.acl_rules import FolderFile, Rule
from inhouse.knowledge.edge.acl import AccessDesk
from inhouse.knowledge.edge.intake import Target
from inhouse.knowledge.edge.lexical import Lexical
from inhouse.knowledge.edge.people import StoredPeople
from inhouse.knowledge.edge.planning import Planning
from inhouse.knowledge.edge.source_desk_rows import SourceRows
from inhouse.knowledge.edge.tables import glossary
from inhouse.knowledge.plan import Plan
from inhouse.knowledge.ports.people import AccessChange
from inhouse.knowledge.source import Source
from tests.knowledge.home import NOW, Home, open_home, write

FILES = {
    "welcome.md": "# Welcome\n\nThe badger greets everybody.\n",
    "hr/leave.md": "# Leave\n\nThe badger takes 28 days of leave.\n",
    "hr/pay/may.md": "# Pay\n\nThe badger earns 900 coins.\n",
    "it/keys.md": "# Keys\n\nThe badger keeps the keys.\n",
}


class World:
    """An open home with people and a source of four documents."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.people = StoredPeople(home.database, now=lambda: NOW)
        self.desk = AccessDesk(home.database, home.manifest, self.people, now=lambda: NOW)

    def found(self, user: str) -> list[str]:
        """The documents that a search of this user brings up."""
        caller = self.people.caller(user)
        hits = self.home.lexical.search(caller, ["badger"], limit=50)
        listed = {row.document_id: row.document for row in self.home.library.list(caller).documents}
        # Both the shelves and the rows must agree, or somebody sees half of a document.
        assert {hit.document_id for hit in hits} == set(listed)
        return sorted(listed.values())

    def reopen(self) -> World:
        """What the next process sees, after it put right what this one left."""
        home = self.home.reopen()
        home.manifest.recover()
        return World(home)

    def readers(self) -> dict[str, tuple[str, ...]]:
        """Document to readers, whoever may see them."""
        return {one.document: tuple(sorted(one.readers)) for one in self.home.manifest.known("papers")}


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Anna is in hr at level 2, Boris in it, at level 0."""
    papers = write(tmp_path / "papers", FILES)
    world = World(open_home(tmp_path / "home"))
    world.home.ingest.run([papers], readers=frozenset({"everyone"}))
    for group in ("hr", "it"):
        world.people.add_group(group, title="")
    world.people.add_user("anna", name="", level=2, groups=["hr"])
    world.people.add_user("boris", name="", level=0, groups=["it"])
    yield world
    world.home.close()


def test_readers_of_a_folder_a_document_and_a_source(world: World) -> None:
    """Each is kept as a rule; the nearest wins; a level counts; the words say which rule it was."""
    changed = world.desk.set_readers("papers/hr", frozenset({"hr"}))
    assert changed == AccessChange(2, 0, 1, frozenset({"hr"}))
    assert world.found("anna") == sorted(FILES)
    assert world.found("boris") == ["it/keys.md", "welcome.md"]
    world.desk.set_readers("hr/pay/may.md", frozenset({"hr:3"}))
    assert world.found("anna") == ["hr/leave.md", "it/keys.md", "welcome.md"]
    world.people.change_user("anna", level=3)
    assert world.found("anna") == sorted(FILES)
    world.desk.set_readers("papers", frozenset({"it"}))
    assert world.found("anna") == ["hr/leave.md", "hr/pay/may.md"]
    assert world.found("boris") == ["it/keys.md", "welcome.md"]
    assert world.found("local") == []
    assert "`hr/pay/may.md`" in world.desk.explain("anna", "papers/hr/pay/may.md").readers_from
    (record,) = SourceRows(world.home.database).all()
    assert (record.kind, sorted(record.readers), len(record.rules)) == ("folder", ["it"], 2)


def test_nobody_may_read(world: World) -> None:
    """`nobody` hides a folder from all; it can be opened again."""
    changed = world.desk.set_readers("papers/hr/", frozenset())
    assert (changed.documents, changed.unread) == (2, 2)
    assert world.found("anna") == world.found("local") == ["it/keys.md", "welcome.md"]
    world.desk.set_readers("papers/hr", frozenset({"everyone"}))
    assert world.found("local") == sorted(FILES)


def test_a_pattern_and_what_is_not_there(world: World) -> None:
    """A pattern below a source is a rule; a mistyped place is refused and changes nothing."""
    assert world.desk.set_readers("papers/**/*.md", frozenset({"hr"})).documents == 4
    for place in ("papers/hrr", "paper", "nope.md", "papers/../x"):
        with pytest.raises((NotFound, BadRequest)):
            world.desk.set_readers(place, frozenset({"everyone"}))
    assert world.found("local") == []
    assert len(SourceRows(world.home.database).get("papers").rules) == 1


def test_what_files_in_folders_said_still_narrows(world: World) -> None:
    """Rules that are set anew do not forget what the last look found in the folders."""
    world.desk.set_readers("papers/it", frozenset({"everyone"}))
    SourceRows(world.home.database).change("papers", files=(FolderFile("hr", frozenset({"hr"})),))
    world.desk.set_readers("papers", frozenset({"everyone"}))
    assert world.found("boris") == ["it/keys.md", "welcome.md"]
    assert world.found("anna") == sorted(FILES)


def test_sources_that_are_not_on_record(world: World, tmp_path: Path) -> None:
    """With documents of different readers it cannot be told what the others should have."""
    more = write(tmp_path / "more", {"a.md": "badger one", "b.md": "badger two"})
    world.home.ingest.run([more / "a.md"], source="more", readers=frozenset({"hr"}))
    world.home.ingest.run([more / "b.md"], source="more", readers=frozenset({"it"}))
    with pytest.raises(Conflict, match="different readers"):
        world.desk.set_readers("more/a.md", frozenset({"everyone"}))
    assert world.found("local") == sorted(FILES)


def test_renaming_a_group(world: World) -> None:
    """Members, documents at all levels, sources, rules and shelves follow; another name is left alone."""
    world.desk.set_readers("papers/hr", frozenset({"hr", "hr-north"}))
    world.desk.set_readers("papers/hr/pay", frozenset({"hr:2"}))
    before = world.found("anna"), world.found("boris")
    changed = world.desk.rename_group("hr", "people")
    assert (changed.documents, changed.unread, changed.rules) == (2, 0, 2)
    assert (world.found("anna"), world.found("boris")) == before
    assert world.people.user("anna").groups == ("people",)
    assert world.readers()["hr/leave.md"] == ("hr-north", "people")
    assert world.readers()["hr/pay/may.md"] == ("people:2",)
    record = SourceRows(world.home.database).get("papers")
    assert [sorted(rule.readers) for rule in record.rules] == [["hr-north", "people"], ["people:2"]]
    again = world.reopen()
    assert (again.found("anna"), again.found("boris")) == before
    again.home.close()


def test_names_that_a_group_cannot_get(world: World) -> None:
    """One that is taken; one that documents name, because its new members would read them; none of ours."""
    world.desk.set_readers("papers/it", frozenset({"board"}))
    for new, error in (("it", Conflict), ("board", Conflict), ("everyone", BadRequest), ("x:1", BadRequest)):
        with pytest.raises(error):
            world.desk.rename_group("hr", new)
    with pytest.raises(NotFound):
        world.desk.rename_group("sales", "trade")
    assert world.people.user("anna").groups == ("hr",)


def test_removing_a_group(world: World) -> None:
    """What only it could read is read by nobody, never by everyone; it is said how many that are."""
    world.desk.set_readers("papers/hr", frozenset({"hr"}))
    world.desk.set_readers("papers/it", frozenset({"it", "hr:1"}))
    changed = world.desk.remove_group("hr")
    assert (changed.documents, changed.unread) == (3, 2)
    assert world.readers()["hr/leave.md"] == ()
    assert world.found("anna") == world.found("local") == ["welcome.md"]
    assert world.found("boris") == ["it/keys.md", "welcome.md"]
    assert world.people.user("anna").groups == ()
    # A group of the same name that is made later does not find the old doors open.
    world.people.add_group("hr", title="")
    world.people.change_user("anna", join=["hr"])
    assert world.found("anna") == ["welcome.md"]
    again = world.reopen()
    assert again.found("anna") == ["welcome.md"]
    again.home.close()


def test_groups_that_nobody_made(world: World) -> None:
    """They are listed as such, can be taken away everywhere, and `everyone` cannot."""
    world.desk.set_readers("papers/it", frozenset({"typo", "it"}))
    listed = {one.group: one for one in world.people.groups()}
    assert (listed["typo"].recorded, listed["typo"].documents) == (False, 1)
    world.desk.remove_group("typo")
    assert world.readers()["it/keys.md"] == ("it",)
    with pytest.raises(BadRequest):
        world.desk.remove_group("everyone")
    with pytest.raises(NotFound):
        world.desk.remove_group("typo")


class Broken:
    """Fails when the word index is written, and counts that it did."""

    def __init__(self, lexical: Lexical) -> None:
        self._lexical = lexical
        self.fired = 0

    def replace(self, documents: Sequence[object]) -> None:
        self.fired += 1
        raise OSError(28, "No space left on device")

    def __getattr__(self, name: str) -> object:
        return getattr(self._lexical, name)


CHANGES: dict[str, Callable[[AccessDesk], object]] = {
    "set": lambda desk: desk.set_readers("papers/hr", frozenset({"it"})),
    "rename": lambda desk: desk.rename_group("hr", "people"),
    "remove": lambda desk: desk.remove_group("hr"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_stop_between_rows_and_index(world: World, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody finds the documents by the old rule meanwhile, and the next start ends where it should.

    The control is the same change without the fault: both ends are equal.
    """
    world.desk.set_readers("papers/hr", frozenset({"hr"}))
    broken = Broken(world.home.lexical)
    with monkeypatch.context() as patch:
        patch.setattr(world.home.manifest._shelves, "_lexical", broken)
        with pytest.raises(HomeUnusable):
            CHANGES[name](world.desk)
    assert broken.fired == 1
    for user in ("anna", "boris", "local"):
        caller = world.people.caller(user)
        searched = world.home.library.list(caller, status="indexed").documents
        assert not any(one.document.startswith("hr/") for one in searched)
    again = world.reopen()
    ends = {user: again.found(user) for user in ("anna", "boris", "local")}
    again.desk.set_readers("papers", frozenset({"everyone"}))
    again.home.close()
    assert ends["local"] == ["it/keys.md", "welcome.md"]
    assert ends["anna"] == (sorted(FILES) if name == "rename" else ends["local"])
    assert ends["boris"] == (sorted(FILES) if name == "set" else ends["local"])


def test_a_change_is_whole_or_not_at_all(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the transaction fails in its middle, no name changed anywhere; the control: without the fault."""
    world.desk.set_readers("papers/hr", frozenset({"hr"}))
    rows = SourceRows(world.home.database)
    before = (world.readers(), rows.all(), world.people.groups(), world.people.users())
    fired: list[object] = []

    def fail(*_given: object) -> None:
        fired.append(True)
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr("inhouse.knowledge.edge.acl._file_anew", fail)
        with pytest.raises(Exception, match=r"Input/output|could not"):
            world.desk.rename_group("hr", "people")
    assert fired
    assert (world.readers(), rows.all(), world.people.groups(), world.people.users()) == before
    world.desk.rename_group("hr", "people")
    assert world.readers() != before[0]


def test_why_somebody_may_or_may_not_read(world: World) -> None:
    """Through which group, by which rule, and what would change it; each way out is a command."""
    world.desk.set_readers("papers/hr", frozenset({"hr:2", "board"}))
    may = world.desk.explain("anna", "hr/leave.md")
    assert (may.may_read, may.through, may.level, may.known) == (True, ("hr:2",), 2, True)
    assert "anna may read papers/hr/leave.md" in may.words
    assert [step.command for step in may.changes] == [
        "inhouse groups members hr --remove anna",
        "inhouse acl set papers/hr/leave.md --group GROUP",
    ]
    not_yet = world.desk.explain("boris", "papers/hr/leave.md")
    assert (not_yet.may_read, not_yet.through) == (False, ())
    assert [step.command for step in not_yet.changes] == [
        "inhouse groups add board",
        "inhouse groups members board --add boris",
        "inhouse groups members hr --add boris",
        "inhouse users set boris --level 2",
        "inhouse acl set papers/hr/leave.md --group GROUP",
    ]
    assert "boris has level 0 and is in everyone, it" in not_yet.words


def test_why_for_strangers_and_people_who_left(world: World) -> None:
    """A name without a record is in everyone only; who left reads nothing, not even what everyone reads."""
    stranger = world.desk.explain("o'neil", "welcome.md")
    assert (stranger.known, stranger.may_read, stranger.through) == (False, True, ("everyone",))
    assert 'no user "o\'neil" on record' in stranger.words
    world.people.leave("boris", chats="keep")
    left = world.desk.explain("boris", "welcome.md")
    assert (left.left, left.may_read) == (True, False)
    assert [step.command for step in left.changes] == ["inhouse users set boris --back"]


def test_documents_that_cannot_be_explained(world: World, tmp_path: Path) -> None:
    """One that is not there, and a name that means two."""
    with pytest.raises(NotFound):
        world.desk.explain("anna", "nope.md")
    other = write(tmp_path / "other", {"welcome.md": "# Other\n\nbadger again"})
    world.home.ingest.run([other])
    with pytest.raises(BadRequest, match="2 documents"):
        world.desk.explain("anna", "welcome.md")
    assert world.desk.explain("anna", "other/welcome.md").source == "other"


def test_a_rule_of_a_source_on_record(world: World) -> None:
    """A source that a person put on record keeps everything else of its record."""
    rows = SourceRows(world.home.database)
    rows.add(Source("web", "web", "https://example.org/", "anna", frozenset({"hr"}), every_s=60))
    world.desk.set_readers("web", frozenset({"it"}))
    changed = rows.get("web")
    assert changed.readers == {"it"}
    assert (changed.owner, changed.every_s, changed.rules) == ("anna", 60, ())
    rows.change("web", rules=(Rule("", frozenset({"hr"})), Rule("a", frozenset())))
    world.desk.set_readers("web", frozenset({"it"}))
    assert [rule.where for rule in rows.get("web").rules] == ["a"]


def test_other_tables_are_not_touched(world: World) -> None:
    """A glossary with the group's name in it keeps it: only readers are changed."""
    with world.home.database.write() as connection:
        row = {"term": "hr", "meanings": '["hr"]', "created_at": NOW}
        connection.execute(insert(glossary).values(row))
    world.desk.rename_group("hr", "people")
    with world.home.database.read() as connection:
        assert connection.execute(glossary.select()).one().term == "hr"


def test_readers_of_nothing_are_no_reason_to_rebuild(world: World) -> None:
    """Documents for nobody stand on a shelf that nobody opens; a start does not take that for damage."""
    world.desk.set_readers("papers/hr", frozenset())
    home = world.home.reopen()
    assert home.manifest.recover() == []
    assert home.lexical.search(Caller("x", frozenset()), ["badger"], limit=9) == []
    home.close()


def test_readers_chosen_at_an_upload(world: World, tmp_path: Path) -> None:
    """Nobody else finds it from its first moment on, and a later change elsewhere does not open it."""
    rows = SourceRows(world.home.database)
    world.desk.choose_readers("uploads", "anna/secret.md", frozenset({"hr"}), by="anna")
    record = rows.get("uploads")
    assert (record.kind, sorted(record.readers)) == ("upload", ["everyone"])
    papers = write(tmp_path / "sent", {"secret.md": "# Secret\n\nThe badger is late.\n"})
    ingest = world.home.ingest
    ingest._on_record = rows
    ingest.start()
    with (papers / "secret.md").open("rb") as stream:
        job = ingest.upload("anna/secret.md", stream)
    while ingest.report(job) is None:
        pass
    assert "anna/secret.md" in world.found("anna")
    assert "anna/secret.md" not in world.found("boris")
    world.desk.set_readers("uploads", frozenset({"everyone"}))
    assert "anna/secret.md" not in world.found("boris")
    assert "chosen at the upload by anna" in world.desk.explain("boris", "anna/secret.md").words


@pytest.mark.parametrize(
    "name", ["*/pay.md", "boris/*", "boris/pa?.md", "boris/**", "boris/pay.md ", " pay.md"]
)
def test_readers_of_an_upload_open_no_other_document(world: World, tmp_path: Path, name: str) -> None:
    """A file's name is no pattern, and a rule that would miss its document is refused."""
    sent = write(tmp_path / "uploads", {"anna/pay.md": "# Pay\n\nThe badger earns 900 coins.\n"})
    world.desk.choose_readers("uploads", "anna/pay.md", frozenset({"hr"}), by="anna")
    world.home.ingest.run([sent])
    world.desk.set_readers("uploads", frozenset({"hr"}))
    before = SourceRows(world.home.database).get("uploads").rules
    with pytest.raises(BadRequest, match="No groups can be chosen"):
        world.desk.choose_readers("uploads", name, frozenset({"everyone"}), by="boris")
    assert SourceRows(world.home.database).get("uploads").rules == before
    assert "anna/pay.md" not in world.found("boris")


@pytest.mark.parametrize("known", [False, True])
def test_readers_that_change_during_a_run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, known: bool
) -> None:
    """What a run planned by the rules of before is written by those of now, new or only to be filed anew."""
    home = world.home
    sent = write(tmp_path / "uploads", {"a.md": "# A\n\nThe badger is ill.\n"})
    if known:
        home.ingest.run([sent], readers=frozenset({"hr"}))
    world.desk.choose_readers("uploads", "other.md", frozenset({"it"}), by="boris")
    # By these the document that is known has to be filed anew; no look has been at it since.
    SourceRows(home.database).change("uploads", readers=frozenset({"everyone"}))
    fired: list[str] = []
    with_moves = Planning.with_moves

    def changed_first(planning: Planning, plans: list[tuple[Plan, Target]]) -> list[tuple[Plan, Target]]:
        world.desk.set_readers("uploads", frozenset({"hr"}))
        fired.append("changed")
        return with_moves(planning, plans)

    monkeypatch.setattr(Planning, "with_moves", changed_first)
    home.ingest.run([sent])
    assert fired == ["changed"]
    assert "a.md" in world.found("anna")
    assert "a.md" not in world.found("boris")
