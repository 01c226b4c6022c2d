"""What a file is, by its content."""

from __future__ import annotations

from pathlib import Path

import pytest

from inhouse.knowledge.edge.parse.sniff import sniff
from tests.knowledge import samples

CASES = [
    ("a.txt", b"plain words\n", "text"),
    ("a.md", b"# Heading\n", "markdown"),
    ("a.csv", b"a;b\n1;2\n", "csv"),
    ("page", b"<!DOCTYPE html><html><body>x</body></html>", "html"),
    ("fragment.html", b"<p>words</p>", "html"),
    ("not-a-page.txt", b"we write <p> for a paragraph", "text"),
    ("letter.eml", samples.mail("Hello", "words"), "eml"),
    ("letter-without-ending", samples.mail("Hello", "words"), "eml"),
    ("report.docx", samples.docx("words"), "docx"),
    ("report.pdf", samples.docx("words"), "docx"),
    ("prices.xlsx", samples.xlsx({"S": [["a"]]}), "xlsx"),
    ("talk.pptx", samples.pptx(("a", "")), "pptx"),
    ("scan.txt", samples.png(4, 4), "png"),
    ("paper.doc", samples.pdf("words"), "pdf"),
    ("old.doc", samples.ole("WordDocument", "1Table"), "doc"),
    ("old.xls", samples.ole("Workbook"), "xls"),
    ("old.ppt", samples.ole("PowerPoint Document"), "ppt"),
    ("letter.msg", samples.ole("__properties_version1.0"), "msg"),
    ("locked.docx", samples.ole("EncryptionInfo", "EncryptedPackage"), "encrypted_office"),
    ("locked.bin", samples.ole("Something"), "foreign"),
    ("text.odt", samples.archive({"mimetype": "application/vnd.oasis.opendocument.text"}), "odt"),
    ("table.ods", samples.archive({"mimetype": "application/vnd.oasis.opendocument.spreadsheet"}), "ods"),
    ("book.epub", samples.archive({"mimetype": "application/epub+zip"}), "epub"),
    ("things.zip", samples.archive({"a.txt": "x"}), "archive"),
    ("cut.docx", samples.docx("words")[:200], "damaged_zip"),
    ("note.rtf", rb"{\rtf1 words}", "rtf"),
    ("program.txt", b"\x7fELF\x02\x01\x01" + b"\x00" * 64, "foreign"),
    ("noise.txt", bytes(range(256)) * 8, "binary"),
    ("things.tar", b"a.txt".ljust(257, b"\x00") + b"ustar\x0000".ljust(255, b"\x00"), "foreign"),
    ("photo.heic", b"\x00\x00\x00\x1cftypheic\x00\x00\x00\x00" + bytes(range(256)), "foreign"),
    ("page.ps", b"%!PS-Adobe-3.0\n(Hello) show\n", "foreign"),
    ("nothing.md", b"", "empty"),
]


@pytest.mark.parametrize(("name", "content", "expected"), CASES, ids=[case[0] for case in CASES])
def test_content_decides(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """Content is believed, the name only tells plain texts apart."""
    path = tmp_path / "content"
    path.write_bytes(content)
    assert sniff(path, name).format == expected


def test_a_ring_in_an_old_office_file_ends(tmp_path: Path) -> None:
    """A directory chain that leads to itself is read a bounded number of times."""
    data = bytearray(samples.ole("WordDocument"))
    data[512 + 4 : 512 + 8] = (1).to_bytes(4, "little")
    path = tmp_path / "content"
    path.write_bytes(bytes(data))
    assert sniff(path, "ring.doc").format == "doc"
