"""Who may read a document, by the rules of its source."""

from __future__ import annotations

import json

import pytest

from inhouse.kernel.caller import Readers
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_rules import (
    FolderFile,
    Rule,
    SourceRules,
    place_of,
    readers_of,
    rename_in_rules,
    rules_from_json,
    rules_to_json,
    with_rule,
    without_group_in_rules,
)


def of(*names: str) -> Readers:
    return frozenset(names)


RULES = (
    Rule("", of("everyone"), "readers.csv, line 2"),
    Rule("hr", of("hr"), "readers.csv, line 3"),
    Rule("hr/pay", of("hr:2")),
    Rule("hr/pay/board.xlsx", of("board")),
    Rule("hr/attic", of()),
    Rule("*.key", of()),
    Rule("hr/*.public.md", of("everyone")),
    Rule("projects/**/contracts/**", of("legal")),
)


@pytest.mark.parametrize(
    ("document", "readers", "rule"),
    [
        ("welcome.md", of("everyone"), "whole source"),
        ("hr/leave.md", of("hr"), "`hr` (readers.csv, line 3)"),
        ("hr", of("hr"), "`hr`"),
        ("hrx/leave.md", of("everyone"), "whole source"),
        ("hr/pay/2026/may.xlsx", of("hr:2"), "`hr/pay`"),
        ("hr/pay/board.xlsx", of("board"), "board.xlsx"),
        ("hr/attic/old.md", of(), "`hr/attic`"),
        ("hr/server.key", of(), "`*.key`"),
        ("server.key", of(), "`*.key`"),
        ("hr/tips.public.md", of("everyone"), "*.public.md"),
        ("hr/pay/tips.public.md", of("hr:2"), "`hr/pay`"),
        ("projects/a/b/contracts/x/y.pdf", of("legal"), "contracts"),
        ("projects/contracts/y.pdf", of("legal"), "contracts"),
        ("projects/contracts.pdf", of("everyone"), "whole source"),
    ],
)
def test_the_nearest_rule_wins(document: str, readers: Readers, rule: str) -> None:
    """The document's own rule, else a pattern, else the nearest folder; and the words name that rule."""
    found, why = readers_of(RULES, of("staff"), document)
    assert found == readers
    assert rule in why


def test_what_no_rule_covers() -> None:
    """The source's own groups; a source without groups lets nobody read."""
    rules = [Rule("hr", of("hr"))]
    assert readers_of(rules, of("staff"), "a.md") == (of("staff"), "the groups of its source")
    readers, why = readers_of(rules, of(), "a.md")
    assert readers == of()
    assert "no rule" in why
    assert readers_of([], of(), "a.md")[0] == of()


def test_the_later_of_two_equal_patterns() -> None:
    """A pattern with more letters is nearer; of equals the later one is meant."""
    rules = [Rule("*.pdf", of("a")), Rule("*.p?f*", of("b")), Rule("*.md", of("c")), Rule("*.??", of("d"))]
    assert readers_of(rules, of(), "x.pdf")[0] == of("a")
    assert readers_of([Rule("x*y", of("a")), Rule("*xy", of("b"))], of(), "xy")[0] == of("b")


@pytest.mark.parametrize("spelling", ["й.md", "\u0438\u0306.md"])
def test_two_spellings_of_one_letter(spelling: str) -> None:
    """A rule written on one system covers the file of another that spells the letter in two signs."""
    assert readers_of([Rule("й.md", of("a"))], of("b"), spelling)[0] == of("a")
    assert readers_of([Rule("\u0438\u0306.md", of("a"))], of("b"), spelling)[0] == of("a")


