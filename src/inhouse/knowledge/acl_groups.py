"""Names of groups, with levels: what may be written, what includes what. Pure.

`finance` is a group; `finance:2` means its members of level 2 and more; `everyone:1` means everybody of
level 1 and more. A person's groups are spelt out (`finance`, `finance:1`, `finance:2`), so that whether
they may read is one look whether two sets meet.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable

from inhouse.kernel.caller import EVERYONE, Readers
from inhouse.kernel.errors import BadRequest

__all__ = [
    "HIGHEST_LEVEL",
    "NOBODY",
    "base_of",
    "groups_of",
    "includes",
    "level_of",
    "new_group",
    "new_level",
    "read_group",
    "read_groups",
    "renamed",
    "shown",
    "without",
]

NOBODY = "nobody"
"""The word for an empty set of readers; no group can have this name."""
HIGHEST_LEVEL = 9
"""Each level is one more name in every caller's set; companies have three or four."""
LONGEST = 100
_LEVEL = re.compile(r"(.+):(\d{1,3})\Z", re.DOTALL)


def read_group(text: str) -> str:
    """A group as it was written, `finance` or `finance:2`; `finance:0` is `finance`.

    Raises:
        BadRequest: if it is no name: empty, too long, with `,` `;` `|` `/` or a quote, or a wrong level.
    """
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    found = _LEVEL.match(name)
    base, level = (found[1].rstrip(), int(found[2])) if found else (name, 0)
    if not base or not base.isprintable() or len(base) > LONGEST or any(sign in base for sign in ':,;|/"'):
        raise BadRequest(
            f"{text[:60]!r} is not the name of a group",
            hint="letters, digits, spaces and `-`, with `:1` to `:9` behind it for a level",
        )
    if base == NOBODY:
        raise BadRequest(f"`{NOBODY}` stands alone, it is no group", hint="leave it away, or the others")
    if level > HIGHEST_LEVEL:
        raise BadRequest(
            f"Level {level} in {text[:60]!r} is too high", hint=f"levels go from 0 to {HIGHEST_LEVEL}"
        )
    return f"{base}:{level}" if level else base


def read_groups(names: Iterable[str]) -> Readers:
    """Groups as they were written; the one word `nobody` is the empty set.

    Raises:
        BadRequest: if one of them is no name, or there is none at all: who may read must be said.
    """
    given = [name for name in names if name.strip()]
    if not given:
        raise BadRequest("No group is named", hint=f"name a group, `{EVERYONE}` or `{NOBODY}`")
    if [name.strip() for name in given] == [NOBODY]:
        return frozenset()
    return frozenset(map(read_group, given))


def new_group(text: str) -> str:
    """The name of a group that is to be made: one without a level, and none that we keep for ourselves.

    Raises:
        BadRequest: if it may not be had.
    """
    name = read_group(text)
    if level_of(name):
        raise BadRequest(f"{text[:60]!r} names a level of a group", hint=f"make the group {base_of(name)!r}")
    if name == EVERYONE:
        raise BadRequest(f"`{EVERYONE}` is always there", hint="choose another name")
    return name


def new_level(level: int) -> int:
    """A level that a person may have.

    Raises:
        BadRequest: if it is not between 0 and the highest one.
    """
    if not 0 <= level <= HIGHEST_LEVEL:
        raise BadRequest(f"There is no level {level}", hint=f"levels go from 0 to {HIGHEST_LEVEL}")
    return level


def base_of(group: str) -> str:
    """`finance` of `finance:2`."""
    return group.partition(":")[0]


def level_of(group: str) -> int:
    """2 of `finance:2`, 0 of `finance`."""
    level = group.partition(":")[2]
    return int(level) if level.isdigit() else 0


def groups_of(memberships: Iterable[str], level: int) -> frozenset[str]:
    """Every group that somebody of this level is in, spelt out with all levels up to it."""
    bases = {EVERYONE, *map(base_of, memberships)}
    return frozenset(bases | {f"{base}:{step}" for base in bases for step in range(1, level + 1)})


def includes(outer: Collection[str], group: str) -> bool:
    """True when everybody in `group` is in one of `outer`, too: `finance:2` is within `finance:1`."""
    return any(
        base_of(one) in (EVERYONE, base_of(group)) and level_of(one) <= level_of(group) for one in outer
    )


def renamed(readers: Readers, old: str, new: str) -> Readers:
    """The same readers after a group got another name, at all levels."""
    return frozenset(new + one[len(old) :] if base_of(one) == old else one for one in readers)


def without(readers: Readers, group: str) -> Readers:
    """The same readers without a group, at all levels; nobody, never everybody, when none is left."""
    return frozenset(one for one in readers if base_of(one) != group)


def shown(readers: Collection[str]) -> str:
    """The readers for people: `finance:2, hr`, or `nobody`."""
    return ", ".join(sorted(readers)) or NOBODY
