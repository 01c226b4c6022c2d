"""The `inhouse` command."""

from __future__ import annotations

import importlib
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, TextIO

import click

import inhouse
from inhouse.kernel.errors import InhouseError

__all__ = ["main"]

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("serving:up", "Find engines, open the home, serve, and say where."),
    "serve": ("serving:serve", "Serve in the foreground until Ctrl+C, without a word about engines."),
    "doctor": (
        "doctor:doctor",
        "Check Python, disk, home, ports, engines (with one test prompt), GPU, keys, tesseract and index.",
    ),
    "ingest": ("ingest:ingest", "Take folders and files in; a second run does only what has changed."),
    "sources": (
        "sources:sources",
        "Add places that documents come from, set their readers, see what the last look found.",
    ),
    "documents": ("documents:documents", "List, show and remove documents."),
    "search": ("search:search", "Find the passages that fit QUERY best."),
    "glossary": (
        "glossary:glossary",
        "Keep abbreviations and words of the house, so that questions find what documents call otherwise.",
    ),
    "ask": ("ask:ask", "Answer QUESTION from the documents; every sentence is tied to a quote."),
    "chat": (
        "chat:chat",
        "Ask one question after the other; the chat is kept and shows up on the page too.",
    ),
    "models": ("models:models", "List, fetch and remove language models."),
    "compare": ("compare:compare", "Ask several models the same and count quality, time and money."),
    "rollout": (
        "rollout:rollout",
        "Change the model behind a name: shadow, 10, 50, 100 percent, and back when it does worse.",
    ),
    "config": ("config:config", "Show settings."),
    "users": ("users:users", "Put users on record, give them groups and a level, and end their access."),
    "groups": ("groups:groups", "Make, rename and remove groups, and say who is in them."),
    "acl": ("acl:acl", "Set who may read what, explain it, and check that it holds."),
    "keys": ("keys:keys", "Make, list, renew and revoke API keys."),
    "route": ("route:route", "Explain where requests go, and switch between local and cloud."),
    "eval": (
        "eval:evaluation",
        "Measure on files of questions or outcomes; every figure stands beside its n.",
    ),
    "usage": ("usage:usage", "Sum up requests, tokens and money; `unknown` money is not zero."),
    "savings": (
        "savings:savings",
        "Compare local answers with what the same tokens cost at the reference model.",
    ),
    "roi": ("roi:roi", "Tell whether a machine of one's own pays, and end in proceed, delay or no."),
}
"""Command -> its file and name in it, and the first sentence of its help: `inhouse --help` shows it without
the import of 18 files (1.0 s). A test says that it is that sentence."""


class _Commands(click.Group):
    """Imports a command's file when it is named; says errors of ours in two lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command = getattr(importlib.import_module(f"inhouse.cli.{module}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """As click does, without importing the commands."""
        width = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            stand_ins = [click.Command(name, help=first) for name, (_, first) in COMMANDS.items()]
            formatter.write_dl([(str(each.name), each.get_short_help_str(width)) for each in stand_ins])

    def invoke(self, ctx: click.Context) -> Any:  # Any: click's own type
        try:
            return super().invoke(ctx)
        except InhouseError as error:
            click.echo(f"error: {error.message}", err=True)
            if error.hint:
                click.echo(f"hint: {error.hint}", err=True)
            ctx.exit(error.exit_code)
        except KeyboardInterrupt:
            click.echo("stopped", err=True)
            ctx.exit(1)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(inhouse.__version__, prog_name="inhouse")
def main() -> None:
    """Your company's own AI: one address for every model, answers with checked sources.

    Exit codes: 0 it worked, 1 it failed, 2 wrong use, 3 something needed is unavailable.
    """
    # Pydantic would read the metadata of every installed package to find plugins: up to 0.1 s.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Python has None for a stream that whoever started this command had closed (`>&-`).
    sys.stdin = sys.stdin or _nowhere("r")
    sys.stdout, sys.stderr = sys.stdout or _nowhere("w"), sys.stderr or _nowhere("w")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A file name with broken bytes, or a terminal of another alphabet, must not end a command.
            stream.reconfigure(errors="backslashreplace")


def _nowhere(mode: Literal["r", "w"]) -> TextIO:
    """Open until the process ends, as the stream that it stands for."""
    return Path(os.devnull).open(mode, encoding="utf-8")
