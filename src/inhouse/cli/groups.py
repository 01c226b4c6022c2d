"""`inhouse groups`: what readers of documents are named by."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.cli.words import body_of
from inhouse.serve.access_shapes import AccessChangeShape, GroupShape, MembersBody, NewGroup

__all__ = ["groups", "show_change"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
ResultT = TypeVar("ResultT")


@click.group()
def groups() -> None:
    """Make, rename and remove groups, and say who is in them."""


@groups.command("add")
@click.argument("group")
@click.option("--title", default="", help="What the group is; shown in lists")
@_json
@click.pass_context
def add(context: click.Context, group: str, *, title: str, as_json: bool) -> None:
    """Make GROUP; members of `admins` may administer the house."""
    wanted = body_of(NewGroup, {"group": group, "title": title})
    made = _asked(context, "groups add", lambda house: house.add_group(wanted))
    if as_json:
        show_json(made)
    else:
        note(f"{made.group} is there; put people into it: inhouse groups members {made.group} --add USER")


@groups.command("ls")
@_json
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """List every group, how many are in it and how many documents name it."""
    found = _asked(context, "groups ls", lambda house: house.groups(), writing=False)
    if as_json:
        show_json(found)
        return
    for line in columns([("GROUP", "TITLE", "MEMBERS", "DOCUMENTS"), *map(_cells, found.groups)]):
        say(line)
    for one in found.groups:
        if not one.recorded:
            note(f"nobody made {one.group!r}, so nobody is in it; `inhouse groups add` makes it")


@groups.command("members")
@click.argument("group")
@click.option("--add", "join", multiple=True, metavar="USER", help="Put this user into it; once for each")
@click.option("--remove", "leaving", multiple=True, metavar="USER", help="Take this user out; once for each")
@_json
@click.pass_context
def members(
    context: click.Context, group: str, *, join: tuple[str, ...], leaving: tuple[str, ...], as_json: bool
) -> None:
    """List the members of GROUP, or change who they are; it counts from their next question on."""
    if join or leaving:
        wanted = body_of(MembersBody, {"join": join, "quit": leaving})
        found = _asked(context, "groups members", lambda house: house.change_members(group, wanted))
    else:
        found = _asked(context, "groups members", lambda house: house.group(group), writing=False)
    if as_json:
        show_json(found)
        return
    for user in found.members:
        say(user)
    if not found.members:
        note("everybody is in it" if found.group == "everyone" else f"nobody is in {found.group}")


@groups.command("rename")
@click.argument("group")
@click.argument("new")
@_json
@click.pass_context
def rename(context: click.Context, group: str, new: str, *, as_json: bool) -> None:
    """Give GROUP the name NEW wherever it stands: members, documents, sources and their rules."""
    show_change(
        _asked(context, "groups rename", lambda house: house.rename_group(group, new)), as_json=as_json
    )
    if not as_json:
        note("mapping files and .inhouse-readers in folders name it still: change them, too")


@groups.command("rm")
@click.argument("group")
@click.option("--yes", is_flag=True, help="Do not ask")
@_json
@click.pass_context
def rm(context: click.Context, group: str, *, yes: bool, as_json: bool) -> None:
    """Remove GROUP from everywhere; what only it could read is read by nobody then."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove the group {group}?", abort=True, err=True)
    show_change(_asked(context, "groups rm", lambda house: house.remove_group(group)), as_json=as_json)


def show_change(change: AccessChangeShape, *, as_json: bool) -> None:
    """How many documents changed their readers, and how many nobody reads now."""
    if as_json:
        show_json(change)
        return
    note(f"{change.documents} documents have other readers or another rule now")
    if change.unread:
        note(f"{change.unread} of them are read by nobody; `inhouse acl set PLACE --group GROUP` opens them")


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


def _cells(group: GroupShape) -> tuple[str, ...]:
    members = "all" if group.group == "everyone" else str(len(group.members))
    return group.group, group.title or "-", members, str(group.documents)
