"""Broken files of every kind: a text or a reason, never a crash without a name, never a hang."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse.inner import PARSER_ERRORS
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused
from inhouse.knowledge.edge.parse.read import read
from inhouse.knowledge.layout import MailLayout, SheetLayout, SlideLayout, read_layout
from tests.knowledge import samples
from tests.knowledge.office_samples import book, outlook, para, row_of_word_table, shape, show, word
from tests.knowledge.test_old_workbook import record, xls

ROUNDS = 40
"""Mutations of each file; one takes some milliseconds."""


def _letter() -> bytes:
    return samples.mail("Subject", "words " * 20) + b"\r\n" + b"=?utf-8?q?x?=\r\n"


FILES: dict[str, bytes] = {
    "a.docx": word(para("words") + row_of_word_table("a", "b") + para("more words")),
    "a.xlsx": book({"S": '<sheetData><row r="1"><c r="A1"><v>5</v></c></row></sheetData>'}),
    "a.pptx": show({"s": shape("words", (1, 2, 3, 4)) + shape("title", None, "title")}),
    "a.odt": samples.open_document("text", "<text:h>h</text:h><text:p>words<text:s/>more</text:p>"),
    "a.ods": samples.open_document(
        "spreadsheet",
        '<table:table table:name="A"><table:table-row><table:table-cell office:value-type="float"'
        ' office:value="1.5"><text:p>1,5</text:p></table:table-cell></table:table-row></table:table>',
    ),
    "a.odp": samples.open_document("presentation", "<draw:page><text:p>words</text:p></draw:page>"),
    "a.epub": samples.archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfile full-path="b.opf"/></container>',
            "b.opf": '<package><item id="c" href="c.xhtml"/><itemref idref="c"/></package>',
            "c.xhtml": "<h1>One</h1><p>words</p>",
        }
    ),
    "a.msg": outlook({0x37: "Subject", 0x1000: "words"}, {"a.txt": b"attached"}),
    "a.eml": _letter(),
    "a.html": b"<table><tr><td rowspan=2>a<td>b<tr><td>c</table><p>words",
    "a.csv": b'a;b\n"1;2";3\n' * 5,
    "a.xls": xls(record(0x203, b"\x00" * 14) + record(0xFD, b"\x01" + b"\x00" * 9)),
    "a.rtf": rb"{\rtf1\ansi words \'e4\par \u1090?}",
}


def _bytes_changed(data: bytes, dice: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(changed))
        match dice.randrange(4):
            case 0:
                changed[at] = dice.randrange(256)
            case 1:
                del changed[at : at + dice.randint(1, 40)]
            case 2:
                changed[at:at] = changed[at : at + dice.randint(1, 200)]
            case _:
                changed[at : at + 4] = dice.choice((b"\xff" * 4, b"\x00" * 4, b"<<>>", b'"&#x'))
        if not changed:
            return b"x"
    return bytes(changed)


def _members_changed(data: bytes, dice: random.Random) -> bytes:
    """The same archive with other words in its XML: what a checksum would otherwise hide."""
    out = BytesIO()
    with zipfile.ZipFile(BytesIO(data)) as archive, zipfile.ZipFile(out, "w") as made:
        names = archive.namelist()
        target = dice.choice(names)
        for name in names:
            content = archive.read(name)
            if name == target and content:
                content = _xml_changed(content, dice)
            if name != target or dice.random() > 0.1:
                made.writestr(name, content)
    return out.getvalue()


def _xml_changed(content: bytes, dice: random.Random) -> bytes:
    pieces = content.replace(b"><", b">\n<").split(b"\n")
    match dice.randrange(4):
        case 0:
            dice.shuffle(pieces)
        case 1:
            pieces.insert(dice.randrange(len(pieces)), dice.choice(pieces) * 200)
        case 2:
            digits = dice.choice((b"-1", b"99999999999", b"1e999", b"", "٣".encode(), b"NaN"))
            return b"".join(pieces).replace(b"1", digits)
        case _:
            return _bytes_changed(content, dice)
    return b"".join(pieces)


def check(path: Path, name: str, data: bytes) -> None:
    """A text whose layout lies within it, or a reason, or an error that the child process names."""
    path.write_bytes(data)
    try:
        result = read(path, name, text_chars=1_000_000, means=Means())
    except PARSER_ERRORS:
        return
    assert isinstance(result, Parsed | Refused)
    if isinstance(result, Refused):
        assert result.message
        return
    size = len(result.text)
    assert all(0 <= page.start <= page.end <= size for page in result.pages)
    match read_layout(result.layout):
        case SheetLayout(sheets=sheets):
            spans = [(c.start, c.end) for one in sheets for row in one.rows for c in row.cells]
        case SlideLayout(slides=slides):
            spans = [(one.start, one.end) for slide in slides for one in slide.shapes]
        case MailLayout() as mail:
            spans = [(one.start, one.end) for one in mail.fields]
            spans += [(one.start, one.end) for one in mail.parts]
            spans.append((mail.body_start, mail.body_end))
        case None:
            spans = []
    assert all(0 <= start <= end <= size for start, end in spans)


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_broken_files_have_a_text_or_a_reason(tmp_path: Path, name: str) -> None:
    """Bytes and parts of archives changed at random, the same ones in every run."""
    dice = random.Random(name)
    changes: list[Callable[[bytes, random.Random], bytes]] = [_bytes_changed]
    if FILES[name].startswith(b"PK"):
        changes.append(_members_changed)
    for _ in range(ROUNDS):
        check(tmp_path / "f", name, dice.choice(changes)(FILES[name], dice))


@pytest.mark.parametrize("name", FILES)
def test_the_whole_files_are_read(tmp_path: Path, name: str) -> None:
    """The control: unbroken, each of them gives a text."""
    path = tmp_path / "f"
    path.write_bytes(FILES[name])
    result = read(path, name, text_chars=1_000_000, means=Means())
    assert isinstance(result, Parsed), result
    assert result.text.strip()
