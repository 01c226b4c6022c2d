"""Who a request is made for, until sign-in exists: whom the caller says, on this machine only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from inhouse.kernel.caller import Caller
from inhouse.kernel.errors import BadRequest

__all__ = ["CallerOf"]


def _caller(request: Request) -> Caller:
    """The caller named by `x-inhouse-user`, else `local`. Groups are never taken from a header."""
    given = request.headers.get("x-inhouse-user")
    if given is None:
        return Caller()
    try:
        user = given.encode("latin-1").decode("utf-8").strip()
    except UnicodeDecodeError:
        user = ""
    if not user.isprintable() or not 1 <= len(user) <= 128:
        raise BadRequest("x-inhouse-user is not a user name", hint="1 to 128 printable characters in UTF-8")
    return Caller(user=user)


CallerOf = Annotated[Caller, Depends(_caller)]
