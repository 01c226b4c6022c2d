"""`inhouse usage`: what was asked of which engine, what it took, and what it cost."""

from __future__ import annotations

import asyncio
import datetime
from collections.abc import Callable, Sequence
from typing import get_args

import click

from inhouse.cli.output import columns, moment, money, note, say, show_csv, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.gateway.ports import Grouping
from inhouse.serve.house_shapes import LedgerRowShape, RequestShape, SumShape, TotalsShape, UsageShape

__all__ = ["period", "saved", "stretch", "usage"]

DAY = datetime.timedelta(days=1)
GROUPINGS = get_args(Grouping)

Command = Callable[..., None]


def period(command: Command) -> Command:
    """The options `--since` and `--until`."""
    kind = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"])
    command = click.option("--until", type=kind, help="Only before then; a day alone counts as a whole")(
        command
    )
    return click.option("--since", type=kind, help="Only from then on")(command)


def stretch(since: datetime.datetime | None, until: datetime.datetime | None) -> tuple[float, float | None]:
    """Both ends in UNIX seconds, by the wall clock of this machine."""
    if until is not None and until.time() == datetime.time():
        until += DAY
    return since.timestamp() if since else 0.0, until.timestamp() if until else None


def formats(command: Command) -> Command:
    """The options `--json` and `--csv`."""
    command = click.option("--csv", "as_csv", is_flag=True, help="Print a table for a spreadsheet")(command)
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON document")(command)


@click.group(invoke_without_command=True)
@click.option("--by", type=click.Choice(GROUPINGS), help="Sum up by this alone")
@period
@click.option("--key", help="Only what this API key paid for, by its id")
@click.option("--user", help="Only what this person asked")
@click.option("--team", help="Only what this team paid for")
@click.option("--model", help="Only what this model answered")
@click.option("--engine", help="Only what this engine answered")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Rows in --json"
)
@formats
@click.pass_context
def usage(
    context: click.Context,
    /,
    *,
    by: Grouping | None,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    as_json: bool,
    as_csv: bool,
    limit: int,
    **only: str | None,
) -> None:
    """Sum up requests, tokens and money; `unknown` money is not zero."""
    if context.invoked_subcommand is not None:
        return
    start, end = stretch(since, until)
    asked = {"by": by, "since": start, "until": end, "limit": limit, **only}
    found = asyncio.run(_usage(setup_of(context), asked))
    if as_json:
        show_json(found)
        return
    table = _sums(by, found.sums) if by else _totals(found.totals)
    if as_csv:
        show_csv(_raw_sums(by, found.sums) if by else _raw_totals(found.totals))
    elif len(table) > 1:
        for line in columns(table):
            say(line)
    else:
        times = {"since": since, "until": until}
        filters = [f"{name} {value:%Y-%m-%d %H:%M}" for name, value in times.items() if value]
        filters += [f"with --{name} {value}" for name, value in only.items() if value]
        note(f"nothing was asked {', '.join(filters) or 'yet'}")
    if found.money is not None and not as_csv:
        note(f"money in {found.money.currency}")
        if found.money.book_stale:
            note(stale(found.money.book, found.money.book_day, found.money.book_age_days))


@usage.command()
@click.argument("request_id")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def show(context: click.Context, *, request_id: str, as_json: bool) -> None:
    """Show one request by its id (header x-inhouse-request-id): every attempt, who, why, tokens, money."""
    found = asyncio.run(_request(setup_of(context), request_id))
    if as_json:
        show_json(found)
        return
    for number, row in enumerate(found.rows, 1):
        if number > 1:
            say()
        for line in _described(row, found.currency, f"{number} of {len(found.rows)}"):
            say(line)


@usage.command()
@period
@click.option("--model", help="Only what this model answered")
@click.option("--engine", help="Only what this engine answered")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def reprice(
    context: click.Context,
    *,
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    model: str | None,
    engine: str | None,
    as_json: bool,
) -> None:
    """Work out the money of past requests again from their tokens, with the prices known now."""
    start, end = stretch(since, until)
    body = {"since": start, "until": end, "model": model, "engine": engine}

    async def ask() -> int:
        async with setup_of(context).client("usage", writing=True) as house:
            found = await house.reprice(body)
        if as_json:
            show_json(found)
        return found.changed

    changed = asyncio.run(ask())
    if not as_json:
        say(f"{changed} rows have other money now")


