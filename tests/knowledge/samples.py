"""Tiny files of every kind, made by hand: the tests carry no document of anybody."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Mapping

WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
SHEET = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SLIDE = "http://schemas.openxmlformats.org/presentationml/2006/main"
DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"
RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
OFFICE = "application/vnd.openxmlformats-officedocument"


def archive(members: Mapping[str, bytes | str]) -> bytes:
    """A zip of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)
    return out.getvalue()


def _types(parts: dict[str, str]) -> str:
    overrides = "".join(
        f'<Override PartName="/{name}" ContentType="{kind}"/>' for name, kind in parts.items()
    )
    return (
        f'<?xml version="1.0"?><Types xmlns="{PACKAGE}/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="xml" ContentType="application/xml"/>{overrides}</Types>'
    )


def _links(links: dict[str, tuple[str, str]]) -> str:
    inner = "".join(
        f'<Relationship Id="{key}" Type="{RELATIONS}/{kind}" Target="{target}"/>'
        for key, (kind, target) in links.items()
    )
    return f'<?xml version="1.0"?><Relationships xmlns="{PACKAGE}/relationships">{inner}</Relationships>'


def docx(*paragraphs: str, header: str = "") -> bytes:
    """A Word document; a paragraph that begins with `# ` is a heading."""
    body = ""
    for words in paragraphs:
        style = '<w:pPr><w:pStyle w:val="Heading1"/></w:pPr>' if words.startswith("# ") else ""
        body += f"<w:p>{style}<w:r><w:t>{words.removeprefix('# ')}</w:t></w:r></w:p>"
    members: dict[str, bytes | str] = {
        "[Content_Types].xml": _types({"word/document.xml": f"{OFFICE}.wordprocessingml.document.main+xml"}),
        "_rels/.rels": _links({"r1": ("officeDocument", "word/document.xml")}),
        "word/document.xml": f'<?xml version="1.0"?><w:document xmlns:w="{WORD}"><w:body>{body}</w:body>'
        "</w:document>",
    }
    if header:
        members["word/header1.xml"] = (
            f'<w:hdr xmlns:w="{WORD}"><w:p><w:r><w:t>{header}</w:t></w:r></w:p></w:hdr>'
        )
    return archive(members)


def xlsx(
    sheets: dict[str, list[list[str | float]]], *, dates: bool = False, number_format: int = 14
) -> bytes:
    """A workbook of named sheets; with `dates` every number is a date, or what `number_format` says."""
    members: dict[str, bytes | str] = {}
    kinds = {"xl/workbook.xml": f"{OFFICE}.spreadsheetml.sheet.main+xml"}
    links, listed = {"s": ("styles", "styles.xml")}, ""
    for number, (name, rows) in enumerate(sheets.items(), 1):
        cells = ""
        for row in rows:
            cells += "<row>"
            for value in row:
                if isinstance(value, str):
                    cells += f'<c t="inlineStr"><is><t>{value}</t></is></c>'
                else:
                    cells += f'<c s="{1 if dates else 0}"><v>{value}</v></c>'
            cells += "</row>"
        members[f"xl/worksheets/sheet{number}.xml"] = (
            f'<worksheet xmlns="{SHEET}"><sheetData>{cells}</sheetData></worksheet>'
        )
        kinds[f"xl/worksheets/sheet{number}.xml"] = f"{OFFICE}.spreadsheetml.worksheet+xml"
        links[f"r{number}"] = ("worksheet", f"worksheets/sheet{number}.xml")
        listed += f'<sheet name="{name}" sheetId="{number}" r:id="r{number}"/>'
    formats = f'<xf numFmtId="0"/><xf numFmtId="{number_format}" applyNumberFormat="1"/>'
    members |= {
        "[Content_Types].xml": _types(kinds),
        "_rels/.rels": _links({"r1": ("officeDocument", "xl/workbook.xml")}),
        "xl/workbook.xml": f'<workbook xmlns="{SHEET}" xmlns:r="{RELATIONS}">'
        f"<sheets>{listed}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": _links(links),
        "xl/styles.xml": f'<styleSheet xmlns="{SHEET}"><cellXfs count="2">{formats}</cellXfs></styleSheet>',
    }
    return archive(members)


def open_document(kind: str, content: str) -> bytes:
    """An OpenDocument file (`text`, `spreadsheet`, `presentation`) with this XML in its body."""
    names = "".join(
        f' xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"'
        for name in ("office", "text", "table", "presentation")
    )
    drawing = 'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0"'
    return archive(
        {
            "mimetype": f"application/vnd.oasis.opendocument.{kind}",
            "META-INF/manifest.xml": '<m xmlns="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
            "content.xml": f"<office:document-content{names} {drawing}><office:body><office:{kind}>{content}"
            f"</office:{kind}></office:body></office:document-content>",
        }
    )


