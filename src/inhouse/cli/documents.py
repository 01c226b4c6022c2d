"""`inhouse documents`: what the house has, and taking it away."""

from __future__ import annotations

import asyncio
import sys

import click

from inhouse.cli.output import bold, columns, day, moment, note, say, show_json, size
from inhouse.cli.setup import Setup, setup_of
from inhouse.kernel.errors import BadRequest
from inhouse.serve.document_shapes import DocumentDetail, DocumentRow, DocumentRows
from inhouse.serve.removal import CertificateShape, CertificatesShape, DiscardedShape, TrashShape

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
    return _plain(row.document), row.source, row.status, size(row.size_bytes), day(row.modified_at)


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


@documents.command("outdated")
@click.argument("document")
@click.option("--no", "current", is_flag=True, help="Take the mark back")
@_as
@click.pass_context
def outdated(context: click.Context, document: str, *, current: bool, user: str) -> None:
    """Mark DOCUMENT as outdated: it stays in searches, marked, and a little lower."""
    asyncio.run(_mark(setup_of(context), document, not current, user))
    note(f"{document} is {'current again' if current else 'marked as outdated'}")


async def _mark(setup: Setup, document: str, outdated: bool, user: str) -> None:
    async with setup.client("documents outdated", user=user) as house:
        found = await house.document_named(document)
        await house.mark_outdated(found.document_id, outdated=outdated)


@documents.command("rm")
@click.argument("names", nargs=-1, metavar="DOCUMENT...")
@click.option("--source", help="All documents of this source")
@click.option("--now", is_flag=True, help="For good at once, also many; nothing can be undone")
@click.option("--certificate", is_flag=True, help="For good at once, verified; print what was removed")
@click.option("--yes", is_flag=True, help="Do not ask")
@_as
@_json
@click.pass_context
def rm(
    context: click.Context,
    names: tuple[str, ...],
    *,
    source: str | None,
    now: bool,
    certificate: bool,
    yes: bool,
    user: str,
    as_json: bool,
) -> None:
    """Remove documents from every place in the house; the files they came from stay.

    Up to 20 are removed for good. More go to the trash, out of everybody's sight, and
    `documents restore` brings them back until their time (ingest.undo_hours) is over.
    """
    if not names and source is None:
        raise BadRequest("Nothing was named to remove", hint="name documents, or a --source")
    setup = setup_of(context)
    ids = asyncio.run(_ids(setup, names, source, user))
    if not yes and sys.stdin.isatty():
        shown = ", ".join(names) if source is None else f"{len(ids)} documents"
        click.confirm(f"Remove {shown}?", abort=True, err=True)
    if certificate:
        _show_certificate(asyncio.run(_erase(setup, ids, user)), as_json=as_json)
        return
    done = asyncio.run(_remove(setup, ids, user, now=now))
    if as_json:
        show_json(done)
    elif done.trashed:
        note(f"{done.trashed} went to the trash; `inhouse documents restore` brings them back")
        note(f"removed for good on {moment(done.final_at or 0.0)}")
    else:
        note(f"{done.removed} removed")


@documents.command("trash")
@click.option("--source", help="Only this source")
@click.option("--empty", is_flag=True, help="Remove for good what is in it")
@click.option("--yes", is_flag=True, help="Do not ask")
@_as
@_json
@click.pass_context
def trash(
    context: click.Context, *, source: str | None, empty: bool, yes: bool, user: str, as_json: bool
) -> None:
    """List what can be restored, and until when."""
    setup = setup_of(context)
    if empty:
        if not yes and sys.stdin.isatty():
            click.confirm("Remove for good what is in the trash?", abort=True, err=True)
        count = asyncio.run(_change(setup, "empty", (), source, user))
        note(f"{count} removed for good")
        return
    found = asyncio.run(_trash(setup, source, user))
    if as_json:
        show_json(found)
        return
    rows = [
        (_plain(one.document), one.source, size(one.size_bytes), moment(one.final_at))
        for one in found.documents
    ]
    for line in columns([("DOCUMENT", "SOURCE", "SIZE", "RESTORABLE UNTIL"), *rows]) if rows else ():
        say(line)
    note(f"{len(rows)} documents" if rows else "the trash is empty")


