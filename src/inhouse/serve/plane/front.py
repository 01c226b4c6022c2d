"""Which wire surface a path belongs to, and how each tells an error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol, runtime_checkable

from inhouse.kernel.errors import InhouseError, RateLimited, Unauthorized
from inhouse.serve.plane.asked import Asked, Left, read_asked
from inhouse.serve.plane.exchange import Gone
from inhouse.serve.plane.idempotency import Repeats
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.plane.refused import Refusals
from inhouse.serve.plane.watch import Patience, Watch
from inhouse.serve.wire import Receive, Scope, Send, WireError, send_reply

__all__ = ["Front", "Particular", "Route", "Surface", "WireError"]

Route = Callable[[Asked], Awaitable[None]]


class Surface(Protocol):
    """One vendor's protocol, server side."""

    def route(self, method: str, path: str) -> Route | None:
        """What answers this request; None where the path is not of this surface.

        Raises:
            InhouseError: if the path is of this surface but the method is not.
        """
        ...

    def error(self, error: InhouseError, request_id: str) -> WireError:
        """The error as this vendor's clients expect it."""
        ...


@runtime_checkable
class Particular(Protocol):
    """A surface that shares a path with another one and knows its own clients by their headers."""

    def meant(self, scope: Scope) -> bool:
        """False when the request is for another surface, although the path is of this one, too."""
        ...


Candidate = tuple[Surface, Particular | None, Route | None]
"""A surface that a path may be of, and what answers there; without a route it says why nothing does."""
PATHS, PATH_CHARS = 1000, 200
"""So many paths of that length are remembered; callers name models in them."""


class Front:
    """Asks each surface in turn; a path of none of them is not taken.

    `repeats` answers requests whose Idempotency-Key came before; without it each is answered for itself.
    `refusals` knows whom the front turned away.
    """

    def __init__(
        self,
        parts: PlaneParts,
        surfaces: tuple[Surface, ...],
        *,
        repeats: Repeats | None = None,
        patience: Patience | None = None,
    ) -> None:
        self._parts = parts
        self._surfaces = tuple((each, each if isinstance(each, Particular) else None) for each in surfaces)
        self._repeats = repeats
        self._found: dict[tuple[str, str], tuple[Candidate, ...]] = {}
        self.refusals = Refusals(parts)
        self.watch = Watch(parts.stopping, patience or Patience())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Answer the request; False when it is of no surface and nothing was sent."""
        method, path = scope["method"], scope["path"]
        for surface, particular, route in self._found.get((method, path)) or self._find(method, path):
            if particular is not None and not particular.meant(scope):
                continue
            asked: Asked | None = None
            try:
                if route is None:
                    surface.route(method, path)
                    return False
                asked = await read_asked(scope, receive, send, self._parts, self.watch)
                if self._repeats is None:
                    await route(asked)
                else:
                    await self._repeats.answer(asked, route)
            except Left:
                return True
            except Gone as gone:
                if gone.slow:
                    await _abort(scope)
                return True
            except InhouseError as error:
                if asked is not None:
                    self.refusals.note(asked, error)
                elif isinstance(error, Unauthorized):
                    self.refusals.strangers += 1
                status, body, more = surface.error(error, scope["state"]["request_id"])
                await send_reply(send, status, body, "application/json", headers=more)
            return True
        return False

    def words(self, scope: Scope, error: InhouseError) -> WireError | None:
        """The error as the clients of this path expect it; None where the path is of no surface.

        The door asks for them once for each request that it turns away.
        """
        if isinstance(error, RateLimited):
            self.refusals.at_door(scope, error)
        for surface, particular, _route in self._find(scope["method"], scope["path"]):
            if particular is None or particular.meant(scope):
                return surface.error(error, scope["state"]["request_id"])
        return None

    def _find(self, method: str, path: str) -> tuple[Candidate, ...]:
        """The surfaces that this path may be of, the first of which that is meant answers."""
        found: list[Candidate] = []
        for surface, particular in self._surfaces:
            try:
                route = surface.route(method, path)
            except InhouseError:
                found.append((surface, particular, None))
            else:
                if route is None:
                    continue
                found.append((surface, particular, route))
            if particular is None:
                break
        if len(path) <= PATH_CHARS:
            if len(self._found) >= PATHS:
                self._found.clear()
            self._found[method, path] = tuple(found)
        return tuple(found)


async def _abort(scope: Scope) -> None:
    """Cut the connection of a reader that takes nothing: closing it would wait for that reader."""
    abort = scope.get("extensions", {}).get("inhouse.abort")
    if abort is not None:
        abort["abort"]()
        await asyncio.sleep(0)
