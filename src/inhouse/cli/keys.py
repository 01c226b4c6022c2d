"""`inhouse keys`: who may ask the wire surfaces, for what, and how much."""

from __future__ import annotations

import asyncio
from typing import get_args

import click

from inhouse.cli.output import bold, columns, day, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.cli.words import body_of
from inhouse.kernel.caller import Scope
from inhouse.ops.keys import DEFAULT_SCOPES
from inhouse.serve.keys import KeyShape, KeysShape, NewKey, NewKeyShape

__all__ = ["keys"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.group()
def keys() -> None:
    """Make, list, renew and revoke API keys."""


@keys.command("add")
@click.option("--name", required=True, help="What it is for; shown in lists and logs")
@click.option("--user", default="", help="Whom its requests are counted for (default: the name)")
@click.option("--team", default="", help="Whose budget they are counted in, too")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice(get_args(Scope)),
    help=f"What it may do, once for each (default: {', '.join(DEFAULT_SCOPES)})",
)
@click.option(
    "--model", "models", multiple=True, help="Model names it may ask for, e.g. 'qwen*' (default: all)"
)
@click.option("--no-cloud", is_flag=True, help="Its requests stay in the house, whatever cloud.allowed says")
@click.option("--rpm", "requests_per_minute", type=click.IntRange(1), help="Requests per minute")
@click.option(
    "--tpm", "tokens_per_minute", type=click.IntRange(1), help="Tokens per minute, prompt and answer"
)
@click.option("--streams", type=click.IntRange(1), help="Answers under way at once")
@click.option("--expires", default="", help="A day (2027-01-31) or a time from now (90d, 12h, 30m)")
@_json
@click.pass_context
def add(context: click.Context, /, *, no_cloud: bool, as_json: bool, **chosen: object) -> None:
    """Make an API key and show its secret, this once."""
    wanted = body_of(NewKey, {**chosen, "cloud": not no_cloud})

    async def make() -> NewKeyShape:
        async with setup_of(context).client("keys add", writing=True) as house:
            return await house.add_key(wanted)

    _show_new(asyncio.run(make()), as_json=as_json)


@keys.command("ls")
@_json
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """List every key, without its secret."""

    async def look() -> KeysShape:
        async with setup_of(context).client("keys ls") as house:
            return await house.keys()

    found = asyncio.run(look())
    if as_json:
        show_json(found)
        return
    if not found.keys:
        note("there is no API key; programs on this machine need none (server.keyless)")
        return
    head = ("ID", "NAME", "USER", "TEAM", "MAY", "MODELS", "LIMITS", "STATE")
    for line in columns([head, *(_cells(each) for each in found.keys)]):
        say(line)


@keys.command("revoke")
@click.argument("name")
@click.pass_context
def revoke(context: click.Context, name: str) -> None:
    """Refuse the key NAME (or id) from the next request on, also in a running server."""

    async def take() -> KeyShape:
        async with setup_of(context).client("keys revoke", writing=True) as house:
            return await house.revoke_key(name)

    gone = asyncio.run(take())
    note(f"the key {gone.name} ({gone.id}) is refused from now on")


@keys.command("rotate")
@click.argument("name")
@_json
@click.pass_context
def rotate(context: click.Context, name: str, *, as_json: bool) -> None:
    """Give the key NAME (or id) a new secret; the old one is refused from now on."""

    async def turn() -> NewKeyShape:
        async with setup_of(context).client("keys rotate", writing=True) as house:
            return await house.rotate_key(name)

    _show_new(asyncio.run(turn()), as_json=as_json)


def _show_new(made: NewKeyShape, *, as_json: bool) -> None:
    if as_json:
        show_json(made)
        return
    say(made.secret)
    note(f"key {bold(made.key.name)} ({made.key.id}): this secret is not shown again")
    note("hint: send it as `Authorization: Bearer ...`, or give it to a client as its API key")


def _cells(key: KeyShape) -> tuple[str, ...]:
    limits = (
        (key.requests_per_minute, "requests/min"),
        (key.tokens_per_minute, "tokens/min"),
        (key.streams, "at once"),
    )
    state = key.state
    if state == "in use" and key.expires_at is not None:
        state = f"until {day(key.expires_at)}"
    return (
        key.id,
        key.name,
        key.user,
        key.team or "-",
        ",".join(key.scopes) + ("" if key.cloud else ", no cloud"),
        ",".join(key.models) or "all",
        ", ".join(f"{count} {what}" for count, what in limits if count) or "-",
        state,
    )
