"""`inhouse eval tune`: other settings of the search on a house's own questions; proposes, never changes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import click

from inhouse.cli.client import HouseClient
from inhouse.cli.eval_documents import ask_and_judge, read_question_file
from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.cli.transport import InProcess
from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.figures import Judged, compare
from inhouse.knowledge.judge import SEARCHED, Expected, Place, find_quote, judge_search
from inhouse.knowledge.tuning import (
    FEWEST,
    MEASURE,
    Trial,
    combined,
    halves,
    neighbours,
    settings_of,
    verdict,
)
from inhouse.serve.shapes import Shape

__all__ = ["tune"]

PROMPT_MEASURES = ("citation_recall", "supported_sentences", "number_fidelity")


class TrialShape(Shape):
    """A trial on the first half of the questions."""

    name: str
    value: float
    n: int


class TuneShape(Shape):
    """What `eval tune --json` prints. `settings` are lines for inhouse.toml, none when nothing is proposed.

    `before`, `after`, `low` and `high` are of the second half, where the chosen trial had no say.
    """

    measure: str
    tried: tuple[TrialShape, ...]
    chosen: str | None
    before: float | None
    after: float | None
    low: float | None
    high: float | None
    n: int
    proposed: bool
    settings: tuple[str, ...]


@click.command()
@click.option(
    "--data",
    "files",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path),
    help="Question file (JSONL) with evidence; may be repeated",
)
@click.option("--source", default="", help="Source that the evidence's files are in (default: any)")
@click.option(
    "--group", "groups", multiple=True, help="Search as a member of these groups (default: everyone)"
)
@click.option(
    "--prompts",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Try the prompts of this folder instead, with the model that answers now",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def tune(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    source: str,
    groups: tuple[str, ...],
    prompts: Path | None,
    as_json: bool,
) -> None:
    """Try other settings on one half of the questions, and propose what also wins on the other half.

    Chunk size, overlap, headings and weights are tried on a copy of the texts; it takes as long as cutting
    them anew a few times. Nothing is changed.
    """
    questions = [one for file in files for one in read_question_file(file) if one.answerable and one.evidence]
    if len(questions) < FEWEST:
        raise BadRequest(
            f"{len(questions)} questions with evidence are too few: what wins would be chance",
            hint=f"give {FEWEST} or more",
        )
    setup = setup_of(context)
    if prompts is not None:
        table = asyncio.run(_try_prompts(setup, questions, prompts.absolute(), source))
    else:
        caller = Caller("tuning", frozenset({EVERYONE, *groups}))
        table = _try_settings(setup, questions, source, caller)
    if as_json:
        show_json(table)
    else:
        _show(table)


def _try_settings(setup: Setup, questions: Sequence[Expected], source: str, caller: Caller) -> TuneShape:
    from inhouse.compose.tuning import in_force, open_workbench

    loaded, home = setup.settings(), setup.home()
    with open_workbench(loaded, home) as bench:
        evidence = _places(bench.texts(), questions, source)
        usable = [one for one in questions if evidence[one.question_id]]
        if len(usable) < FEWEST:
            raise BadRequest(
                f"The evidence of only {len(usable)} questions stands in the documents of this house",
                hint="check --source, and that the documents were taken in",
            )

        def judged(trial: Trial, some: Sequence[Expected]) -> list[Judged]:
            found = []
            for one in some:
                passages = bench.search(trial, caller, one.question, k=SEARCHED)
                places = [Place(each.document, each.start, each.end) for each in passages]
                found.append(Judged(one, judge_search(one, places, evidence[one.question_id])))
            return found

        first, second = halves(usable)
        base = in_force(loaded)
        tried: list[tuple[Trial, float]] = []
        for trial in neighbours(base.cut, base.mix):
            tried.append((trial, _mean(judged(trial, first))))
            note(f"{trial.name}: {tried[-1][1]:.3f}")
        better = sorted((pair for pair in tried if pair[1] > tried[0][1]), key=lambda pair: -pair[1])
        both = combined(base, [trial for trial, _ in better])
        if both:
            tried.append((both, _mean(judged(both, first))))
        chosen, value = max(tried, key=lambda pair: pair[1])
        shapes = tuple(TrialShape(name=trial.name, value=mean, n=len(first)) for trial, mean in tried)
        if value <= tried[0][1]:
            return _nothing(shapes, len(second))
        before = {one.expected.question_id: one.scores for one in judged(base, second)}
        change = verdict(before, judged(chosen, second))
        assert change is not None, "every usable question has evidence, so it has the measure"
        proposed = change.sure and change.difference > 0
        return TuneShape(
            measure=MEASURE,
            tried=shapes,
            chosen=chosen.name,
            before=change.before,
            after=change.after,
            low=change.low,
            high=change.high,
            n=change.n,
            proposed=proposed,
            settings=settings_of(base, chosen) if proposed else (),
        )


async def _try_prompts(setup: Setup, questions: Sequence[Expected], folder: Path, source: str) -> TuneShape:
    """The same with two sets of prompts, through the whole house and its model; the measure is a mean."""
    other = replace(setup, environment={**setup.environment, "INHOUSE_ANSWERS_PROMPTS": str(folder)})
    first, second = halves(questions)
    now, then = [await _answers(house, first, source) for house in (setup, other)]
    means = [
        TrialShape(name=name, value=sum(scores.values()) / len(first), n=len(first))
        for name, scores in (("in force", now), (folder.name, then))
    ]
    measure = "+".join(PROMPT_MEASURES)
    if means[1].value <= means[0].value:
        return _nothing(tuple(means), len(second), measure=measure)
    now, then = [await _answers(house, second, source) for house in (setup, other)]
    judged = [Judged(one, {measure: then[one.question_id]}) for one in second]
    (change,) = compare({key: {measure: value} for key, value in now.items()}, judged)
    proposed = change.sure and change.difference > 0
    return TuneShape(
        measure=measure,
        tried=tuple(means),
        chosen=folder.name,
        before=change.before,
        after=change.after,
        low=change.low,
        high=change.high,
        n=change.n,
        proposed=proposed,
        settings=(f"prompts = {json.dumps(str(folder))}",) if proposed else (),
    )


async def _answers(setup: Setup, questions: Sequence[Expected], source: str) -> dict[str, float]:
    """The measure of each question's answer, asked of a house that is opened here, beside a server or not."""
    from inhouse.serve.app import build_app

    async with setup.house("ask") as opened:
        answering = opened.parts.answering()
        if answering is None:
            raise BadRequest("No model is ready, so that no prompt is read", hint="see `inhouse models ls`")
        library = opened.parts.library
        house = HouseClient(InProcess(build_app(opened.parts, stopping=asyncio.Event())))
        found = {}
        for one in questions:
            texts = []
            for file, _ in one.evidence:
                with contextlib.suppress(NotFound):
                    record = library.get(Caller(), f"{source}/{file}" if source else file)
                    texts.append((record.source, file, library.text(Caller(), record.document_id)))
            places = _places(texts, [one], source)[one.question_id]
            scores = await ask_and_judge(house, one, places)
            measured = [scores[name] for name in PROMPT_MEASURES if name in scores]
            # A refusal has none of the measures and counts nothing.
            found[one.question_id] = sum(measured) / len(measured) if measured else 0.0
        return found


