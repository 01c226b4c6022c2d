"""Which settings of the search to try, and when one of them is worth proposing. Pure.

The questions are cut into two halves by their ids. Whatever is best on the first half was chosen there, so
it looks better than it is; only the second half, which had no say, can tell. Nothing is ever put in force.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inhouse.knowledge.chunk import Cut
from inhouse.knowledge.figures import Change, Judged, compare
from inhouse.knowledge.judge import Expected
from inhouse.knowledge.rank import Mix

__all__ = ["FEWEST", "MEASURE", "Trial", "combined", "halves", "neighbours", "settings_of", "verdict"]

MEASURE = "ndcg@10"
FEWEST = 40
"""Twenty in each half; with fewer hardly any difference is more than chance."""
SIZES = (800, 1_000, 2_000, 2_600)
OVERLAPS = (1, 2)
FACTORS = (0.5, 2.0)


@dataclass(frozen=True, slots=True)
class Trial:
    """One way to search; `name` says how it differs from what is in force."""

    name: str
    cut: Cut
    mix: Mix


def halves(questions: Sequence[Expected]) -> tuple[tuple[Expected, ...], tuple[Expected, ...]]:
    """The questions in two halves, the same ones at every run, whatever their order in the file."""

    def place(one: Expected) -> str:
        return hashlib.sha256(f"{one.question_id}\n{one.question}".encode()).hexdigest()

    ordered = sorted(questions, key=place)
    return tuple(ordered[::2]), tuple(ordered[1::2])


def neighbours(cut: Cut, mix: Mix) -> tuple[Trial, ...]:
    """What is in force, then each single change to it."""
    trials = [Trial("in force", cut, mix)]
    trials += [
        Trial(f"chunk_chars = {size}", replace(cut, target=size), mix) for size in SIZES if size != cut.target
    ]
    trials += [
        Trial(f"overlap_sentences = {n}", replace(cut, overlap=n), mix)
        for n in (0, *OVERLAPS)
        if n != cut.overlap
    ]
    switched = "false" if cut.headings else "true"
    trials.append(Trial(f"headings = {switched}", replace(cut, headings=not cut.headings), mix))
    for name in ("window", "closeness", "anywhere"):
        for factor in FACTORS:
            value = round(getattr(mix, name) * factor, 3) or factor
            trials.append(Trial(f"{name}_weight = {value}", cut, replace(mix, **{name: value})))
    return tuple(trials)


def combined(base: Trial, better: Sequence[Trial]) -> Trial | None:
    """All single changes that helped, together; None for fewer than two. The first of a kind wins."""
    cut, mix, names = base.cut, base.mix, list[str]()
    taken: set[str] = set()
    for trial in better:
        kind = trial.name.partition(" ")[0]
        if kind in taken:
            continue
        taken.add(kind)
        names.append(trial.name)
        cut = Cut(
            trial.cut.target if kind == "chunk_chars" else cut.target,
            trial.cut.overlap if kind == "overlap_sentences" else cut.overlap,
            trial.cut.headings if kind == "headings" else cut.headings,
        )
        mix = Mix(
            trial.mix.window if kind == "window_weight" else mix.window,
            trial.mix.closeness if kind == "closeness_weight" else mix.closeness,
            trial.mix.anywhere if kind == "anywhere_weight" else mix.anywhere,
        )
    return Trial(", ".join(names), cut, mix) if len(names) > 1 else None


def verdict(before: Mapping[str, Mapping[str, float]], after: Sequence[Judged]) -> Change | None:
    """How the second half fares with the chosen one; worth proposing when `sure` and the difference is up."""
    return next((change for change in compare(before, after) if change.name == MEASURE), None)


def settings_of(base: Trial, chosen: Trial) -> tuple[str, ...]:
    """The lines of `inhouse.toml`, section `retrieval`, that put `chosen` in force."""
    pairs = (
        ("chunk_chars", base.cut.target, chosen.cut.target),
        ("overlap_sentences", base.cut.overlap, chosen.cut.overlap),
        ("headings", base.cut.headings, chosen.cut.headings),
        ("window_weight", base.mix.window, chosen.mix.window),
        ("closeness_weight", base.mix.closeness, chosen.mix.closeness),
        ("anywhere_weight", base.mix.anywhere, chosen.mix.anywhere),
    )
    return tuple(f"{name} = {str(new).lower()}" for name, old, new in pairs if old != new)
