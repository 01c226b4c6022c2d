"""`inhouse eval retrieval|answers|golden`: how well documents are found and answered from."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

import click

import inhouse
from inhouse.cli.client import HouseClient
from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.kernel.errors import BadRequest, NotFound
from inhouse.knowledge.figures import Change, Figure, Judged, compare, summarise
from inhouse.knowledge.judge import (
    SEARCHED,
    Expected,
    GivenAnswer,
    GivenSentence,
    Place,
    find_quote,
    judge_answer,
    judge_search,
    read_questions,
)
from inhouse.serve.evaluation import EvalRunBody, EvidenceShape, GoldenBody, GoldenShape
from inhouse.serve.shapes import AskDocument, Shape

__all__ = ["answers", "ask_and_judge", "golden", "read_question_file", "retrieval"]

Kind = Literal["retrieval", "answers"]
Judge = Callable[[HouseClient, Expected, Sequence[Place]], Awaitable[Mapping[str, float]]]


class FigureShape(Shape):
    """A mean with its 95 % interval; `group` is `all`, `language=…` or `type=…`."""

    name: str
    group: str
    value: float
    low: float
    high: float
    n: int


class ChangeShape(Shape):
    """Against the last run over the same questions, one by one; `sure`: the interval does not hold zero."""

    name: str
    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int
    sure: bool


class EvalShape(Shape):
    """What `eval retrieval|answers --json` prints."""

    kind: str
    questions: int
    without_evidence: tuple[str, ...]
    made_with: str
    seconds: float
    figures: tuple[FigureShape, ...]
    before: str | None
    changes: tuple[ChangeShape, ...]
    worst: tuple[str, ...]


_data = click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Question file (JSONL); may be repeated. Without it the house's golden questions",
)
_source = click.option("--source", default="", help="Source that the evidence's files are in (default: any)")
_as = click.option("--as", "user", default="", help="Ask on behalf of this user, where a question names none")
_keep = click.option("--keep/--no-keep", default=True, help="Remember the run, to compare the next one with")
_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON document")


@click.command()
@_data
@_source
@_as
@_keep
@_json
@click.pass_context
def retrieval(
    context: click.Context, *, files: tuple[Path, ...], source: str, user: str, keep: bool, as_json: bool
) -> None:
    """Search every question and tell where its evidence comes up: recall, nDCG, leaks.

    A passage counts when it overlaps the evidence by its place in the document.
    """
    _evaluate(context, "retrieval", _searched, files, source=source, user=user, keep=keep, as_json=as_json)


@click.command()
@_data
@_source
@_as
@_keep
@_json
@click.pass_context
def answers(
    context: click.Context, *, files: tuple[Path, ...], source: str, user: str, keep: bool, as_json: bool
) -> None:
    """Ask every question and judge the answers: evidence, citations, numbers, refusals, conflicts, leaks.

    Nothing is kept in the chats. With a model ready this takes as long as the model does.
    """
    _evaluate(context, "answers", ask_and_judge, files, source=source, user=user, keep=keep, as_json=as_json)


@click.group()
def golden() -> None:
    """Keep the house's own questions, with what their answers must rest on."""


@golden.command("ls")
@_json
@click.pass_context
def golden_ls(context: click.Context, *, as_json: bool) -> None:
    """List the golden questions."""

    async def run() -> tuple[GoldenShape, ...]:
        async with setup_of(context).client("eval golden ls") as house:
            return (await house.golden()).questions

    found = asyncio.run(run())
    if as_json:
        say(json.dumps([one.model_dump() for one in found], ensure_ascii=False))
        return
    for line in columns([("ID", "TYPE", "LANGUAGE", "QUESTION"), *(_cells(one) for one in found)]):
        say(line)
    note(f"{len(found)} golden questions")


@golden.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_context
def golden_add(context: click.Context, *, file: Path) -> None:
    """Take in the questions of FILE (JSONL); one whose id is known takes its place."""
    body = GoldenBody(questions=tuple(_golden(one) for one in read_question_file(file)))

    async def run() -> int:
        async with setup_of(context).client("eval golden add") as house:
            return len((await house.add_golden(body)).questions)

    note(f"{asyncio.run(run())} golden questions now")


