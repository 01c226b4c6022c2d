"""`inhouse users`: who is on record, with which level and groups."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import bold, columns, day, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.cli.words import body_of
from inhouse.serve.access_shapes import NewUser, UserChange, UserShape

__all__ = ["users"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
ResultT = TypeVar("ResultT")


@click.group()
def users() -> None:
    """Put users on record, give them groups and a level, and end their access."""


@users.command("add")
@click.argument("user")
@click.option("--name", default="", help="How people call them; shown in lists")
@click.option("--level", default=0, show_default=True, help="Clearance, 0 to 9; counts in all their groups")
@click.option("--group", "groups", multiple=True, help="A group they are in; once for each")
@_json
@click.pass_context
def add(context: click.Context, /, *, as_json: bool, **chosen: object) -> None:
    """Put USER on record; without a record a name is in the group `everyone` only."""
    wanted = body_of(NewUser, chosen)
    made = _asked(context, "users add", lambda house: house.add_user(wanted))
    _show(made, "is on record", as_json=as_json)


@users.command("ls")
@_json
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """List everybody on record, also who left."""
    found = _asked(context, "users ls", lambda house: house.users(), writing=False)
    if as_json:
        show_json(found)
        return
    if not found.users:
        note("nobody is on record; every name is in the group `everyone` only")
        return
    for line in columns([("USER", "NAME", "LEVEL", "GROUPS", "STATE"), *map(_cells, found.users)]):
        say(line)


@users.command("show")
@click.argument("user")
@_json
@click.pass_context
def show(context: click.Context, user: str, *, as_json: bool) -> None:
    """Show what is on record of USER."""
    found = _asked(context, "users show", lambda house: house.user(user), writing=False)
    if as_json:
        show_json(found)
        return
    for line in columns([("USER", "NAME", "LEVEL", "GROUPS", "STATE"), _cells(found)]):
        say(line)


@users.command("set")
@click.argument("user")
@click.option("--name", help="How people call them")
@click.option("--level", type=int, help="Clearance, 0 to 9; counts in all their groups")
@click.option("--group", "join", multiple=True, help="A group to put them into; once for each")
@click.option("--no-group", "quit", multiple=True, help="A group to take them out of; once for each")
@click.option("--back", is_flag=True, help="They left, and came back; groups and keys are given anew")
@_json
@click.pass_context
def change(context: click.Context, /, user: str, *, as_json: bool, **chosen: object) -> None:
    """Change what is on record of USER; it counts from their next question on."""
    wanted = body_of(UserChange, chosen)
    made = _asked(context, "users set", lambda house: house.change_user(user, wanted))
    _show(made, "was changed", as_json=as_json)


@users.command("leave")
@click.argument("user")
@click.option("--chats", type=click.Choice(["keep", "remove"]), default="keep", show_default=True)
@_json
@click.pass_context
def leave(context: click.Context, user: str, *, chats: str, as_json: bool) -> None:
    """End all access of USER at once, groups and API keys; the record stays and keeps the name out."""
    left = _asked(context, "users leave", lambda house: house.leave(user, chats))
    if as_json:
        show_json(left)
        return
    became = "removed" if left.chats_removed else "kept"
    note(f"{user} reads nothing any more; {left.keys_revoked} API keys revoked, {left.chats} chats {became}")


@users.command("rm")
@click.argument("user")
@click.option("--forget", is_flag=True, help="Also for somebody who left, and whom the record keeps out")
@click.option("--yes", is_flag=True, help="Do not ask")
@_json
@click.pass_context
def rm(context: click.Context, user: str, *, forget: bool, yes: bool, as_json: bool) -> None:
    """Remove the record of USER and their chats; such a name reads what everyone reads."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {user} and all their chats?", abort=True, err=True)
    gone = _asked(context, "users rm", lambda house: house.remove_user(user, forget=forget))
    if as_json:
        show_json(gone)
        return
    note(f"{user} is not on record any more, {gone.chats_removed} chats removed; to keep a name out: leave")


def _asked(
    context: click.Context,
    command: str,
    ask: Callable[[HouseClient], Awaitable[ResultT]],
    *,
    writing: bool = True,
) -> ResultT:
    async def run() -> ResultT:
        async with setup_of(context).client(command, writing=writing) as house:
            return await ask(house)

    return asyncio.run(run())


def _show(user: UserShape, what: str, *, as_json: bool) -> None:
    if as_json:
        show_json(user)
        return
    groups = ", ".join(("everyone", *user.groups))
    note(f"{bold(user.user)} {what}: level {user.level}, in {groups}")


def _cells(user: UserShape) -> tuple[str, ...]:
    state = "here" if user.left_at is None else f"left on {day(user.left_at)}"
    return user.user, user.name or "-", str(user.level), ", ".join(user.groups) or "-", state
