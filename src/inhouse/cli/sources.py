"""`inhouse sources`: where documents come from, who may read them, and what the last look found."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import bold, columns, moment, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.cli.words import body_of
from inhouse.kernel.errors import BadRequest
from inhouse.serve.sources import NewSourceBody, SourceBody, SourceLookShape, SourceShape, SourcesShape

__all__ = ["sources"]

LOOK_EVERY_S = 0.2
COUNTS = "added updated unchanged moved restored refiled trashed removed empty refused".split()

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
_owner = click.option("--owner", help="Who answers for it (default: you)")
_groups = click.option(
    "--group", "groups", multiple=True, help="Who may read it: a group, `everyone`; may be repeated"
)
_rules = click.option(
    "--rules", type=click.Path(), help="File (.csv, .toml, .json) that says which folder is for which groups"
)
_every = click.option("--every", help="Time between two looks: 30s, 15m, 1h, 1d or never")
_options = click.option(
    "--option", "options", multiple=True, metavar="KEY=VALUE", help="What its kind needs; may be repeated"
)


@click.group()
def sources() -> None:
    """Add places that documents come from, set their readers, see what the last look found."""


@sources.command("add")
@click.argument("name")
@click.argument("kind", type=click.Choice(["folder", "upload", "web", "imap", "s3", "webdav", "smb"]))
@click.argument("address", default="")
@_groups
@_owner
@_every
@_rules
@_options
@_json
@click.pass_context
def add(
    context: click.Context,
    /,
    name: str,
    kind: str,
    address: str,
    *,
    rules: str | None,
    options: Sequence[str],
    as_json: bool,
    **chosen: object,
) -> None:
    """Add a source. Nobody may read its documents but the groups that are named.

    ADDRESS is a folder (folder), an address (web, webdav: https://..., imap: imaps://host,
    s3: s3://bucket/folder, smb: smb://host/share/folder), or nothing (upload). A password is never given
    here, only where it stands: --option password=env:NAME or password=file:/path.
    """
    setup = setup_of(context)
    given = {key: value for key, value in chosen.items() if value is not None}
    body = body_of(
        NewSourceBody,
        {
            **given,
            "name": name,
            "kind": kind,
            "address": _address(kind, address, setup),
            "rules": _mapping(rules),
            "options": _pairs(options),
        },
    )

    async def make() -> SourceShape:
        async with setup.client("sources add", writing=True) as house:
            return await house.add_source(body)

    made = asyncio.run(make())
    _show_one(made, as_json=as_json)
    if not as_json:
        note(f"hint: `inhouse sources run {made.name}` looks at it now; a server looks by itself")


@sources.command("ls")
@_json
@click.pass_context
def ls(context: click.Context, *, as_json: bool) -> None:
    """List the sources and how the last look at each went."""

    async def look() -> SourcesShape:
        async with setup_of(context).client("sources ls") as house:
            return await house.sources()

    found = asyncio.run(look())
    if as_json:
        show_json(found)
        return
    if not found.sources:
        note("there is no source; add one with `inhouse sources add NAME KIND ADDRESS --group GROUP`")
        return
    head = ("NAME", "KIND", "READERS", "EVERY", "DOCUMENTS", "STATE", "LAST LOOK")
    for line in columns([head, *(_cells(each) for each in found.sources)]):
        say(line)


@sources.command("show")
@click.argument("name")
@_json
@click.pass_context
def show(context: click.Context, name: str, *, as_json: bool) -> None:
    """Show a source: its readers, its rules, and what the last look found."""

    async def look() -> SourceShape:
        async with setup_of(context).client("sources show") as house:
            return await house.source(name)

    _show_one(asyncio.run(look()), as_json=as_json)


@sources.command("run")
@click.argument("name")
@_json
@click.pass_context
def run(context: click.Context, name: str, *, as_json: bool) -> None:
    """Look at a source now, take in what is new, and wait until that is done."""
    looked = asyncio.run(_run(setup_of(context), name))
    if as_json:
        show_json(looked)
    elif looked.last:
        _show_look(looked.last)
    if looked.last is None or looked.last.state != "done":
        context.exit(1)


async def _run(setup: Setup, name: str) -> SourceShape:
    async with setup.client("sources run", writing=True) as house:
        before = await house.source(name)
        now = await house.run_source(name)
        said = ""
        while now.state in ("waiting", "looking", "taking_in") or now.last == before.last:
            if now.state != said:
                said = now.state
                note(said.replace("_", " ") + " ...")
            await asyncio.sleep(LOOK_EVERY_S)
            now = await house.source(name)
        return now


@sources.command("set")
@click.argument("name")
@_groups
@_owner
@_every
@_rules
@click.option("--no-rules", is_flag=True, help="Drop its rules: all of it is for its groups")
@_options
@_json
@click.pass_context
def change(
    context: click.Context,
    /,
    name: str,
    *,
    groups: Sequence[str],
    rules: str | None,
    no_rules: bool,
    options: Sequence[str],
    as_json: bool,
    **chosen: object,
) -> None:
    """Change readers, rules, owner, options or schedule; new readers hold at once."""
    if rules and no_rules:
        raise BadRequest("--rules and --no-rules cannot both be", hint="leave one of them away")
    given: dict[str, object] = {key: value for key, value in chosen.items() if value is not None}
    if groups:
        given["groups"] = groups
    if rules:
        given["rules"] = _mapping(rules)
    if options:
        given["options"] = _pairs(options)
    body = body_of(SourceBody, {**given, "drop_rules": no_rules})

    async def put() -> SourceShape:
        async with setup_of(context).client("sources set", writing=True) as house:
            return await house.change_source(name, body)

    _show_one(asyncio.run(put()), as_json=as_json)


@sources.command("pause")
@click.argument("name")
@click.pass_context
def pause(context: click.Context, name: str) -> None:
    """Look at a source no more; what was taken in stays and can be found."""
    asyncio.run(_pause(setup_of(context), name, "pause"))
    note(f"{name} is paused")


@sources.command("resume")
@click.argument("name")
@click.pass_context
def resume(context: click.Context, name: str) -> None:
    """Go on looking at a source."""
    asyncio.run(_pause(setup_of(context), name, "resume"))
    note(f"{name} is looked at again")


async def _pause(setup: Setup, name: str, word: str) -> None:
    async with setup.client(f"sources {word}", writing=True) as house:
        await house.pause_source(name, word)


@sources.command("rm")
@click.argument("name")
@click.option("--now", is_flag=True, help="Remove its documents for good instead of into the trash")
@click.option("--yes", is_flag=True, help="Do not ask")
@_json
@click.pass_context
def rm(context: click.Context, name: str, *, now: bool, yes: bool, as_json: bool) -> None:
    """Forget a source; its documents go to the trash, and what they came from stays as it is."""
    if not yes and sys.stdin.isatty():
        fate = "for good" if now else "into the trash"
        click.confirm(f"Forget {name} and put its documents {fate}?", abort=True, err=True)

    async def drop(house: HouseClient) -> None:
        gone = await house.remove_source(name, now=now)
        if as_json:
            show_json(gone)
        else:
            note(f"{name} is forgotten, {gone.documents} documents {'removed' if now else 'in the trash'}")

    async def go() -> None:
        async with setup_of(context).client("sources rm", writing=True) as house:
            await drop(house)

    asyncio.run(go())


def _address(kind: str, address: str, setup: Setup) -> str:
    if kind != "folder":
        return address
    if not address.strip():
        raise BadRequest(
            "A folder source needs its folder", hint="name it after the kind; `.` is this folder"
        )
    path = (setup.folder / address).absolute()
    if not path.is_dir():
        raise BadRequest(f"There is no folder {address!r}", hint="check the path; nothing was done")
    return str(path.resolve())


def _mapping(path: str | None) -> dict[str, str] | None:
    if path is None:
        return None
    try:
        return {"name": Path(path).name, "text": Path(path).read_text("utf-8-sig")}
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
        raise BadRequest(f"The rules in {path!r} cannot be read: {why}", hint="check the file") from None


def _pairs(options: Sequence[str]) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for option in options:
        key, separator, value = option.partition("=")
        if not separator or not key.strip():
            raise BadRequest(
                f"{key[:40]!r} is no option with a value", hint="write --option max_pages=200, for example"
            )
        pairs[key.strip()] = value.strip()
    return pairs


def _cells(source: SourceShape) -> tuple[str, ...]:
    last = source.last
    when = moment(source.looked_at) if source.looked_at else "never"
    went = {"done": when, "failed": f"{when}: failed", "cancelled": f"{when}: ended early"}
    readers = ", ".join(source.groups) or "nobody"
    return (
        source.name,
        source.kind,
        readers + (f" + {len(source.rules)} rules" if source.rules else ""),
        source.every,
        str(source.documents),
        source.state.replace("_", " "),
        went[last.state] if last else "never",
    )


def _show_one(source: SourceShape, *, as_json: bool) -> None:
    if as_json:
        show_json(source)
        return
    say(f"{bold(source.name)}  {source.kind}  {source.address}")
    say(f"readers: {', '.join(source.groups) or 'nobody'}")
    for rule in source.rules:
        say(f"  {rule.where or '(all of it)'}: {', '.join(rule.groups) or 'nobody'}  ({rule.origin})")
    for key, value in sorted(source.options.items()):
        say(f"{key}: {value}")
    say(f"owner: {source.owner}")
    say(f"every: {source.every}, {source.state.replace('_', ' ')}")
    say(f"documents: {source.documents}")
    if source.last:
        _show_look(source.last)
    else:
        note("nobody has looked at it yet")


def _show_look(look: SourceLookShape) -> None:
    counts = ", ".join(f"{getattr(look, word)} {word}" for word in COUNTS if getattr(look, word))
    seconds = look.ended_at - look.started_at
    note(f"last look: {look.state}, {moment(look.ended_at)}, {seconds:.1f} s: {counts or 'nothing new'}")
    for word in look.words:
        note(f"note: {word}")
