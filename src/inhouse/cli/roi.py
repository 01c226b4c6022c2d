"""`inhouse roi`: does a machine of one's own pay? What plans claim beside what is computed."""

from __future__ import annotations

import asyncio
from decimal import Decimal, InvalidOperation

import click

from inhouse.cli.output import bold, columns, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.gateway.roi_presets import PRESETS
from inhouse.serve.money_shapes import RoiShape, RoisShape

__all__ = ["roi"]


class _Amount(click.ParamType[Decimal]):
    name = "amount"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        """A decimal number that is not negative."""
        try:
            amount = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a number", param, ctx)
        if not amount.is_finite() or amount < 0:
            self.fail(f"{value!r} is not an amount", param, ctx)
        return amount


AMOUNT = _Amount()


@click.command()
@click.option("--preset", multiple=True, type=click.Choice(list(PRESETS)), help="A scenario of the plans")
@click.option("--model", help="Who does the work now, as provider/model; the reference model if not said")
@click.option("--requests-month", type=AMOUNT, help="Requests a month")
@click.option("--tokens-in", type=click.IntRange(0), help="Input tokens of a request [default: 1000]")
@click.option("--tokens-out", type=click.IntRange(0), help="Output tokens of a request [default: 500]")
@click.option("--cloud-month", type=AMOUNT, help="Other bills of vendors a month")
@click.option("--local-share", type=AMOUNT, help="Part of the bills that goes away, 0 to 1 [default: 1]")
@click.option("--capex", type=AMOUNT, help="Price of the machine")
@click.option("--residual", type=AMOUNT, help="What the machine is worth at the end")
@click.option("--development", type=AMOUNT, help="Other money that is spent once")
@click.option("--energy-month", type=AMOUNT, help="Electricity a month")
@click.option("--maintenance-month", type=AMOUNT, help="Care for the machine a month")
@click.option("--months", type=click.IntRange(1, 240), help="How long the machine is used [default: 36]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def roi(context: click.Context, /, *, as_json: bool, preset: tuple[str, ...], **figures: object) -> None:
    """Tell whether a machine of one's own pays, and end in proceed, delay or no.

    Without options: your own use of the last 30 days, and all scenarios of the planning documents. With a
    preset: its figures in full, with what the document claims beside them. With --requests-month or
    --cloud-month: your own figures.
    """
    given = {name: str(value) for name, value in figures.items() if value is not None}
    if given and not preset and not {"requests_month", "cloud_month"} & given.keys():
        raise click.UsageError("your own figures need --requests-month or --cloud-month")
    if given and preset:
        raise click.UsageError("a preset has figures of its own; leave them out, or leave --preset out")
    found = asyncio.run(_roi(setup_of(context), preset, given))
    if as_json:
        show_json(found)
        return
    if len(found.scenarios) == 1:
        _print_one(found.scenarios[0])
    else:
        _print_all(found)
    for each in found.notes:
        note(f"note: {each}")


async def _roi(setup: Setup, preset: tuple[str, ...], given: dict[str, str]) -> RoisShape:
    async with setup.client("usage") as house:
        return await house.roi(preset=list(preset), **given)


def _print_one(scenario: RoiShape) -> None:
    say(bold(f"{scenario.name}: {scenario.title}"))
    say(f"{scenario.source}; figures in {scenario.currency}")
    say()
    same = all(figure.low == figure.high for figure in scenario.figures)
    head = ("FIGURE", "COMPUTED") if same else ("FIGURE", "LOW CASE", "HIGH CASE")
    claimed = any(figure.claimed for figure in scenario.figures)
    table = [(*head, *(("CLAIMED",) if claimed else ()))]
    for figure in scenario.figures:
        nothing = "never" if figure.figure in ("payback_months", "break_even_requests") else "-"
        values = (figure.low,) if same else (figure.low, figure.high)
        cells = (figure.means, *(nothing if value is None else value for value in values))
        table.append((*cells, *((figure.claimed or "",) if claimed else ())))
    for line in columns(table):
        say(line)
    say()
    say(f"{scenario.decision}: {scenario.rule}")
    for each in scenario.notes:
        note(f"note: {each}")


def _print_all(found: RoisShape) -> None:
    table = [("SCENARIO", "SAVED A YEAR", "CLAIMED", "PAID BACK, MONTHS", "CLAIMED", "DECISION")]
    for scenario in found.scenarios:
        by_name = {figure.figure: figure for figure in scenario.figures}
        saved, paid = by_name["saving_year"], by_name["payback_months"]
        table.append(
            (
                scenario.name,
                _span(saved.low, saved.high),
                saved.claimed or "",
                _span(paid.low, paid.high),
                paid.claimed or "",
                scenario.decision,
            )
        )
    for line in columns(table):
        say(line)
    say()
    for scenario in found.scenarios:
        say(f"{scenario.name}: {scenario.decision}, {scenario.rule}")
    say()
    say(found.statement)
    note("`inhouse roi --preset NAME` shows a scenario in full, with the rule that decided")


def _span(low: str | None, high: str | None) -> str:
    first, second = low or "never", high or "never"
    return first if first == second else f"{first} to {second}"
