"""`inhouse documents`: what the house has."""

from __future__ import annotations

import asyncio
import sys

import click

from inhouse.cli.output import bold, columns, day, note, say, show_json, size
from inhouse.cli.setup import Setup, setup_of
from inhouse.serve.document_shapes import DocumentDetail, DocumentRow, DocumentRows

__all__ = ["documents"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
_as = click.option("--as", "user", default="", help="Ask on behalf of this user")


@click.group()
def documents() -> None:
    """List, show and remove documents."""


@documents.command("ls")
@click.argument("query", default="")
@click.option("--source", help="Only this source")
@click.option("--status", type=click.Choice(["pending", "indexed", "empty", "refused"]), help="Only these")
@_as
@_json
@click.pass_context
def ls(
    context: click.Context, query: str, *, source: str | None, status: str | None, user: str, as_json: bool
) -> None:
    """List the documents whose path or title contains QUERY."""
    found = asyncio.run(_list(setup_of(context), query, source, status, user))
    if as_json:
        show_json(found)
        return
    if found.documents:
        head = ("DOCUMENT", "SOURCE", "STATUS", "SIZE", "DATE")
        for line in columns([head, *(_cells(row) for row in found.documents)]):
            say(line)
    refused = [row for row in found.documents if row.reason]
    for row in refused:
        note(f"{row.status}: {row.document!r}: {row.reason}")
    note(
        f"{found.total} documents" if found.total else "no documents; take some in with `inhouse ingest PATH`"
    )


def _cells(row: DocumentRow) -> tuple[str, ...]:
    printable = "".join(character if character.isprintable() else "?" for character in row.document)
    return printable, row.source, row.status, size(row.size_bytes), day(row.modified_at)


async def _list(setup: Setup, query: str, source: str | None, status: str | None, user: str) -> DocumentRows:
    async with setup.client("documents ls", user=user) as house:
        rows: list[DocumentRow] = []
        while True:
            window = await house.documents(query=query, source=source, status=status, offset=len(rows))
            rows += window.documents
            if not window.documents or len(rows) >= window.total:
                return DocumentRows(documents=tuple(rows), total=window.total, revision=window.revision)


@documents.command("show")
@click.argument("document")
@_as
@_json
@click.pass_context
def show(context: click.Context, document: str, *, user: str, as_json: bool) -> None:
    """Show a document's text. DOCUMENT is its id, its path, or SOURCE/PATH."""
    detail = asyncio.run(_show(setup_of(context), document, user))
    if as_json:
        show_json(detail)
        return
    note(bold(f"{detail.source}/{detail.document}") + f"  {detail.media_type}, {size(detail.size_bytes)}")
    note(f"{detail.status}, {detail.chunk_count} passages, file of {day(detail.modified_at)}")
    if detail.reason:
        note(f"reason: {detail.reason}")
    say(detail.text)


async def _show(setup: Setup, document: str, user: str) -> DocumentDetail:
    async with setup.client("documents show", user=user) as house:
        return await house.document((await house.document_named(document)).document_id)


@documents.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="DOCUMENT...")
@click.option("--yes", is_flag=True, help="Do not ask")
@click.pass_context
def rm(context: click.Context, names: tuple[str, ...], *, yes: bool) -> None:
    """Remove documents from every place in the house; the files they came from stay."""
    if not yes and sys.stdin.isatty():
        click.confirm(f"Remove {', '.join(names)}?", abort=True, err=True)
    removed = asyncio.run(_remove(setup_of(context), names))
    note(f"{removed} removed")


async def _remove(setup: Setup, names: tuple[str, ...]) -> int:
    """Look all of them up before removing the first."""
    async with setup.client("documents rm", writing=True) as house:
        ids = {(await house.document_named(name)).document_id for name in names}
        for document_id in ids:
            await house.remove_document(document_id)
        return len(ids)
