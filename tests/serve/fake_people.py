"""Users, groups and access in memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from inhouse.kernel.caller import Caller, Readers
from inhouse.kernel.errors import Conflict, NotFound
from inhouse.knowledge.acl_groups import groups_of
from inhouse.knowledge.ports.people import AccessChange, Explanation, Group, Left, Person, Step


@dataclass
class FakePeople:
    """Implements `knowledge.ports.people.People`."""

    kept: dict[str, Person] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def caller(self, user: str) -> Caller:
        """By the record, as the real one."""
        person = self.kept.get(user)
        if person is None:
            return Caller(user)
        left = person.left_at is not None
        return Caller(user, frozenset() if left else groups_of(person.groups, person.level))

    def users(self) -> tuple[Person, ...]:
        """In the order they came."""
        return tuple(self.kept.values())

    def user(self, user: str) -> Person:
        """By name."""
        if user not in self.kept:
            raise NotFound(f"There is no user {user!r} on record")
        return self.kept[user]

    def add_user(self, user: str, *, name: str, level: int, groups: Sequence[str]) -> Person:
        """A second one of the name is refused."""
        if user in self.kept:
            raise Conflict(f"There is a user {user!r} already")
        self.kept[user] = Person(user, name, level, tuple(groups), 1.0)
        return self.kept[user]

    def change_user(
        self,
        user: str,
        *,
        name: str | None = None,
        level: int | None = None,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002
    ) -> Person:
        """Everything but what is None."""
        person = self.user(user)
        groups = tuple(group for group in (*person.groups, *join) if group not in quit)
        level = person.level if level is None else level
        self.kept[user] = replace(
            person, name=person.name if name is None else name, level=level, groups=groups
        )
        return self.kept[user]

    def leave(self, user: str, *, chats: Literal["keep", "remove"]) -> Left:
        """At second 2, with one key and one chat."""
        self.kept[user] = replace(self.user(user), groups=(), left_at=2.0)
        return Left(self.kept[user], 1, 1, chats == "remove")

    def come_back(self, user: str) -> Person:
        """Without groups."""
        self.kept[user] = replace(self.user(user), left_at=None)
        return self.kept[user]

    def remove_user(self, user: str, *, forget: bool = False) -> int:
        """With one chat."""
        if self.user(user).left_at is not None and not forget:
            raise Conflict(f"{user!r} has left", hint=f"inhouse users rm {user} --forget")
        del self.kept[user]
        return 1

    def groups(self) -> tuple[Group, ...]:
        """Those that were made."""
        return tuple(self._group(name) for name in self.titles)

    def _group(self, name: str) -> Group:
        members = tuple(one.user for one in self.kept.values() if name in one.groups)
        return Group(name, self.titles[name], members, 3)

    def add_group(self, group: str, *, title: str) -> Group:
        """A second one is refused."""
        if group in self.titles:
            raise Conflict(f"There is a group {group!r} already")
        self.titles[group] = title
        return self._group(group)

    def change_members(
        self,
        group: str,
        *,
        join: Sequence[str] = (),
        quit: Sequence[str] = (),  # noqa: A002
    ) -> Group:
        """One after the other."""
        if group not in self.titles:
            raise NotFound(f"There is no group {group!r}")
        for user in join:
            self.change_user(user, join=[group])
        for user in quit:
            self.change_user(user, quit=[group])
        return self._group(group)


@dataclass
class FakeAccess:
    """Implements `knowledge.ports.people.Access`: one document, which one may read and others not."""

    people: FakePeople
    done: list[tuple[str, ...]] = field(default_factory=list)

    def explain(self, user: str, document: str) -> Explanation:
        """Anna may."""
        if document != "d1":
            raise NotFound(f"There is no document {document!r}")
        may = user == "anna"
        return Explanation(
            user=user,
            known=user in self.people.kept,
            left=False,
            level=0,
            groups=(),
            document_id="d1",
            document="hr/leave.md",
            source="handbook",
            status="indexed",
            readers=("hr",),
            readers_from="the rule for `hr` (readers.csv, line 2)",
            may_read=may,
            through=("hr",) if may else (),
            words=f"{user} may {'' if may else 'not '}read handbook/hr/leave.md.",
            changes=(Step("put them into hr", f"inhouse groups members hr --add {user}"),),
        )

    def set_readers(self, place: str, readers: Readers) -> AccessChange:
        """Two documents."""
        if place == "nope":
            raise NotFound("There is no document, folder or source 'nope'")
        self.done.append(("set", place, *sorted(readers)))
        return AccessChange(2, 0 if readers else 2, 1, readers)

    def choose_readers(self, source: str, document: str, readers: Readers, *, by: str) -> None:
        """Noted."""
        self.done.append(("choose", f"{source}/{document}", *sorted(readers), by))

    def rename_group(self, group: str, new: str) -> AccessChange:
        """In four documents."""
        self.people.titles[new] = self.people.titles.pop(group)
        return AccessChange(4, 0, 1)

    def remove_group(self, group: str) -> AccessChange:
        """In four documents, two of which nobody reads then."""
        if self.people.titles.pop(group, None) is None:
            raise NotFound(f"There is no group {group!r}")
        return AccessChange(4, 2, 1)
