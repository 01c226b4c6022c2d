"""Texts in OpenDocument and books: what is read, and what is left out."""

from __future__ import annotations

from pathlib import Path

from inhouse.knowledge.edge.parse.parsed import Refused
from tests.knowledge import samples
from tests.knowledge.test_read import reading, text_of


def open_text(folder: Path, body: str, styles: str = "") -> str:
    """The text of an ODT with this body and these automatic styles."""
    data = samples.open_document("text", body)
    if styles:
        import io
        import zipfile

        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members: dict[str, bytes | str] = {name: archive.read(name) for name in archive.namelist()}
        content = members["content.xml"]
        assert isinstance(content, bytes)
        names = ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
        automatic = f"<office:automatic-styles{names}>{styles}</office:automatic-styles><office:body>"
        members["content.xml"] = content.decode().replace("<office:body>", automatic)
        data = samples.archive(members)
    return text_of(folder, "t.odt", data).text


def test_lists_headings_and_notes(tmp_path: Path) -> None:
    """Numbered where the style counts; notes and comments behind their paragraph."""
    numbered = (
        '<text:list-style style:name="N"><text:list-level-style-number text:level="1" style:num-format="1"/>'
    )
    numbered += "</text:list-style>"
    items = "<text:list-item><text:p>{}</text:p></text:list-item>"
    note = "<text:note text:note-class='footnote'><text:note-citation>1</text:note-citation><text:note-body>"
    note += "<text:p>of the calendar</text:p></text:note-body></text:note>"
    remark = '<office:annotation><dc:creator xmlns:dc="d">Anna</dc:creator><text:p>sure?</text:p>'
    remark += "</office:annotation>"
    body = (
        '<text:h text:outline-level="2">Leave</text:h>'
        f'<text:list text:style-name="N">{items.format("one")}{items.format("two")}</text:list>'
        f"<text:list>{items.format('dot')}</text:list><text:p>28 days{note}{remark}</text:p>"
    )
    assert open_text(tmp_path, body, numbered) == (
        "## Leave\n\n1. one\n2. two\n\n- dot\n\n28 days\n\n[Footnote: of the calendar]\n\n"
        "[Comment by Anna: sure?]\n"
    )


def test_hidden_and_deleted_words(tmp_path: Path) -> None:
    """Hidden sections and styles, deleted words and the table of contents are no evidence."""
    sly = '<style:style style:name="Sly"><style:text-properties text:display="none"/></style:style>'
    body = (
        "<text:tracked-changes><text:p>secret</text:p></text:tracked-changes>"
        '<text:section text:display="none"><text:p>secret</text:p></text:section>'
        "<text:table-of-content><text:p>secret</text:p></text:table-of-content>"
        '<text:p>seen<text:span text:style-name="Sly">secret</text:span>'
        "<text:hidden-text>secret</text:hidden-text></text:p>"
        '<text:section text:display="true"><text:p>also</text:p></text:section>'
    )
    assert open_text(tmp_path, body, sly) == "seen\n\nalso\n"


def test_tables_with_joined_cells(tmp_path: Path) -> None:
    """The label of several rows stands in each."""
    cell = "<table:table-cell{}><text:p>{}</text:p></table:table-cell>"
    body = (
        "<table:table><table:table-header-rows><table:table-row>"
        + cell.format("", "Town")
        + cell.format("", "Sum")
        + "</table:table-row></table:table-header-rows><table:table-row>"
        + cell.format(' table:number-rows-spanned="2"', "Omsk")
        + cell.format("", "1")
        + "</table:table-row><table:table-row><table:covered-table-cell/>"
        + cell.format("", "2")
        + "</table:table-row></table:table>"
    )
    assert open_text(tmp_path, body) == "| Town | Sum |\n| --- | --- |\n| Omsk | 1 |\n| Omsk | 2 |\n"


def epub(extra: dict[str, str] | None = None) -> bytes:
    """A book whose second chapter stands first in the archive."""
    package = (
        '<package xmlns:dc="d"><metadata><dc:title>The book</dc:title></metadata><manifest>'
        '<item id="cov" href="cover.xhtml"/><item id="nav" href="n.xhtml" properties="nav"/>'
        '<item id="two" href="text/2%20b.xhtml"/><item id="one" href="text/1.xhtml"/>'
        '<item id="ad" href="ad.xhtml"/>'
        '</manifest><spine><itemref idref="cov"/><itemref idref="nav"/><itemref idref="one"/>'
        '<itemref idref="two"/><itemref idref="ad" linear="no"/></spine></package>'
    )
    pages = {
        "cover": "Cover",
        "n": "Contents",
        "ad": "Our other books",
        "text/2 b": "Second",
        "text/1": "First",
    }
    members = {
        f"OPS/{name}.xhtml": f"<html><body><h1>{words}</h1></body></html>" for name, words in pages.items()
    }
    container = '<container><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>'
    return samples.archive(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": container,
            "OPS/b.opf": package,
            **members,
            **(extra or {}),
        }
    )


def test_books_in_the_order_of_reading(tmp_path: Path) -> None:
    """Chapters are pages; cover, contents and what is outside the order are left out."""
    parsed = text_of(tmp_path, "b.epub", epub())
    assert (parsed.text, parsed.title) == ("# First\n\n# Second\n", "The book")
    assert [page.page for page in parsed.pages] == [1, 2]


def test_locked_books(tmp_path: Path) -> None:
    """Encrypted chapters are said to be so; hidden fonts lock nothing (the control)."""
    lock = '<encryption><EncryptedData><EncryptionMethod Algorithm="{}"/></EncryptedData></encryption>'
    locked = reading(
        tmp_path,
        "b.epub",
        epub({"META-INF/encryption.xml": lock.format("http://www.w3.org/2001/04/xmlenc#aes128-cbc")}),
    )
    assert isinstance(locked, Refused)
    assert locked.code == "encrypted"
    fonts = epub({"META-INF/encryption.xml": lock.format("http://www.idpf.org/2008/embedding")})
    assert text_of(tmp_path, "b.epub", fonts).text.startswith("# First")
