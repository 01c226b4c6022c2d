"""Vectors as an engine gave them, held against what was asked for; the same for every dialect."""

from __future__ import annotations

import math
from collections.abc import Sequence

from inhouse.kernel.errors import EngineBroke, EngineUnfit
from inhouse.kernel.messages import Embeddings, EmbedRequest, Usage

__all__ = ["fitted"]

UNIT = 1e-3
"""How far from 1 the length of a row may be and still count as 1: float16 engines are off by this."""

LARGEST = 3e38
"""Beyond it a number is no float32; a comparison with NaN is false, so that is found as well."""


def fitted(vectors: Sequence[tuple[float, ...]], request: EmbedRequest, usage: Usage) -> Embeddings:
    """The vectors, of length 1 where that was asked for.

    Raises:
        EngineBroke: if there are more or fewer than inputs, or they are no vectors of one length.
        EngineUnfit: if they have another number of dimensions than was asked for.
    """
    if len(vectors) != len(request.inputs):
        raise EngineBroke(f"the engine made {len(vectors)} vectors for {len(request.inputs)} texts")
    if not vectors:
        return Embeddings((), usage)
    if len({len(vector) for vector in vectors}) > 1 or not vectors[0]:
        raise EngineBroke("the engine's vectors are not all of one length")
    if request.dimensions is not None and len(vectors[0]) != request.dimensions:
        raise EngineUnfit(
            f"the model makes {len(vectors[0])} dimensions instead of {request.dimensions}",
            hint=f"leave the number of dimensions out, or ask for {len(vectors[0])}",
        )
    if not all(math.hypot(*vector) < LARGEST for vector in vectors):
        raise EngineBroke("the engine's vectors hold numbers beyond all measure")
    return Embeddings(tuple(map(_unit, vectors) if request.normalise else vectors), usage)


def _unit(vector: tuple[float, ...]) -> tuple[float, ...]:
    length = math.hypot(*vector)
    if abs(length - 1) < UNIT or length == 0:
        return vector
    return tuple(value / length for value in vector)
