"""Whether a model fits a machine: what it needs of memory and disk, beside what there is.

All figures are estimates that lean to the safe side; what is really taken shows after loading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from inhouse.gateway.gguf import GgufFacts

__all__ = [
    "Fit",
    "FitWord",
    "Machine",
    "Need",
    "fit",
    "fit_named",
    "gigabytes",
    "guess_size",
    "need_of",
    "room_for",
]

FitWord = Literal["fits", "tight", "does not fit", "unknown"]

TIGHT_SHARE = 0.85
"""Beyond this share of the free memory a machine with other work to do begins to swap."""
MIN_OVERHEAD_BYTES = 96 << 20
"""What a process of llama.cpp takes with a tiny model, beside weights and cache: 105 MB were measured for
the demo model (332 MB resident, 92 of weights, 135 of cache at 8 x 1024 tokens)."""
BATCH_TOKENS = 512
"""llama.cpp keeps room for the scores of a whole batch: 512 x vocabulary x 4 bytes, 300 MB at 152,000."""
UNKNOWN_SHAPE_KV = 131_072
"""Bytes of cache per token where the shape is unknown: that of an 8B model with grouped queries."""
GUESSED_BYTES_PER_PARAMETER = 0.61
"""Q4_K_M, which Ollama gives unless told otherwise: 4.9 bits a weight."""

_SIZE_IN_NAME = re.compile(r"(?<![a-z0-9.])(?:(\d+)x)?(\d+(?:\.\d+)?)([bm])(?![a-z0-9])", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Machine:
    """What this machine has, in bytes. GPU figures are None where no GPU or its tool is there.

    `ram_free_bytes` is what a new process could take now, before anything is unloaded.
    """

    ram_free_bytes: int
    ram_total_bytes: int
    disk_free_bytes: int | None = None
    gpu_free_bytes: int | None = None
    gpu_total_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What a model takes while it is loaded. `guessed`: told from its name alone."""

    weights_bytes: int
    cache_bytes: int
    overhead_bytes: int
    guessed: bool = False

    @property
    def total_bytes(self) -> int:
        """Everything together."""
        return self.weights_bytes + self.cache_bytes + self.overhead_bytes


@dataclass(frozen=True, slots=True)
class Fit:
    """A verdict with its numbers, as `models ls --fit` prints it."""

    word: FitWord
    memory_bytes: int | None
    reason: str


def need_of(size_bytes: int, context_tokens: int, facts: GgufFacts | None = None) -> Need:
    """What a model file of that size takes with that context; `facts` None: of unknown shape."""
    if facts is None or not facts.kv_bytes_per_token:
        return Need(size_bytes, context_tokens * UNKNOWN_SHAPE_KV, MIN_OVERHEAD_BYTES)
    batch = BATCH_TOKENS * 4 * (facts.vocabulary + 2 * facts.embedding_length)
    return Need(
        size_bytes, context_tokens * facts.kv_bytes_per_token, MIN_OVERHEAD_BYTES // 2 + max(batch, 0)
    )


def guess_size(name: str) -> int | None:
    """About how large the file of a model with that name is; None where the name does not say."""
    found = _SIZE_IN_NAME.search(name)
    if found is None:
        return None
    experts, number, unit = found.groups()
    count = float(number) * int(experts or 1) * (1e9 if unit.lower() == "b" else 1e6)
    return int(count * GUESSED_BYTES_PER_PARAMETER)


def fit(need: Need | None, machine: Machine, *, download_bytes: int | None = None) -> Fit:
    """Whether it can be loaded here, and whether its download has room on the disk.

    Memory is that of the machine when nothing else of ours is loaded, so the caller gives the free figure
    as it would be after unloading. A model that fits a GPU whole is judged by the GPU.
    """
    disk = machine.disk_free_bytes
    if download_bytes is not None and disk is not None and download_bytes > disk:
        reason = f"its file of {gigabytes(download_bytes)} needs more disk than the {gigabytes(disk)} free"
        return Fit("does not fit", need.total_bytes if need else None, reason)
    if need is None:
        return Fit("unknown", None, "nothing tells how large it is")
    wanted = need.total_bytes
    about = "about " if need.guessed else ""
    gpu = machine.gpu_free_bytes
    if gpu is not None and wanted <= gpu * TIGHT_SHARE:
        reason = f"needs {about}{gigabytes(wanted)} of the {gigabytes(gpu)} free on the GPU"
        return Fit("fits", wanted, reason)
    free = machine.ram_free_bytes + (gpu or 0)
    reason = f"needs {about}{gigabytes(wanted)} of {gigabytes(free)} free memory"
    if wanted <= free * TIGHT_SHARE:
        return Fit("fits", wanted, reason)
    return Fit("tight" if wanted <= free else "does not fit", wanted, reason)


USUAL_CONTEXT = 4096
"""What Ollama and LM Studio load a model with, whatever it was trained for."""


def fit_named(
    name: str,
    machine: Machine,
    *,
    size_bytes: int | None = None,
    need_bytes: int | None = None,
    download: bool = False,
) -> Fit:
    """Whether a model fits, by what is known of it: its need, else its size, else its name."""
    size = size_bytes or guess_size(name)
    guessed = size_bytes is None
    if need_bytes is not None:
        need = Need(need_bytes, 0, 0)
    elif size is not None:
        known = need_of(size, USUAL_CONTEXT)
        need = Need(known.weights_bytes, known.cache_bytes, known.overhead_bytes, guessed=guessed)
    else:
        return fit(None, machine)
    return fit(need, machine, download_bytes=size if download else None)


def room_for(free_bytes: int, size_bytes: int, facts: GgufFacts | None = None) -> int:
    """The longest context, in steps of 256 tokens, with which the model fits; 0 when not even without."""
    empty = need_of(size_bytes, 0, facts).total_bytes
    per_token = facts.kv_bytes_per_token if facts and facts.kv_bytes_per_token else UNKNOWN_SHAPE_KV
    tokens = (free_bytes - empty) // per_token // 256 * 256
    return max(0, tokens)


def gigabytes(size_bytes: int) -> str:
    """`4.7 GB`, `310 MB`."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 10**9 else f"{size_bytes / 1e6:.0f} MB"
