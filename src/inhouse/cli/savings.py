"""`inhouse savings`: what working inside the house saved, gross and net."""

from __future__ import annotations

import asyncio
import datetime

import click

from inhouse.cli.output import columns, day, money, note, say, show_csv, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.cli.usage import formats, period, saved, stretch
from inhouse.serve.money_shapes import SavingsLineShape, SavingsShape

__all__ = ["savings"]


@click.command()
@click.option(
    "--by",
    type=click.Choice(["day", "week", "model", "team"]),
    default="day",
    show_default=True,
    help="What a line is about",
)
@period
@formats
@click.pass_context
def savings(
    context: click.Context,
    *,
    by: str,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Compare local answers with what the same tokens cost at the reference model.

    Gross is that price less what the answers cost here beyond idling; net takes off what the machines cost
    whether they work or not. Requests whose money is not known are counted apart.
    """
    start, end = stretch(since, until)
    found = asyncio.run(_savings(setup_of(context), {"by": by, "since": start, "until": end}))
    if as_json:
        show_json(found)
    elif as_csv:
        names = list(SavingsLineShape.model_fields)
        show_csv([[by, *names[1:]], *([getattr(line, name) for name in names] for line in found.lines)])
    else:
        _print(found)


async def _savings(setup: Setup, asked: dict[str, str | float | None]) -> SavingsShape:
    async with setup.client("usage") as house:
        return await house.savings(**asked)


def _print(found: SavingsShape) -> None:
    if not found.total.requests:
        note("nothing was asked in that time")
    else:
        head = (
            found.by.upper(),
            "REQUESTS",
            "LOCAL",
            "UNKNOWN",
            "REFERENCE",
            "LOCAL COST",
            "GROSS",
            "CLOUD COST",
        )
        for line in columns([head, *(_cells(each) for each in (*found.lines, found.total))]):
            say(line)
        say()
        say(f"from {day(found.since)} to {day(found.until)}, money in {found.money.currency}")
        say(f"gross  {money(found.total.gross_micros)}{_of_how_many(found.total)}")
        say(f"fixed  {money(found.fixed_micros)}")
        known = found.net_micros is not None
        say(f"net    {money(found.net_micros)}{_of_how_many(found.total) if known else ''}")
    for each in found.notes:
        note(f"note: {each}")


def _cells(line: SavingsLineShape) -> tuple[str, ...]:
    return (
        line.name,
        str(line.requests),
        str(line.local),
        str(line.unknown),
        money(line.reference_micros),
        money(line.local_micros),
        saved(line.gross_micros, line.unknown),
        money(line.cloud_micros),
    )


def _of_how_many(total: SavingsLineShape) -> str:
    """What a sum leaves out; a small one must not be taken for all there is."""
    if not total.unknown:
        return ""
    return f"  ({total.unknown} of {total.local} local requests unknown)"
