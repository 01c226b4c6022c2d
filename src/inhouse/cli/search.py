"""`inhouse search`: the best passages for some words."""

from __future__ import annotations

import asyncio

import click

from inhouse.cli.output import bold, day, dim, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.serve.shapes import SearchDocument

__all__ = ["search"]


@click.command()
@click.argument("query")
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 200), help="How many passages")
@click.option("--as", "user", default="", help="Ask on behalf of this user")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def search(context: click.Context, query: str, *, k: int, user: str, as_json: bool) -> None:
    """Find the passages that fit QUERY best."""
    found = asyncio.run(_search(setup_of(context), query, k, user))
    if as_json:
        show_json(found)
        return
    for number, result in enumerate(found.results, 1):
        page = f", page {result.page}" if result.page else ""
        say(f"{number}. {bold(f'{result.source}/{result.document}')}{page}  {dim(day(result.modified_at))}")
        say(f"   {' '.join(result.text.split())}")
    if not found.results:
        note("nothing fits")


async def _search(setup: Setup, query: str, k: int, user: str) -> SearchDocument:
    async with setup.client("search", user=user) as house:
        return await house.search(query, k=k)
