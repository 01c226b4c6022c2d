"""Pictures of pages that lie on their side or askew: found out and put right."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["laid_by", "skew_of", "straightened"]

STEEPEST_DEG = 6.0
STEP_DEG = 0.5
LEAST_DEG = 0.8
"""Tesseract follows lines of a smaller slope itself."""
LEAST_GAIN = 1.25
"""How much sharper the rows of a straightened page must be than those of the page as it is."""
ROUGH_PX = 700


def laid_by(pixels: NDArray[uint8], turn: int) -> NDArray[uint8]:
    """The picture laid so that text of this direction is upright; 90 is text that runs upwards."""
    import numpy as np

    return np.ascontiguousarray(np.rot90(pixels, {0: 0, 90: -1, 180: 2, 270: 1}[turn]))


def skew_of(pixels: NDArray[uint8]) -> float:
    """How much the lines of a (height, width) page rise or fall for each pixel to the right; 0.0 for none.

    Rows of text give a profile of dark and empty rows, the sharper the straighter they are.
    """
    import numpy as np

    height, width = pixels.shape
    step = max(max(height, width) // ROUGH_PX, 1)
    rough = pixels[: height // step * step, : width // step * step]
    rough = rough.reshape(height // step, step, width // step, step).mean(axis=(1, 3))
    if min(rough.shape) < 60:
        return 0.0
    dark = (rough < rough.mean() - 20).astype(np.float32)
    if not 0.002 < float(dark.mean()) < 0.4:
        return 0.0
    straight = _sharpness(dark, 0.0)
    best, found = straight, 0.0
    for index in range(1, int(STEEPEST_DEG / STEP_DEG) + 1):
        for sign in (-1, 1):
            slope = math.tan(math.radians(sign * index * STEP_DEG))
            sharp = _sharpness(dark, slope)
            if sharp > best:
                best, found = sharp, slope
    if abs(math.degrees(math.atan(found))) < LEAST_DEG or best < LEAST_GAIN * straight:
        return 0.0
    return found


def _sharpness(dark: NDArray[uint8], slope: float) -> float:
    import numpy as np

    moved = straightened(dark, slope, fill=0)
    profile = moved.sum(axis=1)
    return float(np.square(np.diff(profile)).sum())


def straightened(pixels: NDArray[uint8], slope: float, *, fill: int = 255) -> NDArray[uint8]:
    """The picture with each column moved so that lines of this slope lie level; same shape."""
    if not slope:
        return pixels
    import numpy as np

    height, width = pixels.shape
    out = np.full_like(pixels, fill)
    shifts = np.rint(np.arange(width) * slope).astype(int)
    edges = np.flatnonzero(np.diff(shifts)) + 1
    for start, end in zip([0, *edges.tolist()], [*edges.tolist(), width], strict=True):
        shift = int(shifts[start])
        if abs(shift) >= height:
            continue
        if shift >= 0:
            out[: height - shift, start:end] = pixels[shift:, start:end]
        else:
            out[-shift:, start:end] = pixels[: height + shift, start:end]
    return out
