"""`inhouse eval`: how good something is, measured on files of questions or outcomes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click

from inhouse.cli.eval_documents import answers, golden, retrieval
from inhouse.cli.eval_tune import tune
from inhouse.cli.output import columns, note, say, show_json
from inhouse.cli.setup import Setup, setup_of
from inhouse.gateway.gap_model import LEAST, Outcome, learn, write_model
from inhouse.gateway.router_eval import Judged, RouterScore, evaluate, read_outcomes
from inhouse.kernel.errors import BadRequest, HomeUnusable
from inhouse.serve.shapes import Shape

__all__ = ["RoutersShape", "evaluation", "router_table"]


class RouterShape(Shape):
    """One router: the share of the strong model's gain it keeps (APGR), and calls needed for 50 and 80 %."""

    router: str
    trained: bool
    n: int
    apgr: float
    cpt50: float | None
    cpt80: float | None


class FileShape(Shape):
    """All routers on one file; `weak` and `strong` are the mean scores of the two models."""

    file: str
    n: int
    weak: float
    strong: float
    routers: tuple[RouterShape, ...]


class RoutersShape(Shape):
    """What `eval router --json` prints. `learned` is where a model was written, null for none."""

    files: tuple[FileShape, ...]
    learned: str | None
    learned_from: int | None


OWN = Path("own outcomes")
"""Stands for a file in the table."""


@click.group("eval")
def evaluation() -> None:
    """Measure on files of questions or outcomes; every figure stands beside its n."""


evaluation.add_command(retrieval)
evaluation.add_command(answers)
evaluation.add_command(golden)
evaluation.add_command(tune)


@evaluation.command("router")
@click.option(
    "--data",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="JSONL of outcomes: prompt, weak, strong, and task or domain; or prompt and scores by model",
)
@click.option("--own", is_flag=True, help="Also what shadow traffic and people's picks showed in this house")
@click.option("--weak", default="", help="Weaker model, in files with scores by model")
@click.option("--strong", default="", help="Stronger model, in files with scores by model")
@click.option("--train", is_flag=True, help="Learn from all of these outcomes, and route by it from now on")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document")
@click.pass_context
def router(
    context: click.Context,
    *,
    files: tuple[Path, ...],
    own: bool,
    weak: str,
    strong: str,
    train: bool,
    as_json: bool,
) -> None:
    """Tell how well prompts are sorted into easy and hard: 0.5 is chance.

    Trained routers are scored on prompts they have not seen (five folds). What `--train` keeps holds no
    word of any prompt.
    """
    read = {file: _read(file, weak=weak, strong=strong) for file in files}
    if own:
        read[OWN] = _enough(OWN, asyncio.run(_own(setup_of(context))))
    if not read:
        raise BadRequest("There is nothing to evaluate", hint="give --data FILE, or --own")
    table = router_table(read)
    learned = None
    if train:
        everything = [each for judged in read.values() for each in judged]
        learned = asyncio.run(_train(setup_of(context), everything, [file.name for file in read]))
        table = table.model_copy(update={"learned": learned, "learned_from": len(everything)})
    if as_json:
        show_json(table)
        return
    _show(table)
    if learned:
        note(f"learned from {table.learned_from} outcomes, kept in {learned}; it counts from now on")


def _read(file: Path, *, weak: str, strong: str) -> tuple[Judged, ...]:
    try:
        judged = read_outcomes(file.read_text("utf-8"), weak=weak, strong=strong)
    except (OSError, ValueError) as error:
        raise BadRequest(f"{file} cannot be read: {error}", hint="it must be JSONL of outcomes") from None
    return _enough(file, judged)


async def _own(setup: Setup) -> tuple[Judged, ...]:
    async with setup.client("eval router") as house:
        found = (await house.outcomes()).outcomes
    return tuple(
        Judged(str(index), Outcome("", each.task, each.weak, each.strong)) for index, each in enumerate(found)
    )


def _enough(file: Path, judged: tuple[Judged, ...]) -> tuple[Judged, ...]:
    if len(judged) < 10:
        raise BadRequest(f"{file} holds only {len(judged)} outcomes", hint="give 10 or more")
    return judged


def router_table(read: Mapping[Path, Sequence[Judged]]) -> RoutersShape:
    """Every router on every file."""
    return RoutersShape(
        files=tuple(
            FileShape(
                file=file.name,
                n=len(judged),
                weak=sum(each.outcome.weak for each in judged) / len(judged),
                strong=sum(each.outcome.strong for each in judged) / len(judged),
                routers=tuple(_router(each) for each in evaluate(judged)),
            )
            for file, judged in read.items()
        ),
        learned=None,
        learned_from=None,
    )


def _router(score: RouterScore) -> RouterShape:
    return RouterShape(
        router=score.router,
        trained=score.trained,
        n=score.n,
        apgr=score.apgr,
        cpt50=score.cpt[0.5],
        cpt80=score.cpt[0.8],
    )


async def _train(setup: Setup, judged: Sequence[Judged], names: Sequence[str]) -> str:
    """Learn from all outcomes and write it where the rules look for it; the place."""
    if len(judged) < LEAST:
        raise BadRequest(
            f"{len(judged)} outcomes are too few to learn from", hint=f"collect {LEAST} or more of your own"
        )
    model = learn([each.outcome for each in judged])
    now = datetime.now(UTC).isoformat(timespec="seconds")
    place = setup.home().learned_router
    new = place.with_suffix(".new")
    try:
        new.write_text(write_model(model, made_at=now, source=", ".join(names)), "utf-8")
        new.replace(place)
    except OSError as error:
        raise HomeUnusable(
            f"{place} cannot be written: {error.strerror or error}", hint="free some space"
        ) from None
    return str(place)


def _show(table: RoutersShape) -> None:
    for file in table.files:
        say(f"{file.file}: n = {file.n}, weak model {file.weak:.3f}, strong model {file.strong:.3f}")
        rows = [
            (
                each.router,
                "other prompts" if each.trained else "no",
                f"{each.apgr:.3f}",
                _share(each.cpt50),
                _share(each.cpt80),
                str(each.n),
            )
            for each in file.routers
        ]
        for line in columns([("ROUTER", "TRAINED ON", "APGR", "CPT 50 %", "CPT 80 %", "N"), *rows]):
            say(line)
        say()


def _share(value: float | None) -> str:
    return "?" if value is None else f"{value:.1%}"
