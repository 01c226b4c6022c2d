"""Who a request is made for, until sign-in exists: whom the caller says, on this machine only.

A name is turned into groups here, by the records of the house, and nowhere else. Groups are never taken
from a header.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import Forbidden
from inhouse.knowledge.ports.people import ADMINS, People, administers
from inhouse.serve.plane.gate import named_user

__all__ = ["AdminOf", "CallerOf", "administers", "caller_of"]

LOCAL = Caller()
"""Whoever sits at this machine and gives no name."""


def caller_of(request: Request) -> Caller:
    """The caller named by `x-inhouse-user`, else `local`, with the groups that are on record for the name.

    Raises:
        Forbidden: if the user has left.
    """
    given = request.headers.get("x-inhouse-user")
    user = LOCAL.user if given is None else named_user(given)
    people: People | None = request.app.state.people
    if user == LOCAL.user or people is None:
        return Caller(user=user)
    caller = people.caller(user)
    if not caller.groups:
        raise Forbidden(
            f"The user {user!r} has left, and nothing here is for them any more",
            hint="an administrator can take that back: inhouse users set --back",
        )
    return caller


CallerOf = Annotated[Caller, Depends(caller_of)]


def _administrator(caller: CallerOf) -> Caller:
    if not administers(caller):
        raise Forbidden(
            f"{caller.user!r} does not administer this house",
            hint=f"an administrator can change that: inhouse groups members {ADMINS} --add USER",
        )
    return caller


AdminOf = Annotated[Caller, Depends(_administrator)]
"""The caller of a route that only administrators may use; others get a 403 before anything is looked at."""
