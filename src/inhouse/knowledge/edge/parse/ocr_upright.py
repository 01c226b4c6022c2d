"""Pictures of pages that lie on their side or askew: found out and put right; empty and badly lit ones."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["has_even_light", "is_blank", "laid_by", "skew_of", "straightened"]

STEEPEST_DEG = 6.0
STEP_DEG = 0.5
LEAST_DEG = 0.8
"""Tesseract follows lines of a smaller slope itself."""
LEAST_GAIN = 1.25
"""How much sharper the rows of a straightened page must be than those of the page as it is."""
ROUGH_PX = 700
INK = 24
"""Of 255: by how much letters differ from the paper at least. The noise of scanners stays below."""
LEAST_INK_PX = 60
"""Fewer such pixels are dust: one letter of 8 points has 100 at 150 dpi."""
UNEVEN_LIGHT = 40
"""Of 255: by how much the paper of one part of a page is darker than that of another one."""


def is_blank(pixels: NDArray[uint8]) -> bool:
    """True when nothing is drawn on the picture, as on the back of a page."""
    import numpy as np

    paper = int(np.median(pixels))
    dark = np.count_nonzero(pixels < paper - INK) if paper > INK else 0
    light = np.count_nonzero(pixels > paper + INK) if paper < 255 - INK else 0
    return bool(dark + light < LEAST_INK_PX)


def has_even_light(pixels: NDArray[uint8]) -> bool:
    """True when the paper is equally light all over, as a scanner shows it and a photograph does not."""
    import numpy as np

    parts = [part[::4, ::4] for row in np.array_split(pixels, 6) for part in np.array_split(row, 6, axis=1)]
    paper = [float(np.percentile(part, 80)) for part in parts if part.size]
    return max(paper) - min(paper) <= UNEVEN_LIGHT


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
