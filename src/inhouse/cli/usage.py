"""`inhouse usage`: what was asked of which engine, and what it took."""

from __future__ import annotations

import asyncio
from datetime import datetime

import click

from inhouse.cli.output import columns, money, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.serve.house_shapes import UsageShape

__all__ = ["usage"]


@click.command()
@click.option("--since", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S"]), help="Only from then on")
@click.option(
    "--limit", default=100, show_default=True, type=click.IntRange(1, 10_000), help="Rows in --json"
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def usage(context: click.Context, *, since: datetime | None, limit: int, as_json: bool) -> None:
    """Sum up requests, tokens and money per engine and model; `unknown` money is not zero."""
    found = asyncio.run(_usage(setup_of(context), since.timestamp() if since else 0.0, limit))
    if as_json:
        show_json(found)
        return
    rows = [
        (
            row.engine,
            row.model or "-",
            row.where,
            str(row.requests),
            str(row.failed),
            str(row.input_tokens),
            str(row.output_tokens),
            money(None if row.unpriced == row.requests else row.cost_micros)
            + (f" + {row.unpriced} unpriced" if 0 < row.unpriced < row.requests else ""),
        )
        for row in found.totals
    ]
    if rows:
        head = ("ENGINE", "MODEL", "WHERE", "REQUESTS", "FAILED", "TOKENS IN", "TOKENS OUT", "COST")
        for line in columns([head, *rows]):
            say(line)
    else:
        note("nothing was asked yet")


async def _usage(setup: Setup, since: float, limit: int) -> UsageShape:
    async with setup.client("usage") as house:
        return await house.usage(since=since, limit=limit)
