"""Words of a page that nobody can see: left out, as they are not part of what the page says.

Sure at once: drawn invisibly, outside the page, smaller than `TINY`, letters of no colour at all.
In doubt (light letters, letters with something drawn over them) the page is drawn twice, with
and without them: what changes no pixel cannot be seen.

Invisible words over a picture of a page are the layer that OCR programs add to scans. They are used
(`Sight.layer`), though whoever makes such a file can write there what the picture does not show.

Not known: words that a clipping path cuts away, and layers (optional content) that are switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inhouse.knowledge.edge.parse.pdf_drawn import Drawn
from inhouse.knowledge.edge.parse.pdf_words import Box, Frame, Look, Word

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

__all__ = ["Sight", "sight"]

TINY = 1.5
"""Points; half a millimetre. The finest print of contracts has 4."""
LIGHT = 225
"""Letters whose darkest colour is lighter than this may vanish on white."""
DARK = 170
"""Something below light letters that is darker than this shows them."""
SEEN_DIFFERENCE = 14
"""Of 255. Letters of colour #e6e6e6 on white change a pixel by 15 to 25 when drawn at 1.5 pixels a point;
#f4f4f4, which screens hardly show, by less than 11."""
CHECK_SCALE = 1.5
CHECK_PIXELS = 3_000_000
CHECK_LETTER = 16.0
"""Pixels; letters need not be drawn larger."""
SCAN_SHARE = 0.5
NEVER = 1 << 30


@dataclass(frozen=True, slots=True)
class Sight:
    """`seen` is what the page says. `layer` is what OCR wrote below a picture of it, before us."""

    seen: list[Word]
    layer: list[Word]


def sight(page: Any, words: Sequence[Word], looks: dict[int, Look], drawn: Drawn, frame: Frame) -> Sight:
    """Sort the words of a page, places as shown."""
    unsure = {thing for thing, look in looks.items() if look.colour[3] < 40 or min(look.colour[:3]) >= LIGHT}
    unseen = {thing for thing, look in looks.items() if look.mode in (3, 7)}
    small = {thing for thing, look in looks.items() if look.size < TINY}
    late = _late_covers(looks, drawn)
    if not (unsure or unseen or small or late):
        wide, high = 2 * frame.width + 2, 2 * frame.height + 2
        seen = [
            word
            for word in words
            if -2 <= word.left + word.right <= wide and -2 <= word.top + word.bottom <= high
        ]
        return Sight(seen, [])
    seen, hidden, doubtful = [], [], []
    for word in words:
        if not _is_on(word, frame):
            continue
        if word.thing in unseen:
            hidden.append(word)
        elif word.thing in small and min(word.bottom - word.top, word.right - word.left) < TINY:
            continue
        elif (word.thing in unsure and not _is_on_dark(word, looks, drawn)) or _is_below(
            word, late, looks, drawn
        ):
            doubtful.append(word)
        else:
            seen.append(word)
    if doubtful:
        shown = _drawn_words(page, doubtful, looks, frame)
        hidden += [word for word in doubtful if id(word) not in shown]
        kept = {id(word) for word in seen} | shown
        seen = [word for word in words if id(word) in kept]
    layer = [word for word in hidden if _is_in_picture(word, drawn)]
    is_scan = bool(layer) and drawn.picture_share(frame) >= SCAN_SHARE
    return Sight(seen, layer if is_scan else [])


def _is_on(word: Word, frame: Frame) -> bool:
    middle, centre = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return -1 <= middle <= frame.width + 1 and -1 <= centre <= frame.height + 1


Covers = dict[int, list[tuple[int, Box]]]
"""What was drawn after the first words, by stripes of the page `STRIPE` points high."""
STRIPE = 24


def _late_covers(looks: dict[int, Look], drawn: Drawn) -> Covers:
    orders = [drawn.text_order.get(look.address, NEVER) for look in looks.values()]
    first = min(orders, default=NEVER)
    out: Covers = {}
    for order, box, _ in drawn.covers:
        if order > first:
            for stripe in range(int(max(box[1], 0)) // STRIPE, int(min(box[3], 20_000)) // STRIPE + 1):
                out.setdefault(stripe, []).append((order, box))
    return out


def _is_below(word: Word, late: Covers, looks: dict[int, Look], drawn: Drawn) -> bool:
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    over = late.get(int(y) // STRIPE)
    if not over:
        return False
    mine = drawn.text_order.get(looks[word.thing].address, NEVER)
    return any(order > mine and box[0] <= x <= box[2] and box[1] <= y <= box[3] for order, box in over)


def _is_on_dark(word: Word, looks: dict[int, Look], drawn: Drawn) -> bool:
    """True when the last thing drawn below the word is plainly dark; False is no answer."""
    if looks[word.thing].colour[3] < 40:
        return False
    mine = drawn.text_order.get(looks[word.thing].address, 0)
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    below = [
        light
        for order, box, light in drawn.covers
        if order < mine and box[0] <= x <= box[2] and box[1] <= y <= box[3]
    ]
    return bool(below) and 0 <= below[-1] <= DARK


def _is_in_picture(word: Word, drawn: Drawn) -> bool:
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return any(box[0] <= x <= box[2] and box[1] <= y <= box[3] for box in drawn.pictures)


def _drawn_words(page: Any, words: list[Word], looks: dict[int, Look], frame: Frame) -> set[int]:
    """Which of the words change the picture of the page, by `id`."""
    import ctypes

    from pypdfium2 import raw

    smallest = max(min(word.size for word in words), 1.0)
    scale = min(CHECK_SCALE, CHECK_LETTER / smallest, (CHECK_PIXELS / (frame.width * frame.height)) ** 0.5)
    before = _pixels(page, scale)
    kind = raw.FPDF_PAGEOBJECT
    things = [
        ctypes.cast(looks[thing].address, kind)
        for thing in sorted({word.thing for word in words})
        if looks[thing].address
    ]
    for thing in things:
        raw.FPDFPageObj_SetIsActive(thing, False)
    after = _pixels(page, scale)
    for thing in things:
        raw.FPDFPageObj_SetIsActive(thing, True)
    changed = before != after
    seen = set()
    for word in words:
        rows = slice(max(int(word.top * scale), 0), int(word.bottom * scale) + 1)
        columns = slice(max(int(word.left * scale), 0), int(word.right * scale) + 1)
        if not changed[rows, columns].any():
            continue
        one, two = before[rows, columns].astype("int16"), after[rows, columns].astype("int16")
        if int(abs(one - two).max()) >= SEEN_DIFFERENCE:
            seen.add(id(word))
    return seen


def _pixels(page: Any, scale: float) -> NDArray[uint8]:
    pixels: NDArray[uint8] = page.render(scale=scale, draw_annots=False).to_numpy().copy()
    return pixels