@pytest.mark.parametrize(
    ("document", "readers"),
    [
        ("a.md", of("everyone")),
        ("team/a.md", of("it")),
        ("team/inner/a.md", of("it:2")),
        ("team/wide/a.md", of()),
        ("team/broken/a.md", of()),
        ("team/named.md", of("hr")),
        ("team/open/a.md", of("everyone")),
        ("team/open/below/a.md", of("hr")),
    ],
)
def test_files_in_folders_only_narrow(document: str, readers: Readers) -> None:
    """Each narrows what is above it; a broken one means nobody; a rule for a place below it is stronger."""
    rules = [Rule("", of("everyone")), Rule("team/named.md", of("hr")), Rule("team/open", of("everyone"))]
    files = [
        FolderFile("team", of("it")),
        FolderFile("team/inner", of("it:2", "hr")),
        FolderFile("team/wide", of("everyone", "hr")),
        FolderFile("team/broken", of(), "line 1: no name"),
        FolderFile("team/open/below", of("hr")),
    ]
    found, why = readers_of(rules, of(), document, files)
    assert found == readers
    if document == "team/broken/a.md":
        assert "line 1: no name" in why
    if document == "team/inner/a.md":
        assert "cannot add hr" in why


def test_a_file_cannot_open_what_a_pattern_closed() -> None:
    """Keys stay with nobody, whatever the folder says; a file below a pattern's folder narrows it."""
    files = [FolderFile("", of("everyone")), FolderFile("a", of("hr"))]
    assert readers_of([Rule("*.key", of())], of("everyone"), "a/x.key", files)[0] == of()
    assert readers_of([Rule("*.md", of("everyone"))], of(), "a/x.md", files)[0] == of("hr")


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ("/hr/pay/", "hr/pay"),
        ("./hr//pay", "hr/pay"),
        ("hr\\pay\\a.xlsx", "hr/pay/a.xlsx"),
        ("hr/pay/**", "hr/pay"),
        ("**", ""),
        ("/", ""),
        ("", ""),
        ("projects/*/pay/", "projects/*/pay/**"),
        ("hr/на\u00a0слово.md", "hr/на\u00a0слово.md"),
    ],
)
def test_places_as_people_write_them(written: str, place: str) -> None:
    """Slashes of either kind, around or doubled, mean the same place."""
    assert place_of(written) == place


@pytest.mark.parametrize("written", ["../x", "a/../../x", "a\x00b", "a\nb", "x" * 2001])
def test_places_outside(written: str) -> None:
    """No rule leads out of its source."""
    with pytest.raises(BadRequest):
        place_of(written)


def test_rules_are_kept_as_they_are() -> None:
    """Through JSON and back; damaged ones are an error, never an empty list."""
    assert rules_from_json(rules_to_json(RULES)) == RULES
    assert rules_from_json("") == rules_from_json("[]") == ()
    for broken in ("[", "{}x", '[{"where": ""}]', '[{"where": "", "readers": 5, "origin": ""}]', "[1]"):
        with pytest.raises(BadRequest):
            rules_from_json(broken)
    bad = json.loads(rules_to_json(RULES))
    bad[0]["readers"] = ["a,b"]
    with pytest.raises(BadRequest):
        rules_from_json(json.dumps(bad))


def test_rules_change() -> None:
    """A rule for the same place is replaced, a group renamed at all levels, a removed one leaves nobody."""
    rules = with_rule(RULES, Rule("hr/pay", of("cfo")))
    assert len(rules) == len(RULES)
    assert readers_of(rules, of(), "hr/pay/x")[0] == of("cfo")
    assert readers_of(rename_in_rules(RULES, "hr", "people"), of(), "hr/pay/x")[0] == of("people:2")
    assert readers_of(without_group_in_rules(RULES, "hr"), of("everyone"), "hr/pay/x")[0] == of()


def test_idle_rules_are_found() -> None:
    """A rule that is about no document is told: most often it is mistyped."""
    idle = SourceRules(RULES, of()).unused(["hr/pay/x.xlsx", "a.key"])
    assert {rule.where for rule in idle} == {
        "hr/pay/board.xlsx",
        "hr/attic",
        "hr/*.public.md",
        "projects/**/contracts/**",
    }
