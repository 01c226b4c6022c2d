"""Names of groups and their levels."""

from __future__ import annotations

import pytest

from inhouse.kernel.caller import Caller, may_read
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_groups import (
    groups_of,
    includes,
    new_group,
    new_level,
    read_group,
    read_groups,
    renamed,
    shown,
    without,
)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("finance", "finance"),
        (" Отдел  кадров ", "Отдел кадров"),
        ("finance:2", "finance:2"),
        ("finance:0", "finance"),
        ("finance:02", "finance:2"),
        ("every\u00a0one", "every one"),
    ],
)
def test_names_that_are_read(text: str, name: str) -> None:
    """Spaces are tidied, level 0 is the group itself."""
    assert read_group(text) == name


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        ":2",
        "a:b",
        "a:10",
        "a:999",
        "a,b",
        "a;b",
        "a|b",
        "a/b",
        "a\x00b",
        "x" * 101,
        "nobody",
        "nobody:1",
    ],
)
def test_names_that_are_refused(text: str) -> None:
    """Nothing that a list or a level could be mistaken for."""
    with pytest.raises(BadRequest):
        read_group(text)


def test_nobody_stands_alone() -> None:
    """`nobody` is the empty set; nothing said is an error, and so is nobody and somebody."""
    assert read_groups(["nobody"]) == frozenset()
    assert read_groups(["hr", " ", "finance:2"]) == {"hr", "finance:2"}
    for wrong in ([], [""], ["nobody", "hr"]):
        with pytest.raises(BadRequest):
            read_groups(wrong)


def test_groups_that_may_be_made() -> None:
    """A plain name; no level, and none of the two words that mean everybody and nobody."""
    assert new_group("hr") == "hr"
    for wrong in ("hr:1", "everyone", "nobody"):
        with pytest.raises(BadRequest):
            new_group(wrong)
    assert new_level(9) == 9
    for level in (-1, 10):
        with pytest.raises(BadRequest):
            new_level(level)


@pytest.mark.parametrize(
    ("memberships", "level", "readers", "may"),
    [
        (["finance"], 2, {"finance:2"}, True),
        (["finance"], 2, {"finance:3"}, False),
        (["finance"], 0, {"finance"}, True),
        (["finance"], 0, {"finance:1"}, False),
        (["hr"], 9, {"finance"}, False),
        ([], 1, {"everyone:1"}, True),
        ([], 0, {"everyone:1"}, False),
        (["hr"], 9, set(), False),
    ],
)
def test_levels_count_in_every_group(
    memberships: list[str], level: int, readers: set[str], may: bool
) -> None:
    """A person of a level reads what is for that level or less, in the groups they are in."""
    caller = Caller("anna", groups_of(memberships, level))
    assert may_read(caller, frozenset(readers)) is may


@pytest.mark.parametrize(
    ("outer", "group", "within"),
    [
        (["everyone"], "hr", True),
        (["hr"], "hr:2", True),
        (["hr:2"], "hr", False),
        (["everyone:1"], "hr:2", True),
        (["everyone:2"], "hr:1", False),
        (["hr"], "everyone", False),
        ([], "hr", False),
    ],
)
def test_what_includes_what(outer: list[str], group: str, within: bool) -> None:
    """A higher level is within a lower one, every group is within everyone."""
    assert includes(outer, group) is within


def test_what_includes_agrees_with_who_may_read() -> None:
    """Whoever is in a group that is included may read what the outer ones may: tried for all small cases."""
    bases, levels = ("everyone", "hr", "it"), range(3)
    names = [f"{base}:{level}" if level else base for base in bases for level in levels]
    people = [groups_of(chosen, level) for chosen in ([], ["hr"], ["it"], ["hr", "it"]) for level in levels]
    for outer in names:
        for inner in names:
            always = all(outer in person for person in people if inner in person)
            assert includes([outer], inner) is always, (outer, inner)


def test_renaming_and_removing_follow_levels() -> None:
    """All levels of the group, no other group that begins alike; what is left of one is nobody."""
    readers = frozenset({"hr", "hr:2", "hr-north"})
    assert renamed(readers, "hr", "people") == {"people", "people:2", "hr-north"}
    assert without(readers, "hr") == {"hr-north"}
    assert without(frozenset({"hr:1"}), "hr") == frozenset()
    assert (shown(readers), shown([])) == ("hr, hr-north, hr:2", "nobody")
