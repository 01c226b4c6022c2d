"""How commands write: data to stdout, everything else to stderr."""

from __future__ import annotations

import csv
import io
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from inhouse.serve.shapes import Shape

__all__ = ["bold", "columns", "day", "dim", "moment", "money", "note", "say", "show_csv", "show_json", "size"]

LEAST_MICROS = 100
"""Less than this has no digit that counts among four."""


def say(text: str = "") -> None:
    """A line of data, to stdout. A reader that has left (`| head`) is no error; a full disk is."""
    try:
        click.echo(text, color=_colour())
    except OSError as error:
        # Python would complain again while closing stdout at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):
            raise SystemExit(0) from None
        note(f"error: the output could not be written: {error.strerror}")
        note("hint: free some space, or write it to another place")
        raise SystemExit(1) from None


def note(text: str) -> None:
    """A line for the person, to stderr."""
    click.echo(text, err=True, color=_colour())


def show_json(shape: Shape) -> None:
    """The one JSON document of a `--json` command."""
    say(shape.model_dump_json(indent=2))


def show_csv(rows: Sequence[Sequence[object]]) -> None:
    """A table for a spreadsheet; what is not known is an empty cell."""
    for row in rows:
        line = io.StringIO()
        csv.writer(line, lineterminator="").writerow([_cell(value) for value in row])
        say(line.getvalue())


def _cell(value: object) -> object:
    # A spreadsheet takes a text that begins like this for a formula, and names come from callers.
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") and value != "-":
        return f"'{value}"
    return value


def bold(text: str) -> str:
    return click.style(text, bold=True)


def dim(text: str) -> str:
    return click.style(text, dim=True)


def size(size_bytes: int | None) -> str:
    """`1.5 MB`; `?` when it is not known."""
    if size_bytes is None:
        return "?"
    amount, unit = float(size_bytes), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"


def day(timestamp: float) -> str:
    """`2026-03-01`, in the time zone of this machine."""
    return datetime.fromtimestamp(timestamp, UTC).astimezone().strftime("%Y-%m-%d")


def moment(timestamp: float) -> str:
    """`2026-03-01 09:30:00`, in the time zone of this machine."""
    return datetime.fromtimestamp(timestamp, UTC).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def money(cost_micros: int | None) -> str:
    """`0.0123`; `unknown` is not zero, and what is too small for four digits is `0.000021`."""
    if cost_micros is None:
        return "unknown"
    digits = 6 if 0 < abs(cost_micros) < LEAST_MICROS else 4
    return f"{cost_micros / 1_000_000:.{digits}f}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines with the cells of each column below each other; the first row is the heading."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    return [bold(lines[0]), *lines[1:]]


def _colour() -> bool | None:
    """None lets click decide by the terminal. Source: https://no-color.org"""
    return False if os.environ.get("NO_COLOR") else None
