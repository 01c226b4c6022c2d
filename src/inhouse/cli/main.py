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

COMMANDS: Mapping[str, str] = {
    "up": "inhouse.cli.serving:up",
    "serve": "inhouse.cli.serving:serve",
    "doctor": "inhouse.cli.doctor:doctor",
    "ingest": "inhouse.cli.ingest:ingest",
    "documents": "inhouse.cli.documents:documents",
    "search": "inhouse.cli.search:search",
    "ask": "inhouse.cli.ask:ask",
    "chat": "inhouse.cli.chat:chat",
    "models": "inhouse.cli.models:models",
    "compare": "inhouse.cli.compare:compare",
    "rollout": "inhouse.cli.rollout:rollout",
    "config": "inhouse.cli.config:config",
    "keys": "inhouse.cli.keys:keys",
    "route": "inhouse.cli.route:route",
    "eval": "inhouse.cli.eval:evaluation",
    "usage": "inhouse.cli.usage:usage",
    "savings": "inhouse.cli.savings:savings",
    "roi": "inhouse.cli.roi:roi",
}


class _Commands(click.Group):
    """Imports a command's file when it is named; says errors of ours in two lines."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command = getattr(importlib.import_module(module), name)
        assert isinstance(command, click.Command)
        return command

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
