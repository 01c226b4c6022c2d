"""JSON shapes of users, groups and access."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from inhouse.knowledge.acl_groups import HIGHEST_LEVEL
from inhouse.serve.bodies import Body
from inhouse.serve.shapes import Shape

__all__ = [
    "AccessChangeShape",
    "ExplanationShape",
    "GroupShape",
    "GroupsShape",
    "LeaveBody",
    "LeftShape",
    "MembersBody",
    "NewGroup",
    "NewUser",
    "ReadersBody",
    "RemovedUserShape",
    "RenameGroupBody",
    "StepShape",
    "UserChange",
    "UserShape",
    "UsersShape",
]

Name = Annotated[str, Field(min_length=1, max_length=128)]
GroupName = Annotated[str, Field(min_length=1, max_length=120)]
Level = Annotated[int, Field(ge=0, le=HIGHEST_LEVEL)]


class UserShape(Shape):
    """A user on record; `left_at` is null for somebody who is here."""

    user: str
    name: str
    level: int
    groups: tuple[str, ...]
    created_at: float
    left_at: float | None


class UsersShape(Shape):
    """What `users ls --json` prints."""

    users: tuple[UserShape, ...]


class NewUser(Body):
    """A user to be."""

    user: Name
    name: str = Field(default="", max_length=200)
    level: Level = 0
    groups: tuple[GroupName, ...] = ()


class UserChange(Body):
    """What is to change; what is not given stays. `back` takes leaving back."""

    name: str | None = Field(default=None, max_length=200)
    level: Level | None = None
    join: tuple[GroupName, ...] = ()
    quit: tuple[GroupName, ...] = ()
    back: bool = False


class LeaveBody(Body):
    """What becomes of the chats of a user who leaves."""

    chats: Literal["keep", "remove"] = "keep"


class LeftShape(Shape):
    """What `users leave --json` prints."""

    user: UserShape
    keys_revoked: int
    chats: int
    chats_removed: bool


class RemovedUserShape(Shape):
    """What `users rm --json` prints."""

    user: str
    chats_removed: int


class GroupShape(Shape):
    """A group; `recorded` is false when documents or sources name it and nobody made it."""

    group: str
    title: str
    members: tuple[str, ...]
    documents: int
    recorded: bool


class GroupsShape(Shape):
    """What `groups ls --json` prints."""

    groups: tuple[GroupShape, ...]


class NewGroup(Body):
    """A group to be."""

    group: GroupName
    title: str = Field(default="", max_length=200)


class RenameGroupBody(Body):
    """The new name."""

    new: GroupName


class MembersBody(Body):
    """Users who come into a group, and users who go."""

    join: tuple[Name, ...] = ()
    quit: tuple[Name, ...] = ()


class AccessChangeShape(Shape):
    """What changed: documents with other readers, those that nobody can read now, and rules."""

    documents: int
    unread: int
    rules: int
    readers: tuple[str, ...]


class ReadersBody(Body):
    """Other readers for a document (id, path, SOURCE/PATH), a folder (SOURCE/FOLDER) or a source.

    `groups` are names, perhaps with a level (`finance:2`), or the one word `nobody`.
    """

    place: str = Field(min_length=1, max_length=4_000)
    groups: tuple[GroupName, ...] = Field(min_length=1, max_length=100)


class StepShape(Shape):
    words: str
    command: str


class ExplanationShape(Shape):
    """What `acl explain --json` prints. `through` are the groups that open the document to the user."""

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
    changes: tuple[StepShape, ...]