def pptx(*slides: tuple[str, str]) -> bytes:
    """Slides of (words, notes); "" for no notes."""
    members: dict[str, bytes | str] = {}
    kinds = {"ppt/presentation.xml": f"{OFFICE}.presentationml.presentation.main+xml"}
    links, listed = {}, ""
    for number, (words, notes) in enumerate(slides, 1):
        members[f"ppt/slides/slide{number}.xml"] = _slide("sld", words)
        kinds[f"ppt/slides/slide{number}.xml"] = f"{OFFICE}.presentationml.slide+xml"
        links[f"r{number}"] = ("slide", f"slides/slide{number}.xml")
        listed += f'<p:sldId id="{255 + number}" r:id="r{number}"/>'
        if notes:
            members[f"ppt/notesSlides/notesSlide{number}.xml"] = _slide("notes", notes, kind="body")
            members[f"ppt/slides/_rels/slide{number}.xml.rels"] = _links(
                {"n": ("notesSlide", f"../notesSlides/notesSlide{number}.xml")}
            )
    members |= {
        "[Content_Types].xml": _types(kinds),
        "_rels/.rels": _links({"r1": ("officeDocument", "ppt/presentation.xml")}),
        "ppt/presentation.xml": f'<p:presentation xmlns:p="{SLIDE}" xmlns:r="{RELATIONS}">'
        f"<p:sldIdLst>{listed}</p:sldIdLst></p:presentation>",
        "ppt/_rels/presentation.xml.rels": _links(links),
    }
    return archive(members)


def _slide(root: str, words: str, kind: str = "title") -> str:
    return (
        f'<p:{root} xmlns:p="{SLIDE}" xmlns:a="{DRAWING}"><p:cSld><p:spTree><p:sp><p:nvSpPr>'
        f'<p:cNvPr id="2" name="x"/><p:cNvSpPr/><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr><p:spPr/>'
        f"<p:txBody><a:bodyPr/><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:txBody></p:sp></p:spTree></p:cSld>"
        f"</p:{root}>"
    )


def pdf(*pages: str, encrypt: bool = False, field: str = "") -> bytes:
    """A PDF with these pages; each line of a page is 12 points high. ASCII only.

    `field` is what somebody filled into a form field of every page.
    """
    parts: list[bytes] = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    kids = []
    for page in pages:
        shown = "".join(
            f"BT /F {24 if line.startswith('# ') else 12} Tf 60 {760 - 16 * at} Td"
            f" ({line.removeprefix('# ')}) Tj ET\n"
            for at, line in enumerate(page.split("\n"))
        ).encode()
        parts.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(shown), shown))
        contents, notes = len(parts), b""
        if field:
            words = f"BT /F 12 Tf 2 5 Td ({field}) Tj ET".encode()
            look = b"/Type /XObject /Subtype /Form /BBox [0 0 300 20] /Resources << /Font << /F 3 0 R >> >>"
            parts.append(b"<< %s /Length %d >>\nstream\n%s\nendstream" % (look, len(words), words))
            notes = b" /Annots [<< /Type /Annot /Subtype /Widget /FT /Tx /T (name) /F 4"
            notes += b" /Rect [60 400 360 420] /AP << /N %d 0 R >> >>]" % len(parts)
        parts.append(
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
            b" /Resources << /Font << /F 3 0 R >> >> /Contents %d 0 R%s >>" % (contents, notes)
        )
        kids.append(b"%d 0 R" % len(parts))
    parts[1] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (b" ".join(kids), len(kids))
    extra = b""
    if encrypt:
        noise = b"<" + b"5a" * 32 + b">"
        parts.append(b"<< /Filter /Standard /V 1 /R 2 /P -4 /O %s /U %s >>" % (noise, noise))
        extra = b" /Encrypt %d 0 R /ID [<00><00>]" % len(parts)
    out, offsets = bytearray(b"%PDF-1.4\n"), []
    for number, part in enumerate(parts, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(parts) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer << /Size %d /Root 1 0 R%s >>\nstartxref\n%d\n%%%%EOF\n" % (len(parts) + 1, extra, start)
    return bytes(out)


def png(width: int, height: int, *, claimed: tuple[int, int] | None = None) -> bytes:
    """A white picture; `claimed` is the size that its header states instead."""

    def part(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    stated = claimed or (width, height)
    rows = (b"\x00" + b"\xff" * width) * height
    header = struct.pack(">IIBBBBB", *stated, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + part(b"IHDR", header) + part(b"IDAT", zlib.compress(rows)) + part(b"IEND", b"")
    )


def ole(*streams: str) -> bytes:
    """An OLE file with these names in its directory and nothing in them. Source: [MS-CFB] 2.2-2.6."""
    head = bytearray(512)
    head[0:8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    struct.pack_into("<H", head, 30, 9)
    struct.pack_into("<I", head, 48, 1)
    struct.pack_into("<109I", head, 76, 0, *([0xFFFFFFFF] * 108))
    fat = struct.pack("<128I", 0xFFFFFFFD, 0xFFFFFFFE, *([0xFFFFFFFF] * 126))
    directory = b""
    for name in ("Root Entry", *streams):
        entry = bytearray(128)
        encoded = name.encode("utf-16-le") + b"\x00\x00"
        entry[: len(encoded)] = encoded
        struct.pack_into("<H", entry, 64, len(encoded))
        directory += bytes(entry)
    return bytes(head) + fat + directory.ljust(512, b"\x00")


def mail(subject: str, words: str, *, encrypted: bool = False) -> bytes:
    """A short message in Russian or English, as mail programs write it."""
    import email.message

    message = email.message.EmailMessage()
    message["Subject"], message["From"], message["To"] = (
        subject,
        "Anna <anna@example.org>",
        "ivan@example.org",
    )
    message["Date"] = "Fri, 16 Dec 2022 17:04:16 -0500"
    if encrypted:
        message["Content-Type"] = 'multipart/encrypted; boundary="b"'
        message.set_payload(f"--b\r\n\r\n{words}\r\n--b--\r\n")
    else:
        message.set_content(words)
    return bytes(message)