def stale(book: str, day: str, age_days: int) -> str:
    """What is said about a price table that is too old."""
    age = f"note: the price table is {age_days} days old ({book}, {day})"
    return f"{age}; install a newer inhouse, or set money.price_book"


async def _usage(setup: Setup, asked: dict[str, str | float | None]) -> UsageShape:
    async with setup.client("usage") as house:
        return await house.usage(**asked)


async def _request(setup: Setup, request_id: str) -> RequestShape:
    async with setup.client("usage") as house:
        return await house.request(request_id)


def _cost(cost_micros: int, unpriced: int, requests: int) -> str:
    known = money(None if unpriced == requests else cost_micros)
    return known + (f" + {unpriced} unpriced" if 0 < unpriced < requests else "")


def saved(micros: int | None, unknown: int) -> str:
    """A saving, and of how many requests it is not known; `unknown` alone where it is of none."""
    return money(micros) + (f" + {unknown} unknown" if unknown and micros is not None else "")


def _totals(totals: Sequence[TotalsShape]) -> list[tuple[str, ...]]:
    head = ("ENGINE", "MODEL", "WHERE", "REQUESTS", "FAILED", "TOKENS IN", "TOKENS OUT", "COST")
    return [
        head,
        *(
            (
                row.engine,
                row.model or "-",
                row.where,
                str(row.requests),
                str(row.failed),
                str(row.input_tokens),
                str(row.output_tokens),
                _cost(row.cost_micros, row.unpriced, row.requests),
            )
            for row in totals
        ),
    ]


def _sums(by: Grouping, sums: Sequence[SumShape]) -> list[tuple[str, ...]]:
    named = by == "key"
    name = ("NAME",) if named else ()
    head = (by.upper(), *name, "REQUESTS", "FAILED", "LOCAL", "TOKENS IN", "TOKENS OUT", "COST", "SAVED")
    return [
        head,
        *(
            (
                row.name,
                *((row.key_name or "-",) if named else ()),
                str(row.requests),
                str(row.failed),
                str(row.local),
                str(row.input_tokens),
                str(row.output_tokens),
                _cost(row.cost_micros, row.unpriced, row.requests),
                saved(None if row.local and row.unsaved == row.local else row.saved_micros, row.unsaved),
            )
            for row in sums
        ),
    ]


def _raw_totals(totals: Sequence[TotalsShape]) -> list[list[object]]:
    names = list(TotalsShape.model_fields)
    return [list(names), *([getattr(row, name) for name in names] for row in totals)]


def _raw_sums(by: Grouping, sums: Sequence[SumShape]) -> list[list[object]]:
    names = [name for name in SumShape.model_fields if by == "key" or name != "key_name"]
    return [[by, *names[1:]], *([getattr(row, name) for name in names] for row in sums)]


def _described(row: LedgerRowShape, currency: str, number: str) -> list[str]:
    """One attempt, a line for each thing worth knowing."""
    ended = row.outcome + (f" ({row.code})" if row.code else "")
    tokens = f"{row.input_tokens} in, {row.output_tokens} out"
    parts = [
        (row.cached_tokens, "from a cache"),
        (row.cache_write_tokens, "into a cache"),
        (row.reasoning_tokens, "of thinking"),
    ]
    tokens += "".join(f", {count} {what}" for count, what in parts if count)
    first = "" if row.first_token_ms is None else f", first token after {row.first_token_ms:.0f} ms"
    return [
        f"{number}: {ended}, {moment(row.started_at)}",
        f"  who      {row.user}"
        + (f", key {row.key}" if row.key else "")
        + (f", team {row.team}" if row.team else ""),
        f"  asked    {row.requested or 'any model'}, task {row.task}",
        f"  engine   {row.engine}, model {row.model or '-'}, {row.where}",
        f"  reason   {row.reason}",
        f"  tokens   {tokens}" + (" (estimated)" if row.estimated else ""),
        f"  money    cost {money(row.cost_micros)}, saved {money(row.saved_micros)} {currency}",
        f"  time     {row.total_ms:.0f} ms{first}",
    ]
