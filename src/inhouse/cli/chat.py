"""`inhouse chat`: questions that follow each other."""

from __future__ import annotations

import asyncio
import contextlib
import sys

import click

from inhouse.cli.ask import print_sources, stream_answer
from inhouse.cli.client import HouseClient
from inhouse.cli.output import note
from inhouse.cli.setup import setup_of
from inhouse.kernel.errors import InhouseError, RequestError
from inhouse.serve.shapes import AskDocument

__all__ = ["chat"]


@click.command()
@click.option("--as", "user", default="", help="Ask on behalf of this user")
@click.pass_context
def chat(context: click.Context, user: str) -> None:
    """Ask one question after the other; the chat is kept and shows up on the page too.

    Ctrl+C stops an answer, Ctrl+D leaves. Questions can also be piped in, one per line; an error then
    ends the command.
    """
    setup = setup_of(context)
    # One loop for the whole chat: between two questions it rests while the person types.
    with asyncio.Runner() as runner:
        opened = setup.client("chat", user=user)
        house = runner.run(opened.__aenter__())
        try:
            _converse(runner, house)
        finally:
            runner.run(opened.__aexit__(None, None, None))


def _converse(runner: asyncio.Runner, house: HouseClient) -> None:
    typed = sys.stdin.isatty()
    if typed:
        with contextlib.suppress(ImportError):
            import readline  # noqa: F401  gives `input` its history and line editing
        note("Ctrl+C stops an answer, Ctrl+D leaves")
    chat_id: str | None = None
    while (question := _next_question(typed=typed)) is not None:
        if not question.strip():
            continue
        try:
            chat_id = runner.run(_answer(house, question, chat_id))
        except KeyboardInterrupt:
            note("\nstopped; what was written is kept")
            if not typed:
                raise
        except InhouseError as error:
            if not typed or not isinstance(error, RequestError):
                raise
            note(f"error: {error.message}\nhint: {error.hint}")


def _next_question(*, typed: bool) -> str | None:
    """The next line; None at the end of the input. Ctrl+C clears the line."""
    while True:
        try:
            return input("? ") if typed else _line()
        except EOFError:
            return None
        except KeyboardInterrupt:
            if not typed:
                raise
            note("")


def _line() -> str:
    line = sys.stdin.readline()
    if not line:
        raise EOFError
    return line


async def _answer(house: HouseClient, question: str, chat_id: str | None) -> str:
    done = await stream_answer(house, question, show=True, chat_id=chat_id, keep=True)
    print_sources(AskDocument.model_validate(done))
    return str(done["chat_id"])