@golden.command("rm")
@click.argument("question_id")
@click.pass_context
def golden_rm(context: click.Context, *, question_id: str) -> None:
    """Forget one golden question."""

    async def run() -> None:
        async with setup_of(context).client("eval golden rm") as house:
            await house.remove_golden(question_id)

    asyncio.run(run())
    note(f"{question_id} removed")


def _evaluate(
    context: click.Context,
    kind: Kind,
    judge: Judge,
    files: tuple[Path, ...],
    *,
    source: str,
    user: str,
    keep: bool,
    as_json: bool,
) -> None:
    questions = [one for file in files for one in read_question_file(file)]
    run = _Run(setup_of(context), kind, judge, source=source, user=user, keep=keep)
    table = asyncio.run(run.evaluate(questions))
    if as_json:
        show_json(table)
    else:
        _show(table)
    leaks = next((one.value for one in table.figures if (one.name, one.group) == ("leaks", "all")), 0)
    if leaks:
        note("something was shown to somebody who may not read it")
        context.exit(1)


class _Run:
    """One evaluation of a house."""

    def __init__(self, setup: Setup, kind: Kind, judge: Judge, *, source: str, user: str, keep: bool) -> None:
        self._setup = setup
        self._kind = kind
        self._judge = judge
        self._source = source
        self._user = user
        self._keep = keep
        self._texts: dict[str, str | None] = {}

    async def evaluate(self, questions: Sequence[Expected]) -> EvalShape:
        """Judge all questions; those of the golden set when none are given."""
        command = f"eval {self._kind}" if self._kind == "retrieval" else "ask"
        started = time.monotonic()
        async with self._setup.client(command) as house:
            asked = list(questions) or [_expected(one) for one in (await house.golden()).questions]
            if not asked:
                raise BadRequest(
                    "There are no questions", hint="give --data FILE, or `inhouse eval golden add`"
                )
            judged: list[Judged] = []
            lost: list[str] = []
            for one in asked:
                asking = house.speaking_for(one.user or self._user)
                evidence = await self._evidence(asking, one)
                if len(evidence) < len(one.evidence):
                    lost.append(one.question_id)
                    evidence = ()
                judged.append(Judged(one, await self._judge(asking, one, evidence)))
            return await self._told(house, judged, lost, time.monotonic() - started)

    async def _told(
        self, house: HouseClient, judged: Sequence[Judged], lost: Sequence[str], seconds: float
    ) -> EvalShape:
        figures = summarise(judged)
        data = _fingerprint([one.expected for one in judged])
        earlier = (await house.evaluations(kind=self._kind, data=data, limit=1)).runs
        changes = compare(earlier[0].scores, judged) if earlier else ()
        made_with = f"inhouse {inhouse.__version__}"
        if self._keep:
            means = {one.name: one.value for one in figures if one.group == "all"}
            scores = {one.expected.question_id: dict(one.scores) for one in judged}
            body = EvalRunBody(kind=self._kind, data=data, made_with=made_with, means=means, scores=scores)
            await house.keep_evaluation(body)
        before = (
            datetime.fromtimestamp(earlier[0].ran_at, UTC).isoformat(timespec="minutes") if earlier else None
        )
        return EvalShape(
            kind=self._kind,
            questions=len(judged),
            without_evidence=tuple(lost),
            made_with=made_with,
            seconds=round(seconds, 1),
            figures=tuple(_figure(one) for one in figures),
            before=before,
            changes=tuple(_change(one) for one in changes),
            worst=_worst(judged),
        )

    async def _evidence(self, house: HouseClient, one: Expected) -> tuple[Place, ...]:
        """Where the evidence stands; shorter than asked when a quote is not in its document."""
        places = []
        for file, quote in one.evidence:
            text = await self._text(house, file)
            span = find_quote(text, quote) if text else None
            if span:
                places.append(Place(file, *span))
        return tuple(places)

    async def _text(self, house: HouseClient, file: str) -> str | None:
        if file not in self._texts:
            named = f"{self._source}/{file}" if self._source else file
            try:
                row = await house.document_named(named)
                self._texts[file] = (await house.document(row.document_id)).text
            except NotFound:
                self._texts[file] = None
        return self._texts[file]


async def _searched(house: HouseClient, one: Expected, evidence: Sequence[Place]) -> Mapping[str, float]:
    found = (await house.search(one.question, k=SEARCHED)).results
    return judge_search(one, [Place(each.document, each.start, each.end) for each in found], evidence)


