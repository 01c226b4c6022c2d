"""`inhouse route`: why a request goes where it goes, and the switch between local and cloud."""

from __future__ import annotations

import asyncio
import textwrap
from pathlib import Path
from typing import Any

import click

from inhouse.cli.output import bold, dim, money, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.kernel.errors import BadRequest
from inhouse.serve.route import ADMINISTRATOR, ExplainedShape, LayerShape, RouteAskBody, SwitchShape

__all__ = ["route"]

LAYER_WORDS = {
    "eligibility": "who is up and able",
    "data": "may the words leave the house",
    "budget": "what money allows",
    "explicit": "what was asked for by name or force",
    "operator": "the switch routing.local",
    "role": "role of the agent",
    "priority": "priority",
    "task": "which models suit the task",
    "complexity": "how hard the prompt is",
    "load": "who has room now",
    "order": "order of the engines",
    "post_hoc": "when the answer is weak",
    "errors": "when an engine fails",
}
SHOWN_DROPPED = 4


@click.group()
def route() -> None:
    """Explain where requests go, and switch between local and cloud."""


@route.command("explain")
@click.option("--task", default="chat", show_default=True, help="What the request is for, e.g. summary")
@click.option("--model", help="Model name that the request asks for")
@click.option(
    "--priority", type=click.Choice(["critical", "high", "medium", "low", "batch"]), help="Its priority"
)
@click.option("--role", type=click.Choice(["L1", "L2", "L3"]), help="Role of the agent that asks")
@click.option("--prefer", type=click.Choice(["local", "cloud"]), help="Place that is tried first")
@click.option("--force", type=click.Choice(["local", "cloud"]), help="The only place that may answer")
@click.option(
    "--data",
    type=click.Choice(["local_only", "any"]),
    default="any",
    show_default=True,
    help="Whether the words may leave the house",
)
@click.option("--max-cost-micros", type=click.IntRange(0), help="Most that it may cost, in millionths")
@click.option("--key", help="Id or name of the API key that would send it; without, the administrator does")
@click.option("--keyless", is_flag=True, help="A program without a key would send it")
@click.option("--user", help="A program without a key would send it, for this user")
@click.option("--tokens", type=click.IntRange(0), help="Length of the prompt, instead of a prompt")
@click.option(
    "--file",
    "file",
    type=click.Path(path_type=Path),
    help="File with the prompt; it is not sent to any model",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def explain(
    context: click.Context,
    /,
    *,
    file: Path | None,
    as_json: bool,
    **asked: Any,  # Any: the other options, which the body checks
) -> None:
    """Say which engine and model would answer, what each rule did, and what would change it."""
    body = RouteAskBody.model_validate({**asked, "prompt": _read(file) if file else ""})
    found = asyncio.run(_explain(setup_of(context), body))
    if as_json:
        show_json(found)
    else:
        _show(found)
    if found.refused is not None:
        context.exit(3)


@route.command("switch")
@click.argument("word", required=False, type=click.Choice(["auto", "true", "false", "force", "default"]))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def switch(context: click.Context, *, word: str | None, as_json: bool) -> None:
    """Show or turn the switch: local first (auto), local (true), cloud (false), nothing but local (force).

    It counts from the next request on and after a restart; `default` goes back to the setting.
    """
    found = asyncio.run(_switch(setup_of(context), word))
    if as_json:
        show_json(found)
        return
    say(f"routing.local is {bold(found.local)} ({found.origin})")
    if found.problem:
        note(f"older routing rules are in force: {found.problem}")


def _read(file: Path) -> str:
    try:
        return file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", hint="give a UTF-8 text file") from None


async def _explain(setup: Setup, body: RouteAskBody) -> ExplainedShape:
    async with setup.client("route explain") as house:
        return await house.explain_route(body)


async def _switch(setup: Setup, word: str | None) -> SwitchShape:
    async with setup.client("route switch") as house:
        if word is None:
            return await house.routing()
        return await house.switch_routing(None if word == "default" else word)


def _show(found: ExplainedShape) -> None:
    if found.refused is not None:
        say(f"{bold('Nobody')} would answer: {found.refused.message}")
        say(f"hint: {found.refused.hint}")
    else:
        first = found.attempts[0]
        say(f"{bold(f'{first.engine}/{first.model}')} would answer, {first.where}")
        say(f"  because  {first.reason.partition(': ')[2] or first.reason}")
        say(f"  cost     {money(first.cost_micros)} for about {found.tokens_in} + {found.tokens_out} tokens")
        for each in found.attempts[1:]:
            say(f"  then     {each.engine}/{each.model}, {each.where} ({money(each.cost_micros)})")
        if found.escalate_to is not None:
            better = f"{found.escalate_to.engine}/{found.escalate_to.model}, {found.escalate_to.where}"
            if found.post_hoc:
                below = f"{found.escalate_below:g}"
                say(f"  weak     a whole answer with confidence below {below} is asked again of {better}")
            else:
                say(f"  weak     is not looked for (strategies.post_hoc); a cascade would ask {better}")
    if found.sender != ADMINISTRATOR:
        say(f"  sent by  {found.sender}")
    say()
    say(bold("Rules, the highest first"))
    for number, layer in enumerate(found.layers):
        _show_layer(number, layer)
    if found.changes:
        say()
        say(bold("What would change it"))
        width = max(len(other.change) for other in found.changes)
        for other in found.changes:
            say(f"  {other.change.ljust(width)}  {other.then}")
    if found.switch.problem:
        note(f"older routing rules are in force: {found.switch.problem}")


def _show_layer(number: int, layer: LayerShape) -> None:
    say(f"{number:>3}  {LAYER_WORDS.get(layer.layer, layer.layer)}: {layer.said or 'nothing to say'}")
    given = ", ".join(f"{name} {value}" for name, value in layer.inputs.items())
    told = "; ".join(part for part in (layer.rule, given) if part)
    if told:
        say(dim(textwrap.indent(told, "     ")))
    for each in layer.dropped[:SHOWN_DROPPED]:
        say(f"     - {each.name}: {each.reason}")
    if len(layer.dropped) > SHOWN_DROPPED:
        say(f"     - and {len(layer.dropped) - SHOWN_DROPPED} more")
