"""How well doubts find figures that OCR read wrongly: the threshold `ocr_words.DOUBT_BELOW`.

    python -m bench.ocr_doubts [PAGES]     PAGES of each kind, default 3

Draws pages of amounts, dates and numbers, in Russian-like and in English surroundings, at several
resolutions, blurs and noises, reads them, and compares each figure with the one that was drawn at its place.
Prints, for several thresholds, how many of the wrong figures are doubted and how many of the right ones, n
in all; with and without the comparison of two readings (a word that two readings give differently has 0).
"""

from __future__ import annotations

import random
import sys

from inhouse.knowledge.edge.parse.ocr_words import DOUBT_BELOW, read_gray, usable
from inhouse.knowledge.edge.parse.pdf_words import Word
from tests.knowledge.pdfs import Page, pdf
from tests.knowledge.pixels import drawn, noisy

KINDS = (
    (200, 0.0, 0),
    (150, 20.0, 1),
    (120, 15.0, 0),
    (100, 10.0, 1),
    (100, 30.0, 0),
    (90, 20.0, 0),
    (80, 10.0, 0),
    (75, 25.0, 0),
)
"""Dots per inch, noise, blur: from a good scan to a bad fax."""
THRESHOLDS = (50, 60, 70, 80, 85, 90, 93, 95)


def main() -> int:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    languages = usable("rus+eng")
    right: list[float] = []
    wrong: list[float] = []
    unread = 0
    for dpi, noise, blur in KINDS:
        before = len(right), len(wrong)
        for number in range(count):
            chance = random.Random(1_000 * dpi + number)
            page, figures = _page(chance)
            pixels = noisy(drawn(pdf(page), dpi=dpi), seed=number, noise=noise, blur=blur)
            scan = read_gray(pixels, languages)
            words = [word for word in scan.words if any(char.isdigit() for char in word.text)]
            for x, y, text in figures:
                word = _at(words, x * dpi / 72, (842 - y - 4) * dpi / 72)
                if word is None:
                    unread += 1
                else:
                    (right if word.text.strip(".,;:") == text else wrong).append(word.sure)
        good, bad = right[before[0] :], wrong[before[1] :]
        doubted = sum(1 for sure in good if sure < DOUBT_BELOW)
        print(
            f"{dpi} dpi, noise {noise:g}, blur {blur}: {len(good)} right ({doubted} of them doubted),"
            f" {len(bad)} wrong"
        )
    print(f"n={len(right) + len(wrong)} figures read, {len(wrong)} of them wrongly; {unread} not read at all")
    for threshold in THRESHOLDS:
        caught = sum(1 for sure in wrong if sure < threshold)
        alarms = sum(1 for sure in right if sure < threshold)
        mark = " <- DOUBT_BELOW" if threshold == DOUBT_BELOW else ""
        print(
            f"below {threshold}: {caught} of {len(wrong)} wrong ones doubted,"
            f" {alarms} of {len(right)} right ones ({alarms / max(len(right), 1):.1%}){mark}"
        )
    return 0


def _page(chance: random.Random) -> tuple[Page, list[tuple[float, float, str]]]:
    """Lines of words with a figure in each, and where the figures begin."""
    page, figures = Page(), []
    for line in range(28):
        figure = chance.choice(
            (
                f"{chance.randrange(10**9, 10**10)}",
                f"{chance.randrange(1, 29):02}.{chance.randrange(1, 13):02}.20{chance.randrange(10, 30)}",
                f"{chance.randrange(100, 999)},{chance.randrange(100, 999)}.{chance.randrange(10, 99)}",
                f"{chance.randrange(10, 99)}%",
                f"{chance.randrange(1, 9)}-{chance.randrange(100, 999)}",
            )
        )
        y = 780 - 26 * line
        page.text(60, y, "The amount that was agreed upon is")
        page.text(262, y, figure)
        page.text(360, y, "according to the contract of both")
        figures.append((262.0, float(y), figure))
    return page, figures


def _at(words: list[Word], x: float, y: float) -> Word | None:
    """The word that begins near a point, in pixels."""
    near = [word for word in words if word.top - 4 <= y <= word.bottom + 4 and abs(word.left - x) < 14]
    return min(near, key=lambda word: abs(word.left - x), default=None)


if __name__ == "__main__":
    sys.exit(main())
