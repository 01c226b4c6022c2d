"""Who a request is made for, until sign-in exists: whom the caller says, on this machine only."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from inhouse.kernel.caller import Caller
from inhouse.serve.plane.gate import named_user

__all__ = ["CallerOf"]


def _caller(request: Request) -> Caller:
    """The caller named by `x-inhouse-user`, else `local`. Groups are never taken from a header."""
    given = request.headers.get("x-inhouse-user")
    if given is None:
        return Caller()
    return Caller(user=named_user(given))


CallerOf = Annotated[Caller, Depends(_caller)]
