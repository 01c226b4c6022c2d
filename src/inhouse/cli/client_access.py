"""Calls about users, groups and readers; a part of `cli.client`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TypeVar

from inhouse.cli.transport import segment
from inhouse.kernel.errors import NotFound
from inhouse.serve.access_shapes import (
    AccessChangeShape,
    ExplanationShape,
    GroupShape,
    GroupsShape,
    LeftShape,
    MembersBody,
    NewGroup,
    NewUser,
    ReadersBody,
    RemovedUserShape,
    UserChange,
    UserShape,
    UsersShape,
)
from inhouse.serve.shapes import Shape

__all__ = ["AccessCalls"]

ShapeT = TypeVar("ShapeT", bound=Shape)


class AccessCalls(ABC):
    """What `HouseClient` asks at `/app/admin/users`, `/app/admin/groups` and `/app/admin/acl`."""

    @abstractmethod
    async def _get(self, path: str, shape: type[ShapeT], **query: str | int | float | None) -> ShapeT: ...

    @abstractmethod
    async def _call(self, method: str, target: str, body: object = None) -> bytes: ...

    async def users(self) -> UsersShape:
        return await self._get("/app/admin/users", UsersShape)

    async def user(self, user: str) -> UserShape:
        return await self._get(f"/app/admin/users/{segment(user)}", UserShape)

    async def add_user(self, wanted: NewUser) -> UserShape:
        reply = await self._call("POST", "/app/admin/users", wanted.model_dump())
        return UserShape.model_validate_json(reply)

    async def change_user(self, user: str, wanted: UserChange) -> UserShape:
        reply = await self._call("PATCH", f"/app/admin/users/{segment(user)}", wanted.model_dump())
        return UserShape.model_validate_json(reply)

    async def leave(self, user: str, chats: str) -> LeftShape:
        reply = await self._call("POST", f"/app/admin/users/{segment(user)}/leave", {"chats": chats})
        return LeftShape.model_validate_json(reply)

    async def remove_user(self, user: str, *, forget: bool) -> RemovedUserShape:
        target = f"/app/admin/users/{segment(user)}?forget={int(forget)}"
        return RemovedUserShape.model_validate_json(await self._call("DELETE", target))

    async def groups(self) -> GroupsShape:
        return await self._get("/app/admin/groups", GroupsShape)

    async def group(self, group: str) -> GroupShape:
        """One of the groups. Raises NotFound if there is none of that name."""
        for one in (await self.groups()).groups:
            if one.group == group:
                return one
        raise NotFound(f"There is no group {group!r}", hint="inhouse groups ls shows all")

    async def add_group(self, wanted: NewGroup) -> GroupShape:
        reply = await self._call("POST", "/app/admin/groups", wanted.model_dump())
        return GroupShape.model_validate_json(reply)

    async def change_members(self, group: str, wanted: MembersBody) -> GroupShape:
        target = f"/app/admin/groups/{segment(group)}/members"
        return GroupShape.model_validate_json(await self._call("PATCH", target, wanted.model_dump()))

    async def rename_group(self, group: str, new: str) -> AccessChangeShape:
        target = f"/app/admin/groups/{segment(group)}/rename"
        return AccessChangeShape.model_validate_json(await self._call("POST", target, {"new": new}))

    async def remove_group(self, group: str) -> AccessChangeShape:
        reply = await self._call("DELETE", f"/app/admin/groups/{segment(group)}")
        return AccessChangeShape.model_validate_json(reply)

    async def explain_access(self, user: str, document: str) -> ExplanationShape:
        return await self._get("/app/admin/acl/explain", ExplanationShape, user=user, document=document)

    async def set_readers(self, wanted: ReadersBody) -> AccessChangeShape:
        reply = await self._call("POST", "/app/admin/acl/readers", wanted.model_dump())
        return AccessChangeShape.model_validate_json(reply)

    async def raw(self, method: str, target: str, body: object = None) -> bytes:
        """Any request of the API, for checks that try every road; the reply as it came."""
        return await self._call(method, target, body)
