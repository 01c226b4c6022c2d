"""`inhouse acl`: who may read what, why, and whether it holds."""

from __future__ import annotations

import asyncio

import click

from inhouse.cli.acl_check import AclReport, check_access
from inhouse.cli.groups import show_change
from inhouse.cli.output import bold, columns, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.cli.words import body_of
from inhouse.serve.access_shapes import AccessChangeShape, ExplanationShape, ReadersBody

__all__ = ["acl"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.group()
def acl() -> None:
    """Set who may read what, explain it, and check that it holds."""


@acl.command("explain")
@click.argument("user")
@click.argument("document")
@_json
@click.pass_context
def explain(context: click.Context, user: str, document: str, *, as_json: bool) -> None:
    """Say whether USER may read DOCUMENT (id, path, SOURCE/PATH), through what, and what would change it."""

    async def ask() -> ExplanationShape:
        async with setup_of(context).client("acl explain") as house:
            return await house.explain_access(user, document)

    found = asyncio.run(ask())
    if as_json:
        show_json(found)
        return
    say(found.words)
    if found.through:
        say(f"It is open to them through {bold(', '.join(found.through))}.")
    if found.changes:
        say("\nWhat would change that:")
        for line in columns([("CHANGE", "COMMAND"), *((one.words, one.command) for one in found.changes)]):
            say(line)


@acl.command("set")
@click.argument("place")
@click.option("--group", "groups", multiple=True, help="Who may read it: finance, finance:2, everyone")
@click.option("--nobody", is_flag=True, help="Nobody may read it")
@_json
@click.pass_context
def set_readers(
    context: click.Context, place: str, *, groups: tuple[str, ...], nobody: bool, as_json: bool
) -> None:
    """Give a document (id, path, SOURCE/PATH), a folder (SOURCE/FOLDER) or a SOURCE other readers."""
    if bool(groups) == nobody:
        raise click.UsageError("Say who may read it: --group, once for each, or --nobody")
    wanted = body_of(ReadersBody, {"place": place, "groups": groups or ("nobody",)})

    async def ask() -> AccessChangeShape:
        async with setup_of(context).client("acl set", writing=True) as house:
            return await house.set_readers(wanted)

    changed = asyncio.run(ask())
    show_change(changed, as_json=as_json)
    if not as_json:
        note(f"{place}: {', '.join(changed.readers) or 'nobody'}; it counts from the next question on")


@acl.command("check")
@_json
@click.pass_context
def check(context: click.Context, *, as_json: bool) -> None:
    """Plant documents with made-up words, and try every road as people who may not read them."""

    async def ask() -> AclReport:
        async with setup_of(context).client("acl check", writing=True) as house:
            return await check_access(house)

    report = asyncio.run(ask())
    if as_json:
        show_json(report)
    else:
        for one in report.findings:
            say(f"{one.what}: {one.road}, as {one.user}{': ' if one.document else ''}{one.document}")
        note(
            f"{report.tried} requests; {report.found} times who may found it; {len(report.findings)} findings"
        )
    if report.findings:
        context.exit(1)
