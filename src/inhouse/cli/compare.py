"""`inhouse compare`: the same prompts through several models."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections import defaultdict
from dataclasses import asdict
from pathlib import Path

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.output import columns, money, note, say
from inhouse.cli.setup import setup_of
from inhouse.gateway.compare import ModelFigures, OneAnswer, figures
from inhouse.kernel.errors import (
    BadRequest,
    EngineError,
    Forbidden,
    InhouseError,
    NoEngine,
    NotFound,
    OverBudget,
    Unavailable,
)
from inhouse.serve.compare import AnswerShape
from inhouse.serve.route import RouteAskBody

__all__ = ["compare"]


@click.command()
@click.option("--models", required=True, help="Names to compare, with commas between them")
@click.option(
    "--data",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help='Prompts: one JSON object per line with "prompt" (or "question"), or plain text, one per line',
)
@click.option("--limit", type=click.IntRange(1), help="Only the first prompts of the file")
@click.option("--max-tokens", type=click.IntRange(1), default=512, show_default=True, help="Longest answer")
@click.option("--judge", help="Model that compares each two answers, in both orders")
@click.option("--pick", is_flag=True, help="Show each two answers unnamed and ask you which is better")
@click.option("--local-only", is_flag=True, help="The prompts may not leave the house")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def compare(context: click.Context, /, *, models: str, data: Path, as_json: bool, **chosen: object) -> None:
    """Ask several models the same and count quality, time and money.

    Every model gets every prompt, one request at a time, so that times do not disturb each other. Each
    answer leaves a row in the ledger with the task `compare`.
    """
    names = [name.strip() for name in models.split(",") if name.strip()]
    if len(set(names)) < 2:
        raise BadRequest(f"--models names {len(set(names))} model", hint="give two or more: --models a,b")
    limit = chosen["limit"]
    prompts = read_prompts(data)[: limit if isinstance(limit, int) else None]
    run = _Comparison(names, prompts, chosen)

    async def work() -> None:
        async with setup_of(context).client("chat", writing=True) as house:
            await run.run(house)

    asyncio.run(work())
    found = figures(run.answers, run.judged, run.picked)
    if as_json:
        document = {"prompts": len(prompts), "models": [asdict(each) for each in found]}
        say(json.dumps({**document, "answers": [asdict(each) for each in run.answers]}, ensure_ascii=False))
        return
    _print(found, len(prompts))
    if found and all(each.failed == each.n for each in found):
        raise Unavailable("No model answered", hint="`inhouse models ls` shows what is there")


def read_prompts(path: Path) -> list[str]:
    """The prompts of the file.

    Raises:
        BadRequest: if a line is no JSON object with a prompt, or there is no prompt at all.
    """
    prompts = []
    lines = path.read_text("utf-8", errors="replace").splitlines()
    as_json = path.suffix in (".jsonl", ".ndjson", ".json") or next(iter(lines), "").startswith("{")
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        prompts.append(_prompt(path, number, line) if as_json else line.strip())
    if not prompts:
        raise BadRequest(f"{path} holds no prompt", hint='one per line: {"prompt": "…"}')
    return prompts


def _prompt(path: Path, number: int, line: str) -> str:
    try:
        row = json.loads(line)
        prompt = row.get("prompt") or row["question"]
    except (ValueError, KeyError, AttributeError):
        prompt = None
    if not isinstance(prompt, str):
        raise BadRequest(f"{path}, line {number}: no prompt in it", hint='{"prompt": "…"}')
    return prompt


_FINAL: dict[str, type[InhouseError]] = {"not_found": NotFound, "forbidden": Forbidden}
"""What asking again later does not change; the rest is told answer by answer."""


class _Comparison:
    """What was answered, judged and picked so far."""

    def __init__(self, names: list[str], prompts: list[str], chosen: dict[str, object]) -> None:
        self._names = names
        self._prompts = prompts
        self._chosen = chosen
        self._data = "local_only" if chosen["local_only"] else "any"
        self.answers: list[OneAnswer] = []
        self.judged: dict[str, list[float]] = defaultdict(list)
        self.picked: dict[str, list[float]] = defaultdict(list)

    async def run(self, house: HouseClient) -> None:
        """Everything, prompt by prompt, once every name is known to mean a model."""
        await self._check(house)
        for number, prompt in enumerate(self._prompts):
            note(f"prompt {number + 1} of {len(self._prompts)}")
            texts: dict[str, str] = {}
            for name in self._names:
                answer = await self._ask(house, name, number, prompt)
                self.answers.append(answer)
                if not answer.error:
                    texts[name] = answer.text
            for first, second in itertools.combinations(texts, 2):
                await self._judge(house, prompt, (first, texts[first]), (second, texts[second]))
                await self._pick(house, prompt, (first, texts[first]), (second, texts[second]))

    async def _check(self, house: HouseClient) -> None:
        """Look every name up before the first question is asked; nothing is sent.

        Raises:
            NotFound: if one means no model here.
            Forbidden: if one may not be asked.
        """
        judge = self._chosen["judge"]
        for name in (*self._names, *([judge] if isinstance(judge, str) else [])):
            body = RouteAskBody.model_validate({"model": name, "task": "compare", "data": self._data})
            refused = (await house.explain_route(body)).refused
            error = _FINAL.get(refused.code) if refused is not None else None
            if refused is not None and error is not None:
                raise error(refused.message, hint=refused.hint)

    async def _ask(self, house: HouseClient, name: str, number: int, prompt: str) -> OneAnswer:
        body = {"model": name, "prompt": prompt, "max_tokens": self._chosen["max_tokens"], "data": self._data}
        try:
            found = await house.compare_answer(body)
        except (EngineError, NoEngine, OverBudget) as error:
            note(f"  {name}: {error}")
            return OneAnswer(name, number, error=str(error))
        return _answer(found, number)

    async def _judge(
        self, house: HouseClient, prompt: str, one: tuple[str, str], other: tuple[str, str]
    ) -> None:
        """In both orders: a judge that only likes the first place then says equal."""
        judge = self._chosen["judge"]
        if not isinstance(judge, str):
            return
        for first, second in ((one, other), (other, one)):
            body = {
                "judge": judge,
                "prompt": prompt,
                "first": first[1],
                "second": second[1],
                "data": self._data,
            }
            try:
                found = await house.compare_judge({**body, "data": self._data})
            except (EngineError, NoEngine, OverBudget) as error:
                note(f"  the judge {judge}: {error}")
                return
            if found.first is not None and found.second is not None:
                self.judged[first[0]].append(found.first)
                self.judged[second[0]].append(found.second)

    async def _pick(
        self, house: HouseClient, prompt: str, one: tuple[str, str], other: tuple[str, str]
    ) -> None:
        """Unnamed and in drawn order, so that the name does not choose."""
        if not self._chosen["pick"]:
            return
        first, second = random.sample([one, other], 2)
        for title, text in (("PROMPT", prompt), ("ANSWER 1", first[1]), ("ANSWER 2", second[1])):
            note(f"\n--- {title}\n{text}")
        said = await asyncio.to_thread(
            click.prompt, "Which is better?", type=click.Choice(["1", "2", "="]), err=True
        )
        better = {"1": first[0], "2": second[0]}.get(said)
        for name in (first[0], second[0]):
            self.picked[name].append(0.5 if better is None else float(name == better))
        await house.compare_pick({"name": "compare", "models": [first[0], second[0]], "better": better})


def _answer(found: AnswerShape, number: int) -> OneAnswer:
    return OneAnswer(
        model=found.model,
        prompt=number,
        text=found.text,
        passed=found.passed,
        gate=found.gate,
        confidence=found.confidence,
        first_token_ms=found.first_token_ms,
        total_ms=found.total_ms,
        output_tokens=found.output_tokens,
        cost_micros=found.cost_micros,
        ran=found.ran,
    )


def _print(found: tuple[ModelFigures, ...], prompts: int) -> None:
    head = ("MODEL", "N", "FAILED", "PASSED GATES", "JUDGE", "YOU", "FIRST TOKEN", "TOKENS/S", "COST")
    rows = [
        (
            each.model,
            str(each.n),
            str(each.failed),
            "-" if each.passed is None else f"{each.passed:.0%}",
            "-" if each.judged is None else f"{each.judged:.2f} (n={each.judged_n})",
            "-" if each.picked is None else f"{each.picked:.2f} (n={each.picked_n})",
            "-" if each.first_token_ms is None else f"{each.first_token_ms:.0f} ms",
            "-" if each.tokens_per_s is None else f"{each.tokens_per_s:.1f}",
            _cost(each),
        )
        for each in found
    ]
    for line in columns([head, *rows]):
        say(line)
    if prompts < 78:
        note(f"{prompts} prompts: to be told from chance, 10 points of difference need 78 and 5 need 318")


def _cost(found: ModelFigures) -> str:
    known = money(found.cost_micros)
    return (
        f"{known} + {found.unpriced} unpriced" if found.unpriced and found.cost_micros is not None else known
    )