@documents.command("restore")
@click.argument("names", nargs=-1, metavar="[DOCUMENT...]")
@click.option("--source", help="Only documents of this source")
@click.option("--all", "everything", is_flag=True, help="All that is in the trash")
@_as
@click.pass_context
def restore(
    context: click.Context, names: tuple[str, ...], *, source: str | None, everything: bool, user: str
) -> None:
    """Bring documents back from the trash; they keep their ids, so old answers cite them again."""
    if not names and source is None and not everything:
        raise BadRequest("Nothing was named to restore", hint="name documents, a --source, or --all")
    count = asyncio.run(_change(setup_of(context), "restore", names, source, user))
    note(f"{count} restored")


@documents.command("certificates")
@_as
@_json
@click.pass_context
def certificates(context: click.Context, *, user: str, as_json: bool) -> None:
    """List the certificates of removals, the newest first."""
    found = asyncio.run(_certificates(setup_of(context), user))
    if as_json:
        show_json(found)
        return
    for one in found.certificates:
        names = ", ".join(_plain(document.document) for document in one.documents[:3])
        more = f" and {len(one.documents) - 3} more" if len(one.documents) > 3 else ""
        state = "verified" if one.verified else "not fully verified"
        say(f"{moment(one.erased_at)}  {one.erasure_id}  {state}  {names}{more}")
    note(f"{len(found.certificates)} certificates")


def _show_certificate(given: CertificateShape, *, as_json: bool) -> None:
    if as_json:
        show_json(given)
        return
    say(bold(f"Removed for good, {moment(given.erased_at)}, certificate {given.erasure_id}"))
    for one in given.documents:
        say(f"{one.source}/{_plain(one.document)}  id {one.document_id}")
        say(f"  sha256 {one.sha256 or 'none: its bytes were never kept'}")
        kept = f", kept for {one.shared_with} others" if one.shared_with else ""
        say(f"  {one.chunks} chunks, {one.vectors} vectors, {size(one.blob_bytes)} of bytes{kept}")
        say(f"  {one.page_images} page pictures, {one.answers} answers rewritten")
    for finding in given.findings:
        word = {True: "verified", False: "FAILED", None: "not verified"}[finding.passed]
        say(f"{word}: {finding.what}: {finding.detail}")
    for line in given.not_covered:
        say(f"not covered: {line}")


def _plain(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


async def _ids(setup: Setup, names: tuple[str, ...], source: str | None, user: str) -> tuple[str, ...]:
    """Look all of them up before removing the first."""
    async with setup.client("documents rm", user=user) as house:
        ids = [(await house.document_named(name)).document_id for name in names]
        while source is not None:
            window = await house.documents(source=source, offset=len(ids) - len(names))
            ids += [row.document_id for row in window.documents]
            if not window.documents or len(ids) - len(names) >= window.total:
                break
        return tuple(dict.fromkeys(ids))


async def _remove(setup: Setup, ids: tuple[str, ...], user: str, *, now: bool) -> DiscardedShape:
    async with setup.client("documents rm", writing=True, user=user) as house:
        return await house.remove_documents(ids, now=now)


async def _erase(setup: Setup, ids: tuple[str, ...], user: str) -> CertificateShape:
    async with setup.client("documents rm", writing=True, user=user) as house:
        return await house.erase_documents(ids)


async def _trash(setup: Setup, source: str | None, user: str) -> TrashShape:
    async with setup.client("documents trash", user=user) as house:
        return await house.trash(source=source)


async def _change(setup: Setup, verb: str, names: tuple[str, ...], source: str | None, user: str) -> int:
    async with setup.client("documents trash", writing=True, user=user) as house:
        return (await house.change_trash(verb, names, source=source)).documents


async def _certificates(setup: Setup, user: str) -> CertificatesShape:
    async with setup.client("documents certificates", user=user) as house:
        return await house.certificates()
