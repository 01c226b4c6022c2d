"""`inhouse glossary`: abbreviations and words of the house, which searches know as other names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.glossary import checked_term, read_terms

__all__ = ["glossary"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
_as = click.option("--as", "user", default="", help="Ask on behalf of this user")
ResultT = TypeVar("ResultT")


@click.group()
def glossary() -> None:
    """Keep abbreviations and words of the house, so that questions find what documents call otherwise."""


@glossary.command("add")
@click.argument("term")
@click.argument("meanings", nargs=-1, required=True, metavar="MEANING...")
@_as
@click.pass_context
def add(context: click.Context, term: str, meanings: tuple[str, ...], *, user: str) -> None:
    """Let TERM mean each MEANING, and the other way round; an earlier entry for TERM is replaced."""
    wanted = checked_term(term, meanings)
    added = _asked(context, "glossary add", user, lambda house: house.add_terms([wanted]))
    note(f"{wanted.term} is {'new' if added.added else 'changed'}; {added.total} terms")


@glossary.command("ls")
@_as
@_json
@click.pass_context
def ls(context: click.Context, *, user: str, as_json: bool) -> None:
    """List every term with its meanings."""
    found = _asked(context, "glossary ls", user, lambda house: house.glossary())
    if as_json:
        show_json(found)
        return
    if found.terms:
        rows = [(one.term, "; ".join(one.meanings)) for one in found.terms]
        for line in columns([("TERM", "MEANS"), *rows]):
            say(line)
    note(f"{len(found.terms)} terms" if found.terms else "no terms; `inhouse glossary add TERM MEANING`")


@glossary.command("rm")
@click.argument("term")
@_as
@click.pass_context
def rm(context: click.Context, term: str, *, user: str) -> None:
    """Forget TERM."""
    _asked(context, "glossary rm", user, lambda house: house.remove_term(term))
    note(f"{term} is forgotten")


@glossary.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@_as
@click.pass_context
def import_(context: click.Context, file: Path, *, user: str) -> None:
    """Take terms from FILE: CSV with the term first, or lines `TERM = meaning; meaning`."""
    try:
        text = file.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} cannot be read as UTF-8: {error}", hint="save it as CSV UTF-8") from error
    terms = read_terms(text)
    if not terms:
        raise BadRequest(f"{file} has no terms", hint="one a line: TERM,meaning,another meaning")
    added = _asked(context, "glossary import", user, lambda house: house.add_terms(terms))
    note(f"{added.added} new, {len(terms) - added.added} changed; {added.total} terms")


def _asked(
    context: click.Context, command: str, user: str, ask: Callable[[HouseClient], Awaitable[ResultT]]
) -> ResultT:
    async def run() -> ResultT:
        async with setup_of(context).client(command, user=user) as house:
            return await ask(house)

    return asyncio.run(run())
