"""PDF files made by hand for tests: words at places, lines, pictures, notes, attached files.

Latin letters are drawn with Helvetica. Other letters go through `Page.coded`: the codes a, b, c … of a font
that says which letters they stand for, as PDF files do; what is drawn is Latin then, what is read is not.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Page", "escaped", "pdf"]


@dataclass(slots=True)
class Page:
    """One page, in points from its lower left corner."""

    width: float = 595
    height: float = 842
    rotate: int = 0
    drawing: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    picture: tuple[int, int, bytes] | None = None
    """Width, height and gray values of the picture that `show` draws."""

    def text(self, x: float, y: float, words: str, *, size: float = 11, bold: bool = False) -> None:
        """Words that begin at a point."""
        font = "/B" if bold else "/F"
        self.drawing.append(f"BT {font} {size} Tf {x:g} {y:g} Td ({escaped(words)}) Tj ET")

    def raw(self, operators: str) -> None:
        """Any operators."""
        self.drawing.append(operators)

    def line(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """A thin line."""
        self.drawing.append(f"0.7 w {x0:g} {y0:g} m {x1:g} {y1:g} l S")

    def box(self, x: float, y: float, width: float, height: float, gray: float) -> None:
        """A filled rectangle; what comes later is black again."""
        self.drawing.append(f"{gray:g} g {x:g} {y:g} {width:g} {height:g} re f 0 g")

    def show(self, x: float, y: float, width: float, height: float) -> None:
        """The picture, in this rectangle."""
        self.drawing.append(f"q {width:g} 0 0 {height:g} {x:g} {y:g} cm /I Do Q")

    def note(self, kind: str, contents: str, more: str = "") -> None:
        """A note somewhere on the page, as `Text` or `FreeText`."""
        head = f"<< /Type /Annot /Subtype /{kind} /Rect [300 300 340 320]"
        self.notes.append(f"{head} /Contents ({escaped(contents)}) {more} >>")


def escaped(words: str) -> str:
    """As a string of PDF, without its brackets."""
    return words.replace("\\", "\\\\").replace("(", "\\(").replace(")", "\\)")


def pdf(
    *pages: Page,
    letters: Mapping[str, str] | None = None,
    files: Mapping[str, bytes] | None = None,
    titles: Sequence[tuple[str, int]] = (),
    catalog: str = "",
) -> bytes:
    """A PDF of these pages. `letters`: what codes of the font `/C` stand for.

    `files` are attached; `titles` (words, number of the page from 0) are the outline.
    """
    parts: list[bytes] = [b"", b""]

    def add(body: bytes) -> int:
        parts.append(body)
        return len(parts)

    def stream(head: str, data: bytes) -> int:
        packed = zlib.compress(data)
        start = f"<< {head} /Filter /FlateDecode /Length {len(packed)} >>\nstream\n".encode()
        return add(start + packed + b"\nendstream")

    fonts = f"/F {add(_font('Helvetica'))} 0 R /B {add(_font('Helvetica-Bold'))} 0 R"
    if letters:
        meaning = f" /ToUnicode {stream('', _codes(letters))} 0 R"
        fonts += f" /C {add(_font('Helvetica', meaning))} 0 R"
    kids: list[int] = []
    for page in pages:
        content = stream("", "\n".join(page.drawing).encode("latin-1"))
        things = f"/Font << {fonts} >>"
        if page.picture:
            wide, high, data = page.picture
            look = f"/Type /XObject /Subtype /Image /Width {wide} /Height {high} /ColorSpace /DeviceGray"
            things += f" /XObject << /I {stream(look + ' /BitsPerComponent 8', data)} 0 R >>"
        kids.append(
            add(
                f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {page.width:g} {page.height:g}]"
                f" /Rotate {page.rotate} /Resources << {things} >> /Contents {content} 0 R"
                f" /Annots [{' '.join(page.notes)}] >>".encode("latin-1")
            )
        )
    if files:
        named = []
        for name, data in files.items():
            inner = stream("/Type /EmbeddedFile", data)
            named.append(
                f"({escaped(name)}) << /Type /Filespec /F ({escaped(name)}) /EF << /F {inner} 0 R >> >>"
            )
        catalog += f" /Names << /EmbeddedFiles << /Names [{' '.join(named)}] >> >>"
    if titles:
        catalog += f" /Outlines {_outline(parts, titles, kids)} 0 R"
    parts[0] = f"<< /Type /Catalog /Pages 2 0 R {catalog} >>".encode("latin-1")
    parts[1] = (
        f"<< /Type /Pages /Kids [{' '.join(f'{kid} 0 R' for kid in kids)}] /Count {len(kids)} >>".encode()
    )
    return _written(parts)


def _outline(parts: list[bytes], titles: Sequence[tuple[str, int]], kids: list[int]) -> int:
    root = len(parts) + 1
    last = root + len(titles)
    parts.append(f"<< /First {root + 1} 0 R /Last {last} 0 R /Count {len(titles)} >>".encode())
    for number, (words, page) in enumerate(titles, root + 1):
        after = f"/Next {number + 1} 0 R" if number < last else ""
        goal = f"/Dest [{kids[page]} 0 R /Fit]"
        parts.append(f"<< /Title ({escaped(words)}) /Parent {root} 0 R {goal} {after} >>".encode("latin-1"))
    return root


def _font(name: str, more: str = "") -> bytes:
    return f"<< /Type /Font /Subtype /Type1 /BaseFont /{name}{more} >>".encode()


def _codes(letters: Mapping[str, str]) -> bytes:
    lines = "".join(f"<{ord(code):02x}> <{to.encode('utf-16-be').hex()}>\n" for code, to in letters.items())
    return (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap /CMapName /X def /CMapType 2 def"
        f" 1 begincodespacerange <00> <ff> endcodespacerange {len(letters)} beginbfchar\n{lines}"
        "endbfchar endcmap end end"
    ).encode()


def _written(parts: list[bytes]) -> bytes:
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, start)
    return bytes(out)
