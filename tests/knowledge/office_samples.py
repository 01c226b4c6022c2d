"""Office archives built part by part, for constructs that `samples` does not have."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from itertools import pairwise

from tests.knowledge.samples import DRAWING, PACKAGE, RELATIONS, SHEET, SLIDE, WORD, archive

Links = Mapping[str, tuple[str, str]]
"""Relation id to (kind, target)."""


def links(found: Links) -> str:
    """The relations of a part; a target with `://` lies outside."""
    inner = "".join(
        f'<Relationship Id="{key}" Type="{RELATIONS}/{kind}" Target="{target}"'
        f"{' TargetMode=' + chr(34) + 'External' + chr(34) if '://' in target else ''}/>"
        for key, (kind, target) in found.items()
    )
    return f'<Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def _root(member: str) -> dict[str, bytes | str]:
    return {"[Content_Types].xml": "<Types/>", "_rels/.rels": links({"r": ("officeDocument", member)})}


def word(body: str, parts: Mapping[str, bytes | str] | None = None, found: Links | None = None) -> bytes:
    """A DOCX with this body; `parts` are members below `word/`, `found` the relations of the document."""
    names = (
        f'xmlns:w="{WORD}" xmlns:r="{RELATIONS}" xmlns:a="{DRAWING}"'
        ' xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
        ' xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"'
        ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    )
    members: dict[str, bytes | str] = {
        **_root("word/document.xml"),
        "word/document.xml": f"<w:document {names}><w:body>{body}</w:body></w:document>",
        "word/_rels/document.xml.rels": links(found or {}),
    }
    for name, content in (parts or {}).items():
        shown = content.replace("NAMES", names) if isinstance(content, str) else content
        members[f"word/{name}"] = shown
    return archive(members)


def run(words: str, marks: str = "") -> str:
    """A run of a Word document."""
    return f'<w:r><w:rPr>{marks}</w:rPr><w:t xml:space="preserve">{words}</w:t></w:r>'


def para(inner: str, marks: str = "") -> str:
    """A paragraph of a Word document; plain words become a run."""
    return f"<w:p><w:pPr>{marks}</w:pPr>{inner if inner.startswith('<') else run(inner)}</w:p>"


def book(
    sheets: Mapping[str, str],
    *,
    states: Mapping[str, str] | None = None,
    formats: Mapping[int, str] | None = None,
    strings: str = "",
    parts: Mapping[str, str] | None = None,
) -> bytes:
    """An XLSX; a sheet is the XML between `<worksheet>` tags, cell style n + 1 the n-th of `formats`."""
    found = {"s": ("styles", "styles.xml"), "t": ("sharedStrings", "sharedStrings.xml")}
    listed, members = "", _root("xl/workbook.xml")
    for number, (name, content) in enumerate(sheets.items(), 1):
        found[f"r{number}"] = ("worksheet", f"worksheets/sheet{number}.xml")
        state = (states or {}).get(name, "visible")
        listed += f'<sheet name="{name}" sheetId="{number}" state="{state}" r:id="r{number}"/>'
        members[f"xl/worksheets/sheet{number}.xml"] = f'<worksheet xmlns="{SHEET}">{content}</worksheet>'
    own = "".join(f'<numFmt numFmtId="{key}" formatCode="{code}"/>' for key, code in (formats or {}).items())
    used = "".join(f'<xf numFmtId="{key}"/>' for key in (0, *(formats or {})))
    members |= {
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}"><sheets>{listed}</sheets>'
        "</workbook>",
        "xl/_rels/workbook.xml.rels": links(found),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><numFmts>{own}</numFmts><cellXfs>{used}</cellXfs>'
        "</styleSheet>",
        "xl/sharedStrings.xml": f'<sst xmlns="{SHEET}">{strings}</sst>',
    }
    return archive(members | {f"xl/{name}": content for name, content in (parts or {}).items()})


def show(
    slides: Mapping[str, str], parts: Mapping[str, str] | None = None, found: Links | None = None
) -> bytes:
    """A PPTX of 1000 x 500 EMU; each slide is the XML of its shapes, `found` the relations of every slide."""
    names = f'xmlns:p="{SLIDE}" xmlns:a="{DRAWING}" xmlns:r="{RELATIONS}"'
    names += ' xmlns:c="http://schemas.openxmlformats.org/drawingml/2006/chart"'
    members, ids = _root("ppt/presentation.xml"), ""
    listed = {}
    for number, (name, shapes) in enumerate(slides.items(), 1):
        members[f"ppt/slides/{name}.xml"] = (
            f"<p:sld {names}><p:cSld><p:spTree>{shapes}</p:spTree></p:cSld></p:sld>"
        )
        members[f"ppt/slides/_rels/{name}.xml.rels"] = links(found or {})
        listed[f"r{number}"] = ("slide", f"slides/{name}.xml")
        ids += f'<p:sldId id="{255 + number}" r:id="r{number}"/>'
    members |= {
        "ppt/presentation.xml": f"<p:presentation {names}><p:sldIdLst>{ids}</p:sldIdLst>"
        '<p:sldSz cx="1000" cy="500"/></p:presentation>',
        "ppt/_rels/presentation.xml.rels": links(listed),
    }
    return archive(members | {f"ppt/{k}": v.replace("NAMES", names) for k, v in (parts or {}).items()})


def shape(words: str, box: tuple[int, int, int, int] | None = None, kind: str = "", name: str = "") -> str:
    """A shape with lines of words; `kind` is that of its placeholder."""
    frame = ""
    if box:
        frame = f'<a:xfrm><a:off x="{box[0]}" y="{box[1]}"/><a:ext cx="{box[2]}" cy="{box[3]}"/></a:xfrm>'
    mark = f'<p:ph type="{kind}"/>' if kind else ""
    lines = "".join(f"<a:p><a:r><a:t>{line}</a:t></a:r></a:p>" for line in words.split("\n"))
    return (
        f'<p:sp><p:nvSpPr><p:cNvPr id="2" name="x"{name}/><p:cNvSpPr/><p:nvPr>{mark}</p:nvPr></p:nvSpPr>'
        f"<p:spPr>{frame}</p:spPr><p:txBody><a:bodyPr/>{lines}</p:txBody></p:sp>"
    )


def ole(streams: Mapping[str, bytes | Mapping[str, bytes]]) -> bytes:
    """An OLE file with these streams, and storages of streams. Source: [MS-CFB] 2.2-2.6."""
    entries: list[tuple[str, int, bytes, list[int]]] = [("Root Entry", 5, b"", [])]

    def add(parent: int, name: str, content: bytes | Mapping[str, bytes]) -> None:
        entries[parent][3].append(len(entries))
        if isinstance(content, bytes):
            entries.append((name, 2, content, []))
            return
        entries.append((name, 1, b"", []))
        here = len(entries) - 1
        for inner, data in content.items():
            add(here, inner, data)

    for name, content in streams.items():
        add(0, name, content)
    sectors: list[bytes] = []
    table: list[int] = []

    def store(data: bytes) -> int:
        if not data:
            return 0xFFFFFFFE
        first = len(sectors)
        count = (len(data) + 511) // 512
        for at in range(count):
            sectors.append(data[512 * at : 512 * at + 512].ljust(512, b"\x00"))
            table.append(first + at + 1 if at + 1 < count else 0xFFFFFFFE)
        return first

    places = [store(data) for _, _, data, _ in entries]
    siblings = [0xFFFFFFFF] * len(entries)
    for _, _, _, children in entries:
        for one, following in pairwise(children):
            siblings[one] = following
    directory = b""
    for at, (name, kind, data, children) in enumerate(entries):
        encoded = name.encode("utf-16-le") + b"\x00\x00"
        entry = encoded.ljust(64, b"\x00") + struct.pack("<HBB", len(encoded), kind, 1)
        entry += struct.pack("<III", 0xFFFFFFFF, siblings[at], children[0] if children else 0xFFFFFFFF)
        directory += entry.ljust(116, b"\x00") + struct.pack("<IQ", places[at], len(data))
    start = store(directory)
    needed = (len(table) + 1 + 127) // 128
    while (len(table) + needed + 127) // 128 > needed:
        needed += 1
    fat = list(range(len(table), len(table) + needed))
    table += [0xFFFFFFFD] * needed
    packed = struct.pack(f"<{len(table)}I", *table).ljust(512 * needed, b"\xff")
    head = bytearray(512)
    head[0:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<HHHHH", head, 24, 0x3E, 3, 0xFFFE, 9, 6)
    struct.pack_into("<III", head, 44, needed, start, 0)
    struct.pack_into("<IIIII", head, 56, 0, 0xFFFFFFFE, 0, 0xFFFFFFFE, 0)  # cut-off 0: no small streams
    struct.pack_into("<109I", head, 76, *fat, *([0xFFFFFFFF] * (109 - len(fat))))
    return bytes(head) + b"".join(sectors) + packed


def outlook(
    words: Mapping[int, str], attachments: Mapping[str, bytes] | None = None, *, filetime: int = 0
) -> bytes:
    """A message of Outlook with these properties of text and these attachments."""
    fixed = b"\x00" * 32 + (struct.pack("<HHIQ", 0x40, 0x39, 6, filetime) if filetime else b"")
    streams: dict[str, bytes | Mapping[str, bytes]] = {"__properties_version1.0": fixed}
    for key, value in words.items():
        streams[f"__substg1.0_{key:04X}001F"] = value.encode("utf-16-le")
    for number, (name, data) in enumerate((attachments or {}).items()):
        streams[f"__attach_version1.0_#{number:08X}"] = {
            "__substg1.0_3707001F": name.encode("utf-16-le"),
            "__substg1.0_37010102": data,
        }
    return ole(streams)


def row_of_word_table(*cells: str) -> str:
    """A table of one row in a Word document."""
    inner = "".join(f"<w:tc>{para(cell)}</w:tc>" for cell in cells)
    return f"<w:tbl><w:tr>{inner}</w:tr></w:tbl>"
