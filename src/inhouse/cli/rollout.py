"""`inhouse rollout`: change the model behind a name step by step, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import bold, columns, note, say, show_json
from inhouse.cli.setup import setup_of
from inhouse.cli.words import body_of
from inhouse.serve.rollouts import ArmShape, NewRollout, RolloutShape, RolloutsShape
from inhouse.serve.shapes import Shape

__all__ = ["rollout"]

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.group()
def rollout() -> None:
    """Change the model behind a name: shadow, 10, 50, 100 percent, and back when it does worse."""


@rollout.command("start")
@click.argument("name")
@click.option("--candidate", required=True, help="The model to change to")
@click.option("--baseline", help="The model that answers now (default: NAME itself)")
@click.option(
    "--stage",
    type=click.Choice(["shadow", "10", "50", "100"]),
    default="10",
    show_default=True,
    help="Percent of payers to begin with; shadow: answers that nobody sees",
)
@click.option("--manual", is_flag=True, help="Stages go on by `promote` only; going back stays automatic")
@click.option("--judge", default="", help="Model that compares shadow answers (default: gates only)")
@click.option(
    "--shadow-share",
    type=click.FloatRange(0, 1),
    default=0.1,
    show_default=True,
    help="Share of the baseline's answers that the candidate repeats unseen",
)
@click.option(
    "--stage-time",
    type=click.FloatRange(0),
    default=3600.0,
    show_default=True,
    help="Least seconds per stage",
)
@click.option(
    "--least-requests",
    type=click.IntRange(1),
    default=100,
    show_default=True,
    help="Requests on the candidate before a stage may go on",
)
@_json
@click.pass_context
def start(
    context: click.Context, /, *, name: str, candidate: str, stage: str, as_json: bool, **chosen: object
) -> None:
    """Start to change the model that answers to NAME."""
    wanted = body_of(
        NewRollout,
        {
            "name": name,
            "candidate": candidate,
            "baseline": chosen["baseline"],
            "stage": 0 if stage == "shadow" else int(stage),
            "auto": not chosen["manual"],
            "judge": chosen["judge"],
            "shadow_share": chosen["shadow_share"],
            "stage_s": chosen["stage_time"],
            "least_requests": chosen["least_requests"],
        },
    )
    _show(_done(context, lambda house: house.start_rollout(wanted)), as_json=as_json)


@rollout.command("status")
@_json
@click.pass_context
def status(context: click.Context, *, as_json: bool) -> None:
    """Show every roll-out, what its two sides did since the stage began, and what follows."""

    async def look() -> RolloutsShape:
        async with setup_of(context).client("rollout status") as house:
            return await house.rollouts()

    found = asyncio.run(look())
    if as_json:
        show_json(found)
        return
    for each in found.rollouts:
        _print(each)
    if not found.rollouts:
        note("no model was rolled out yet")


@rollout.command("promote")
@click.argument("name")
@_json
@click.pass_context
def promote(context: click.Context, *, name: str, as_json: bool) -> None:
    """Go to the next stage of NAME now."""
    _show(_done(context, lambda house: house.promote_rollout(name)), as_json=as_json)


@rollout.command("rollback")
@click.argument("name")
@click.option("--reason", default="by hand", show_default=True, help="Kept with the roll-out")
@_json
@click.pass_context
def rollback(context: click.Context, *, name: str, reason: str, as_json: bool) -> None:
    """Give NAME back to its baseline, from the next request on."""
    _show(_done(context, lambda house: house.roll_back(name, reason)), as_json=as_json)


def _done(context: click.Context, change: Callable[[HouseClient], Awaitable[RolloutShape]]) -> RolloutShape:
    async def run() -> RolloutShape:
        async with setup_of(context).client("rollout", writing=True) as house:
            return await change(house)

    return asyncio.run(run())


def _show(found: Shape, *, as_json: bool) -> None:
    if as_json:
        show_json(found)
    elif isinstance(found, RolloutShape):
        _print(found)


def _print(found: RolloutShape) -> None:
    stage = "shadow" if found.stage == 0 else f"{found.stage} %"
    where = {"done": "finished", "rolled_back": "rolled back"}.get(found.status, stage)
    say(bold(f"{found.name}: {where}") + f"  ({found.reason})")
    head = ("SIDE", "MODEL", "PINNED TO", "REQUESTS", "FAILED", "FIRST TOKEN")
    rows = [_row("baseline", found.baseline), _row("candidate", found.candidate)]
    for line in columns([head, *rows]):
        say(f"  {line}")
    quality = found.quality
    uplift = "" if quality.uplift is None else f", uplift {quality.uplift:+.3f}"
    bounds = "" if quality.low is None else f" [{quality.low:+.3f}, {quality.high:+.3f}]"
    say(f"  quality: {quality.answer}, {quality.pairs} of {quality.needed} judged pairs{uplift}{bounds}")
    if found.status == "running":
        say(f"  next: {found.action}: {found.why}")


def _row(side: str, arm: ArmShape) -> tuple[str, ...]:
    first = "-" if arm.first_token_ms is None else f"{arm.first_token_ms:.0f} ms"
    return side, arm.model, arm.digest[:12] or "-", str(arm.requests), str(arm.failed), first
