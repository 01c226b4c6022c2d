"""The `inhouse` command."""

from __future__ import annotations

import click

import inhouse

__all__ = ["main"]


@click.group()
@click.version_option(inhouse.__version__, prog_name="inhouse")
def main() -> None:
    """Your company's own AI: one address for every model, answers with checked sources."""
