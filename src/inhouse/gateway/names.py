"""What a requested model name means here: a model itself, an alias, or a class of models.

A client that was written for another house asks for that house's names. `meaning_of` says what such a name
stands for; which engine then answers is the policy's business.
"""

from __future__ import annotations

import functools
import re
from typing import Literal, get_args

from inhouse.gateway.names_table import NAMES, ModelClass, NameEntry

__all__ = [
    "CLASSES",
    "HOUSE_NAMES",
    "Meaning",
    "Trade",
    "class_of",
    "distance",
    "entry_of",
    "known_names",
    "matches",
    "parameters_of",
    "plain_name",
    "size_class",
    "size_step",
    "trades_of",
]

CLASSES: tuple[ModelClass, ...] = get_args(ModelClass)
Trade = Literal["code", "reasoning", "embedding"]
Meaning = Literal["house", "exact", "alias", "class", "ceiling", "unknown"]
"""`house`: the choice is ours. `class`: any model of its class. `ceiling`: no model above its class."""

HOUSE_NAMES = frozenset({"inhouse", "auto", "inhouse/auto", "inhouse/cascade", "inhouse/consensus"})
"""Names under which a caller leaves the choice to the house."""

SMALL_BELOW, LARGE_FROM = 5e9, 25e9
"""Parameters: llama3.2 (3.2) and phi3 (3.8) are small, 7B to 24B medium, 27B, 32B and 70B large."""
BYTES_PER_PARAMETER = 0.62
"""Of a file quantised to four bits with its scales, as engines keep them by default (4.7 GB for 7.6 B)."""

_SIZE_OF_TRADE: dict[ModelClass, ModelClass] = {"code": "medium", "reasoning": "large", "embedding": "small"}

_SIZE = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])")
_CODE = re.compile(r"cod(?:e|er|estral)|starcoder|devstral|codex")
_REASONING = re.compile(r"(?:^|[^a-z0-9])(?:r1|qwq|magistral|o[134])(?:$|[^a-z0-9])|reason|think")
_EMBEDDING = re.compile(
    r"embed|minilm|(?:^|[/_-])(?:bge|e5|gte)(?:[/_-]|$)",
)


@functools.lru_cache(maxsize=2048)
def _compiled(pattern: str) -> re.Pattern[str]:
    parts = (
        ".*" if part == "*" else "." if part == "?" else re.escape(part)
        for part in re.split(r"([*?])", pattern)
    )
    return re.compile("".join(parts), re.IGNORECASE)


def matches(pattern: str, name: str) -> bool:
    """True when a shell pattern with `*` and `?` fits the whole name; case does not matter."""
    return _compiled(pattern).fullmatch(name) is not None


@functools.lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A name as names are compared: lower case, without `:latest` and a leading `models/`."""
    return name.strip().lower().removesuffix(":latest").removeprefix("models/")


@functools.lru_cache(maxsize=4096)
def entry_of(name: str) -> NameEntry | None:
    """The first entry of the table that fits the name, also behind a `vendor/`."""
    plain = plain_name(name)
    for each in (plain, plain.rsplit("/", 1)[-1]):
        for entry in NAMES:
            if matches(entry.pattern, each):
                return entry
    return None


def known_names() -> tuple[str, ...]:
    """Names of the table that are written out, for `did you mean`."""
    return tuple(entry.pattern for entry in NAMES if "*" not in entry.pattern)


def parameters_of(name: str, parameter_size: str = "", size_bytes: int | None = None) -> float | None:
    """About how many parameters a model has: as its engine says, as its name says, or by its size."""
    for text in (parameter_size.lower().replace(" ", ""), plain_name(name)):
        found = _SIZE.findall(text)
        if found:
            times, number, unit = found[-1]
            return float(times or 1) * float(number) * (1e9 if unit == "b" else 1e6)
    return size_bytes / BYTES_PER_PARAMETER if size_bytes else None


def size_class(parameters: float) -> ModelClass:
    """`small`, `medium` or `large` by the count of parameters."""
    return "small" if parameters < SMALL_BELOW else "large" if parameters >= LARGE_FROM else "medium"


@functools.lru_cache(maxsize=4096)
def class_of(
    name: str, parameter_size: str = "", size_bytes: int | None = None, *, remote: bool = False
) -> ModelClass | None:
    """`small`, `medium` or `large`: by size, else by the table; a vendor's unknown model counts as large.

    None where nothing tells.
    """
    parameters = parameters_of(name, parameter_size, size_bytes)
    if parameters is not None:
        return size_class(parameters)
    entry = entry_of(name)
    if entry is None:
        return "large" if remote else None
    return _SIZE_OF_TRADE.get(entry.means, entry.means)


@functools.lru_cache(maxsize=4096)
def trades_of(name: str) -> frozenset[Trade]:
    """What a model was made for beside talk, by its name."""
    plain = plain_name(name)
    found: set[Trade] = set()
    if _EMBEDDING.search(plain):
        found.add("embedding")
    if _CODE.search(plain):
        found.add("code")
    if _REASONING.search(plain):
        found.add("reasoning")
    return frozenset(found)


_STEPS: dict[ModelClass, int] = {
    "embedding": 0,
    "small": 0,
    "medium": 1,
    "code": 1,
    "large": 2,
    "reasoning": 2,
}


def size_step(of: ModelClass) -> int:
    """0 for small, 1 for medium, 2 for large."""
    return _STEPS[of]


UNKNOWN_DISTANCE = 3


def distance(wanted: ModelClass, has: ModelClass | None, trades: frozenset[Trade]) -> int:
    """How far a model is from a wanted class, 0 for one of it; a larger one is nearer than a smaller."""
    if wanted in ("code", "reasoning", "embedding"):
        if wanted in trades:
            return 0
        return 1 + distance("medium" if wanted == "code" else "large", has, trades)
    if has is None:
        return UNKNOWN_DISTANCE
    step = _STEPS[has] - _STEPS[wanted]
    return 2 * step if step >= 0 else 1 - 2 * step
