"""Users, groups, and who may read what: as values and protocols."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from inhouse.kernel.caller import Caller, Readers

__all__ = [
    "ADMINS",
    "Access",
    "AccessChange",
    "Explanation",
    "Group",
    "Left",
    "People",
    "Person",
    "Step",
    "administers",
]

ADMINS = "admins"
"""The group whose members may administer the house."""


def administers(caller: Caller) -> bool:
    """True for whoever sits at this machine without giving a name, and for members of `admins`."""
    return caller.user == Caller().user or ADMINS in caller.groups


@dataclass(frozen=True, slots=True)
class Person:
    """A user on record. `groups` are as they were given, without levels; `left_at` is UNIX seconds."""

    user: str
    name: str
    level: int
    groups: tuple[str, ...]
    created_at: float
    left_at: float | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """A group, how many are in it, and how many documents name it (at any level) among their readers.

    `recorded` is False for a group that is only named by documents or sources: nobody can be in it.
    """

    group: str
    title: str
    members: tuple[str, ...]
    documents: int
    recorded: bool = True


@dataclass(frozen=True, slots=True)
class Left:
    """What leaving did. Chats are counted whether they were kept or removed."""

    person: Person
    keys_revoked: int
    chats: int
    chats_removed: bool


class People(Protocol):
    """Users and groups. Everything here that changes something is one transaction, and counts at once."""

    def caller(self, user: str) -> Caller:
        """Who a name is: their groups with levels; `everyone` for an unknown one, nothing once they left."""
        ...

    def users(self) -> tuple[Person, ...]:
        """Everybody on record, by name of user."""
        ...

    def user(self, user: str) -> Person:
        """Raises NotFound if nobody of this name is on record."""
        ...

    def add_user(self, user: str, *, name: str, level: int, groups: Sequence[str]) -> Person:
        """Raises Conflict if the name is taken, NotFound if a group is not there."""
        ...

    def change_user(
        self,
        user: str,
        *,
        name: str | None = None,
        level: int | None = None,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002  the word for it
    ) -> Person:
        """Change what is given. Raises NotFound if the user or a group is not there."""
        ...

    def leave(self, user: str, *, chats: Literal["keep", "remove"]) -> Left:
        """End all access at once: no groups, no API keys. Again for somebody who left: nothing more."""
        ...

    def come_back(self, user: str) -> Person:
        """Take leaving back. Groups and keys were given up and are not given again."""
        ...

    def remove_user(self, user: str, *, forget: bool = False) -> int:
        """Remove the record and the chats; how many chats.

        Raises:
            Conflict: if the user left, unless `forget`: the record is what keeps them out.
        """
        ...

    def groups(self) -> tuple[Group, ...]:
        """Every group, also those that documents or sources name and nobody made."""
        ...

    def add_group(self, group: str, *, title: str) -> Group:
        """Raises Conflict if it is there."""
        ...

    def change_members(
        self,
        group: str,
        *,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002
    ) -> Group:
        """Raises NotFound if the group or a user is not there."""
        ...


@dataclass(frozen=True, slots=True)
class AccessChange:
    """How many documents changed their readers, and how many of those nobody can read now."""

    documents: int
    unread: int
    rules: int = 0
    readers: Readers = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, in words and as a command."""

    words: str
    command: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why a user may or may not read a document. `through` are the groups that open it."""

    user: str
    known: bool
    left: bool
    level: int
    groups: tuple[str, ...]
    document_id: str
    document: str
    source: str
    status: str
    readers: tuple[str, ...]
    readers_from: str
    may_read: bool
    through: tuple[str, ...]
    words: str
    changes: tuple[Step, ...]


class Access(Protocol):
    """Who may read which document; for administrators only, who may see the names of all documents."""

    def explain(self, user: str, document: str) -> Explanation:
        """`document` is an id, a path or SOURCE/PATH.

        Raises:
            NotFound: if there is no such document.
            BadRequest: if it means several.
        """
        ...

    def set_readers(self, place: str, readers: Readers) -> AccessChange:
        """Give a document (id, path, SOURCE/PATH), a folder (SOURCE/FOLDER) or a source other readers.

        The choice is kept as a rule of the source, so that the next look at it does not undo it.

        Raises:
            NotFound: if nothing is there.
        """
        ...

    def choose_readers(self, source: str, document: str, readers: Readers, *, by: str) -> None:
        """Keep who may read a document that is about to come, as a rule of its source.

        Raises:
            Conflict: if the source is not on record, and its documents have different readers.
        """
        ...

    def rename_group(self, group: str, new: str) -> AccessChange:
        """Give a group another name wherever it stands. Raises NotFound or Conflict."""
        ...

    def remove_group(self, group: str) -> AccessChange:
        """Take a group from everywhere. What only it could read is read by nobody. Raises NotFound."""
        ...
