"""`inhouse ask`: one question, one checked answer."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping

import click
from pydantic import JsonValue

from inhouse.cli.client import HouseClient
from inhouse.cli.output import bold, day, dim, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.serve.question import check_question
from inhouse.serve.shapes import AskDocument

__all__ = ["ask", "print_sources", "stream_answer"]


@click.command()
@click.argument("question")
@click.option("--as", "user", default="", help="Ask on behalf of this user")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def ask(context: click.Context, question: str, *, user: str, as_json: bool) -> None:
    """Answer QUESTION from the documents; every sentence is tied to a quote. `-` reads it from stdin."""
    text = sys.stdin.read() if question == "-" else question
    document = asyncio.run(_ask(setup_of(context), text, user, as_json=as_json))
    if as_json:
        show_json(document)
    else:
        print_sources(document)


async def _ask(setup: Setup, question: str, user: str, *, as_json: bool) -> AskDocument:
    limit = setup.settings().settings.answers.max_question_chars
    text = check_question(question, max_chars=limit)
    async with setup.client("ask", user=user) as house:
        done = await stream_answer(house, text, show=not as_json)
    return AskDocument.model_validate(done)


async def stream_answer(
    house: HouseClient, question: str, *, show: bool, chat_id: str | None = None, keep: bool = False
) -> Mapping[str, JsonValue]:
    """The data of `done`. On a terminal the words appear as they come, elsewhere the whole answer."""
    live = show and sys.stdout.isatty()
    done: Mapping[str, JsonValue] = {}
    async for name, data in house.ask(question, chat_id=chat_id, keep=keep):
        if name == "delta" and live:
            click.echo(str(data["text"]), nl=False)
        if name == "done":
            done = data
    if live:
        say()
    elif show:
        say(str(done["answer"]))
    return done


def print_sources(document: AskDocument) -> None:
    """Numbered quotes with document and page, then what the answer took."""
    if (document.refused or document.band == "hedge") and document.reason != document.answer:
        note(document.reason or "the documents do not say it clearly")
    quotes = {
        (citation.source, citation.document, citation.page, " ".join(citation.quote.split())): citation
        for sentence in document.sentences
        for citation in sentence.citations
    }
    dates = {passage.document_id: passage.modified_at for passage in document.passages}
    for number, ((source, name, page, quote), citation) in enumerate(quotes.items(), 1):
        place = bold(f"{source}/{name}") + (f", page {page}" if page else "")
        date = f"  {dim(day(dates[citation.document_id]))}" if citation.document_id in dates else ""
        say(f"[{number}] {place}{date}")
        say(f"    “{quote}”" + ("" if citation.verified else "  (not verified)"))
    for passage in () if quotes else document.passages[:3]:
        excerpt = " ".join(passage.text.split())[:300]
        say(f"nearest: {bold(f'{passage.source}/{passage.document}')}: {excerpt}")
    unsupported = [sentence.text for sentence in document.sentences if not sentence.supported]
    for text in unsupported:
        note(f"not supported by a quote: {text}")
    receipt = document.receipt
    model = (
        f"{receipt.engine} {receipt.model or ''}".strip()
        if receipt.engine != "none"
        else "no model, quotes only"
    )
    note(dim(f"{model} · {receipt.where} · {receipt.ms.total / 1000:.2f} s"))