async def ask_and_judge(house: HouseClient, one: Expected, evidence: Sequence[Place]) -> Mapping[str, float]:
    """The scores of one answer; nothing is kept in the chats."""
    async for name, data in house.ask(one.question, keep=False):
        if name == "done":
            return judge_answer(one, _given(AskDocument.model_validate(data)), evidence)
    raise AssertionError("an answer ends with `done` or an error")


def _given(answer: AskDocument) -> GivenAnswer:
    # The statement of a conflict names the documents' dates, which stand in no quote.
    told = {one.statement: "; ".join(side.value for side in one.sides) for one in answer.conflicts}
    return GivenAnswer(
        text=answer.answer,
        band=answer.band,
        reason=answer.reason or "",
        passages=tuple(Place(each.document, each.start, each.end) for each in answer.passages),
        sentences=tuple(
            GivenSentence(
                text=told.get(sentence.text, sentence.text),
                supported=sentence.supported,
                cited=tuple(Place(each.document, each.start, each.end) for each in sentence.citations),
                quotes=tuple(each.quote for each in sentence.citations),
                verified=tuple(each.verified for each in sentence.citations),
            )
            for sentence in answer.sentences
        ),
        stated=len(answer.conflicts),
    )


def read_question_file(file: Path) -> tuple[Expected, ...]:
    """The questions of a file. Raises BadRequest if it cannot be read or holds none."""
    try:
        found = read_questions(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", hint="see docs/guides/evaluate.md") from None
    if not found:
        raise BadRequest(f"{file} holds no questions", hint="see docs/guides/evaluate.md")
    return found


def _fingerprint(questions: Sequence[Expected]) -> str:
    lines = sorted(repr((one.question_id, one.question, one.evidence, one.user)) for one in questions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _worst(judged: Sequence[Judged]) -> tuple[str, ...]:
    """Up to ten questions with the lowest mean score, for a person to read."""

    def mean(one: Judged) -> float:
        shares = [value for name, value in one.scores.items() if name != "leaks"]
        return sum(shares) / len(shares) if shares else 1.0

    ordered = sorted(judged, key=lambda one: (mean(one), one.expected.question_id))
    return tuple(
        f"{one.expected.question_id}: {' '.join(one.expected.question.split())[:100]}"
        for one in ordered[:10]
        if mean(one) < 1.0
    )


def _golden(one: Expected) -> GoldenShape:
    return GoldenShape(
        id=one.question_id,
        type=one.kind,
        language=one.language,
        question=one.question,
        evidence=tuple(EvidenceShape(file=file, quote=quote) for file, quote in one.evidence),
        answer_must_contain=one.must,
        answer_must_not_contain=one.must_not,
    )


def _expected(one: GoldenShape) -> Expected:
    return read_questions(one.model_dump_json())[0]


def _figure(one: Figure) -> FigureShape:
    return FigureShape.model_validate(one)


def _change(one: Change) -> ChangeShape:
    return ChangeShape.model_validate(one)


def _cells(one: GoldenShape) -> tuple[str, ...]:
    return one.id, one.type, one.language, " ".join(one.question.split())[:80]


def _show(table: EvalShape) -> None:
    head = ("FIGURE", "GROUP", "VALUE", "95 %", "N")
    rows = [
        (one.name, one.group, _number(one.value), f"{_number(one.low)} … {_number(one.high)}", str(one.n))
        for one in table.figures
    ]
    for line in columns([head, *rows]):
        say(line)
    if table.changes:
        say()
        say(f"Against the run of {table.before} over the same questions:")
        changed = [one for one in table.changes if one.difference]
        for one in changed:
            sure = "" if one.sure else "  (within chance)"
            say(f"  {one.name}: {_number(one.before)} → {_number(one.after)}, n = {one.n}{sure}")
        if not changed:
            say("  nothing changed")
    for line in table.worst:
        note(f"low: {line}")
    if table.without_evidence:
        note(f"evidence not found in the documents, not judged by it: {', '.join(table.without_evidence)}")
    note(f"{table.questions} questions in {table.seconds} s")


def _number(value: float) -> str:
    return f"{value:.3f}" if value != int(value) or 0 <= value <= 1 else f"{value:.0f}"