def _places(
    texts: Sequence[tuple[str, str, str]], questions: Sequence[Expected], source: str
) -> Mapping[str, tuple[Place, ...]]:
    """Where each question's evidence stands; none when a piece of it is not found."""
    by_path = {path: text for name, path, text in texts if source in ("", name)}
    found = {}
    for one in questions:
        spans = [(file, find_quote(by_path.get(file, ""), quote)) for file, quote in one.evidence]
        places = tuple(Place(file, *span) for file, span in spans if span)
        found[one.question_id] = places if len(places) == len(spans) else ()
    return found


def _nothing(tried: tuple[TrialShape, ...], n: int, *, measure: str = MEASURE) -> TuneShape:
    return TuneShape(
        measure=measure,
        tried=tried,
        chosen=None,
        before=None,
        after=None,
        low=None,
        high=None,
        n=n,
        proposed=False,
        settings=(),
    )


def _mean(judged: Sequence[Judged]) -> float:
    return sum(one.scores[MEASURE] for one in judged) / len(judged)


def _show(table: TuneShape) -> None:
    rows = [(one.name, f"{one.value:.3f}", str(one.n)) for one in table.tried]
    for line in columns([("TRIED ON THE FIRST HALF", table.measure.upper(), "N"), *rows]):
        say(line)
    say()
    if table.chosen is None:
        say("Nothing did better than what is in force.")
        return
    figures = f"{table.before:.3f} → {table.after:.3f},"
    figures += f" n = {table.n}, difference {table.low:+.3f} … {table.high:+.3f}"
    say(f"On the second half, {table.chosen}: {figures}")
    if not table.proposed:
        say("That may be chance: nothing is proposed.")
        return
    say("It wins there, too. To put it in force, in inhouse.toml:")
    section = "answers" if table.settings[0].startswith("prompts") else "retrieval"
    say(f"  [{section}]")
    for line in table.settings:
        say(f"  {line}")
