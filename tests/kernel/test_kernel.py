"""The kernel's words: the error tree and who may read."""

from __future__ import annotations

import re

from inhouse.kernel import errors
from inhouse.kernel.caller import EVERYONE, Caller, may_read


def classes() -> list[type[errors.InhouseError]]:
    found = [errors.InhouseError]
    for one in found:
        found.extend(one.__subclasses__())
    return [one for one in found if one.__module__ == errors.__name__]


def test_codes_are_unique_and_exit_codes_are_the_documented_ones() -> None:
    """Every class has its own code, an HTTP error status and an exit code of 1, 2 or 3."""
    codes = [one.code for one in classes()]
    assert len(set(codes)) == len(codes)
    assert all(one.exit_code in {1, 2, 3} and 400 <= one.status < 600 for one in classes())


def test_the_drawn_tree_is_the_real_one() -> None:
    """The module's docstring names exactly the classes that exist."""
    drawn = set(re.findall(r"^ +[*+-]? ?([A-Z]\w+)", errors.__doc__ or "", re.MULTILINE))
    assert {one.__name__ for one in classes()} == drawn


def test_message_and_hint() -> None:
    """A person sees the message and the way out on one line."""
    assert str(errors.NotFound("No chat x", hint="reload")) == "No chat x. hint: reload"


def test_access_is_by_group_only() -> None:
    """A caller reads what shares a group with it; nobody reads what no group may."""
    anna = Caller("anna", frozenset({EVERYONE, "hr"}))
    assert may_read(anna, frozenset({"hr", "it"}))
    assert not may_read(anna, frozenset({"it", "anna"}))
    assert not may_read(anna, frozenset())
