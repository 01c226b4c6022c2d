"""`inhouse search`: the best passages for some words, and why a document is not among them."""

from __future__ import annotations

import asyncio

import click

from inhouse.cli.output import bold, day, dim, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.serve.search import WhyNotShape
from inhouse.serve.shapes import ResultShape, SearchDocument

__all__ = ["search"]


@click.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 200), help="How many passages")
@click.option("--source", "sources", multiple=True, help="Only this source; once for each")
@click.option("--why", "document", help="Say why this document (id, path or SOURCE/PATH) was found or not")
@click.option("--as", "user", default="", help="Ask on behalf of this user")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def search(
    context: click.Context,
    query: str,
    *,
    k: int,
    sources: tuple[str, ...],
    document: str | None,
    user: str,
    as_json: bool,
) -> None:
    """Find the passages that fit QUERY best."""
    setup = setup_of(context)
    if document is not None:
        found = asyncio.run(_why(setup, query, document, k=k, sources=sources, user=user))
        if as_json:
            show_json(found)
        else:
            _print_why(found)
        return
    results = asyncio.run(_search(setup, query, k, sources, user))
    if as_json:
        show_json(results)
        return
    for number, result in enumerate(results.results, 1):
        say(_line(number, result))
        say(f"   {' '.join(result.text.split())}")
    if not results.results:
        note("nothing fits; `inhouse search QUERY --why DOCUMENT` says why a document does not")


def _line(number: int, result: ResultShape) -> str:
    page = f", page {result.page}" if result.page else ""
    old = "  (superseded)" if result.superseded else ""
    return (
        f"{number}. {bold(f'{result.source}/{result.document}')}{page}  {dim(day(result.modified_at))}{old}"
    )


def _print_why(found: WhyNotShape) -> None:
    sought = found.sought
    say(bold(f"{sought.source}/{sought.document}") + (": shown" if sought.shown else ": not shown"))
    for reason in found.reasons:
        say(f"  {reason.words}")
        if reason.remedy:
            say(dim(f"    hint: {reason.remedy}"))
    if sought.held or sought.lacking:
        say(
            f"  words it has: {', '.join(sought.held) or 'none'};"
            f" lacks: {', '.join(sought.lacking) or 'none'}"
        )
    if sought.vector is not None:
        say(f"  vector leg: cosine {sought.vector:.2f}")
    for leg in found.legs:
        note(f"{leg.leg}: {leg.state}, {leg.words}")


async def _search(setup: Setup, query: str, k: int, sources: tuple[str, ...], user: str) -> SearchDocument:
    async with setup.client("search", user=user) as house:
        return await house.search(query, k=k, sources=sources)


async def _why(
    setup: Setup, query: str, document: str, *, k: int, sources: tuple[str, ...], user: str
) -> WhyNotShape:
    async with setup.client("search", user=user) as house:
        return await house.why(query, document, k=k, sources=sources)
