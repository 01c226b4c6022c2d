"""`/app/admin/users`, `/app/admin/groups`, `/app/admin/acl`: who there is, and who may read what."""

from __future__ import annotations

from fastapi import APIRouter, Query

from inhouse.kernel.errors import HomeBusy, Unavailable
from inhouse.knowledge.acl_groups import read_groups
from inhouse.knowledge.ports.people import Access, AccessChange, Group, People, Person
from inhouse.serve.access_shapes import (
    AccessChangeShape,
    ExplanationShape,
    GroupShape,
    GroupsShape,
    LeaveBody,
    LeftShape,
    MembersBody,
    NewGroup,
    NewUser,
    ReadersBody,
    RemovedUserShape,
    RenameGroupBody,
    UserChange,
    UserShape,
    UsersShape,
)
from inhouse.serve.callers import AdminOf
from inhouse.serve.parts import Parts
from inhouse.serve.router import open_router

__all__ = ["access_routes"]


def access_routes(parts: Parts) -> APIRouter:
    """Users, groups, readers; all of it for administrators."""
    routes = open_router()
    _add_users(routes, parts)
    _add_user(routes, parts)
    _add_groups(routes, parts)
    _add_readers(routes, parts)
    return routes


def _add_users(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/users")
    def users(caller: AdminOf) -> UsersShape:
        """Everybody on record, also who left."""
        return UsersShape(users=tuple(_user(one) for one in _people(parts).users()))

    @routes.post("/app/admin/users", status_code=201)
    def add_user(caller: AdminOf, wanted: NewUser) -> UserShape:
        """Put a user on record, with a level and groups."""
        people = _people(parts)
        made = people.add_user(wanted.user, name=wanted.name, level=wanted.level, groups=wanted.groups)
        return _user(made)


def _add_user(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/users/{user}")
    def user(caller: AdminOf, user: str) -> UserShape:
        """One user."""
        return _user(_people(parts).user(user))

    @routes.patch("/app/admin/users/{user}")
    def change_user(caller: AdminOf, user: str, wanted: UserChange) -> UserShape:
        """Change a name, a level or groups, or take leaving back; it counts from the next question on."""
        people = _people(parts)
        if wanted.back:
            people.come_back(user)
        changed = people.change_user(
            user, name=wanted.name, level=wanted.level, join=wanted.join, quit=wanted.quit
        )
        return _user(changed)

    @routes.post("/app/admin/users/{user}/leave")
    def leave(caller: AdminOf, user: str, wanted: LeaveBody) -> LeftShape:
        """End all access of a user at once: groups, API keys and, where wanted, chats."""
        left = _people(parts).leave(user, chats=wanted.chats)
        return LeftShape(
            user=_user(left.person),
            keys_revoked=left.keys_revoked,
            chats=left.chats,
            chats_removed=left.chats_removed,
        )

    @routes.delete("/app/admin/users/{user}")
    def remove_user(caller: AdminOf, user: str, *, forget: bool = False) -> RemovedUserShape:
        """Remove a record and its chats. A name without a record reads what everyone reads."""
        return RemovedUserShape(user=user, chats_removed=_people(parts).remove_user(user, forget=forget))


def _add_groups(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/groups")
    def groups(caller: AdminOf) -> GroupsShape:
        """Every group with its members and how many documents name it."""
        return GroupsShape(groups=tuple(_group(one) for one in _people(parts).groups()))

    @routes.post("/app/admin/groups", status_code=201)
    def add_group(caller: AdminOf, wanted: NewGroup) -> GroupShape:
        """Make a group."""
        return _group(_people(parts).add_group(wanted.group, title=wanted.title))

    @routes.patch("/app/admin/groups/{group}/members")
    def change_members(caller: AdminOf, group: str, wanted: MembersBody) -> GroupShape:
        """Put users into a group and take users out of it."""
        return _group(_people(parts).change_members(group, join=wanted.join, quit=wanted.quit))

    @routes.post("/app/admin/groups/{group}/rename")
    def rename_group(caller: AdminOf, group: str, wanted: RenameGroupBody) -> AccessChangeShape:
        """Give a group another name wherever it stands: members, documents, sources and their rules."""
        return _change(_access(parts, writing=True).rename_group(group, wanted.new))

    @routes.delete("/app/admin/groups/{group}")
    def remove_group(caller: AdminOf, group: str) -> AccessChangeShape:
        """Remove a group from everywhere; what only it could read is read by nobody then."""
        return _change(_access(parts, writing=True).remove_group(group))


def _add_readers(routes: APIRouter, parts: Parts) -> None:
    @routes.get("/app/admin/acl/explain")
    def explain(
        caller: AdminOf,
        user: str = Query(min_length=1, max_length=128),
        document: str = Query(min_length=1, max_length=4_000),
    ) -> ExplanationShape:
        """Why a user may or may not read a document, and what would change that."""
        return ExplanationShape.model_validate(_access(parts).explain(user, document))

    @routes.post("/app/admin/acl/readers")
    def set_readers(caller: AdminOf, wanted: ReadersBody) -> AccessChangeShape:
        """Give a document, a folder or a source other readers; it counts from the next question on."""
        readers = read_groups(wanted.groups)
        return _change(_access(parts, writing=True).set_readers(wanted.place, readers))


def _people(parts: Parts) -> People:
    if parts.people is None:
        raise Unavailable("This server keeps no users", hint="use the one that holds the home")
    return parts.people


def _access(parts: Parts, *, writing: bool = False) -> Access:
    if parts.access is None:
        raise Unavailable("This server keeps no documents", hint="use the one that holds the home")
    if writing and parts.ingest is None:
        raise HomeBusy("Another inhouse process writes to this home", hint="wait for it, or stop it")
    return parts.access


def _user(person: Person) -> UserShape:
    return UserShape.model_validate(person)


def _group(group: Group) -> GroupShape:
    return GroupShape.model_validate(group)


def _change(change: AccessChange) -> AccessChangeShape:
    return AccessChangeShape(
        documents=change.documents,
        unread=change.unread,
        rules=change.rules,
        readers=tuple(sorted(change.readers)),
    )
