"""Which model to load with how much context, and which to unload for it. Knows no process and no file."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from inhouse.gateway.fit import gigabytes

__all__ = ["Held", "Plan", "Rung", "TooBig", "ladder", "make_room", "usable_bytes", "variants_of"]

_MARK = re.compile(
    r"[-_.: ]*(?<![a-z0-9.])(\d+x)?\d+(\.\d+)?[bm](?![a-z])|[-_.: ]+i?q\d|[-_.: ]+b?f(16|32)|:",
    re.IGNORECASE,
)
"""Where a model's name ends and its size or quantisation begins: `qwen2.5` in `qwen2.5-7b-it-q4_k_m`."""

SMALLEST_CONTEXT = 512
RESERVE_SHARE, RESERVE_BYTES = 0.05, 256 << 20
"""Left for everything else on the machine: a twentieth, at least 256 MB."""


@dataclass(frozen=True, slots=True)
class Held:
    """A model in memory. `weights_bytes` are mapped from its file, which the system counts as free.

    `kept` models were asked to stay for good; they go last. `last_used` is any monotonic seconds.
    """

    name: str
    total_bytes: int
    weights_bytes: int
    busy: bool
    kept: bool
    last_used: float


@dataclass(frozen=True, slots=True)
class Rung:
    """One way to serve a request, from the wish down to what is better than nothing.

    `remark` says what was given up, empty on the first rung.
    """

    model: str
    context_tokens: int
    need_bytes: int
    on_cpu: bool = False
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """Unload these, then there is room."""

    evict: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TooBig:
    """It cannot be loaded now; `busy` True: it could, were others not at work."""

    reason: str
    busy: bool


def usable_bytes(free_bytes: int, total_bytes: int, held: Sequence[Held], limit_bytes: int = 0) -> int:
    """What a new model may take without any unloading.

    `free_bytes` is what the system says is available. It counts the mapped weights of loaded models as
    free, because it could read them from disk again: they are subtracted here, else a second model would
    drive the first out of memory page by page. `limit_bytes` (0: none) caps all models together.
    """
    reserve = max(RESERVE_BYTES, int(total_bytes * RESERVE_SHARE))
    free = free_bytes - reserve - sum(each.weights_bytes for each in held)
    if limit_bytes:
        free = min(free, limit_bytes - sum(each.total_bytes for each in held))
    return max(0, free)


def make_room(rung: Rung, usable: int, held: Sequence[Held]) -> Plan | TooBig:
    """What to unload for this rung: as few as do, least recently used first, kept ones last, busy ones never.

    `usable` is `usable_bytes` with everything in `held` still loaded.
    """
    missing = rung.need_bytes - usable
    evict: list[Held] = []
    for each in sorted((each for each in held if not each.busy), key=lambda one: (one.kept, one.last_used)):
        if missing <= 0:
            break
        evict.append(each)
        missing -= each.total_bytes
    if missing <= 0:
        return Plan(tuple(each.name for each in _without_spare(evict, -missing)))
    reachable = usable + sum(each.total_bytes for each in held if not each.busy)
    working = [each for each in held if each.busy]
    reason = f"needs {gigabytes(rung.need_bytes)}, and {gigabytes(reachable)} can be had"
    if working:
        reason += f" while {', '.join(f'`{each.name}`' for each in working)} is at work"
    everything = reachable + sum(each.total_bytes for each in working)
    return TooBig(reason, busy=bool(working) and everything >= rung.need_bytes)


def _without_spare(evict: list[Held], spare: int) -> list[Held]:
    """The list without models that need not go because a later, larger one makes room alone."""
    kept: list[Held] = []
    for each in evict:
        if each.total_bytes <= spare:
            spare -= each.total_bytes
        else:
            kept.append(each)
    return kept


def ladder(wish: Rung, variants: Sequence[Rung], *, needed_tokens: int, per_token_bytes: int) -> list[Rung]:
    """The rungs to try in turn: the wish, a smaller context, smaller variants, at last without the GPU.

    The context is halved as long as it holds `needed_tokens`, which is the prompt with room for its
    answer. `variants` stand from the best down.
    """
    rungs = [wish]
    context = wish.context_tokens // 2
    while context >= max(needed_tokens, SMALLEST_CONTEXT):
        saved = (wish.context_tokens - context) * per_token_bytes
        remark = f"with a context of {context} tokens instead of {wish.context_tokens}"
        rungs.append(Rung(wish.model, context, wish.need_bytes - saved, wish.on_cpu, remark))
        context //= 2
    rungs += [each for each in variants if each.context_tokens >= needed_tokens]
    if not wish.on_cpu:
        smallest = rungs[-1]
        own = [each for each in rungs if each.model == wish.model]
        last = min(own, key=lambda each: each.need_bytes) if own else smallest
        rungs.append(Rung(last.model, last.context_tokens, last.need_bytes, True, "on the processor alone"))
    return rungs


def variants_of(name: str, sizes: Mapping[str, int]) -> list[str]:
    """Smaller models of the same name but for its size or quantisation, the largest of them first."""
    own = sizes.get(name, 0)
    smaller = [
        other for other, size in sizes.items() if other != name and size < own and _stem(other) == _stem(name)
    ]
    return sorted(smaller, key=lambda other: -sizes[other])


def _stem(name: str) -> str:
    found = _MARK.search(name)
    return (name[: found.start()] if found else name).casefold()
