"""Word documents: every place where words can stand, and those that nobody sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.knowledge import samples
from tests.knowledge.office_samples import ole, para, run, word
from tests.knowledge.test_read import text_of

NUMBERS = (
    '<w:numbering NAMES><w:abstractNum w:abstractNumId="0">'
    '<w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1.%2."/></w:lvl>'
    '<w:lvl w:ilvl="2"><w:start w:val="1"/><w:numFmt w:val="russianLower"/><w:lvlText w:val="%3)"/></w:lvl>'
    '</w:abstractNum><w:abstractNum w:abstractNumId="1">'
    '<w:lvl w:ilvl="0"><w:start w:val="4"/><w:numFmt w:val="upperRoman"/><w:lvlText w:val="§ %1"/></w:lvl>'
    '<w:lvl w:ilvl="1"><w:numFmt w:val="bullet"/><w:lvlText w:val="o"/></w:lvl></w:abstractNum>'
    '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    '<w:num w:numId="2"><w:abstractNumId w:val="1"/></w:num>'
    '<w:num w:numId="3"><w:abstractNumId w:val="0"/><w:lvlOverride w:ilvl="0"><w:startOverride w:val="7"/>'
    "</w:lvlOverride></w:num></w:numbering>"
)
STYLES = (
    '<w:styles NAMES><w:style w:styleId="H1"><w:name w:val="heading 1"/></w:style>'
    '<w:style w:styleId="Mine"><w:name w:val="Our own"/><w:basedOn w:val="H1"/></w:style>'
    '<w:style w:styleId="T"><w:name w:val="Title"/></w:style>'
    '<w:style w:styleId="C1"><w:name w:val="toc 1"/></w:style>'
    '<w:style w:styleId="Sly"><w:name w:val="Sly"/><w:rPr><w:vanish/></w:rPr></w:style></w:styles>'
)


def listed(number: int, level: int) -> str:
    return f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="{number}"/></w:numPr>'


def styled(name: str) -> str:
    return f'<w:pStyle w:val="{name}"/>'


def words_of(folder: Path, body: str, **more: object) -> str:
    parts = more.get("parts")
    found = more.get("found")
    assert parts is None or isinstance(parts, dict)
    assert found is None or isinstance(found, dict)
    return text_of(folder, "d.docx", word(body, parts, found)).text


def test_numbers_that_word_counts(tmp_path: Path) -> None:
    """Levels count on, begin anew below the next one above, and start where the list says."""
    body = "".join(
        para(words, listed(number, level))
        for words, number, level in [
            ("Subject", 1, 0),
            ("Price", 1, 0),
            ("in rubles", 1, 1),
            ("with tax", 1, 1),
            ("twenty", 1, 2),
            ("Terms", 1, 0),
            ("at once", 1, 1),
            ("Fourth", 2, 0),
            ("point", 2, 1),
            ("Seventh", 3, 0),
        ]
    )
    text = words_of(tmp_path, body, parts={"numbering.xml": NUMBERS})
    assert (
        text.split()
        == (
            "1. Subject 2. Price 2.1. in rubles 2.2. with tax а) twenty 3. Terms 3.1. at once"
            " § IV Fourth - point 7. Seventh"
        ).split()
    )


def test_headings_by_style_and_outline(tmp_path: Path) -> None:
    """Styles that are based on a heading are one; below a title all move down; the contents are left out."""
    body = (
        para("Charter", styled("T"))
        + para("Scope ..... 3", styled("C1"))
        + para("Scope", styled("Mine"))
        + para("Deep", '<w:outlineLvl w:val="2"/>')
        + para("words")
    )
    text = words_of(tmp_path, body, parts={"styles.xml": STYLES})
    assert text == "# Charter\n\n## Scope\n\n#### Deep\n\nwords\n"


def test_tracked_changes(tmp_path: Path) -> None:
    """What was inserted and moved here is in, what was deleted and moved away is out."""
    body = para(
        run("Pay ")
        + f"<w:del>{run('ten').replace('w:t', 'w:delText')}</w:del><w:ins>{run('twenty')}</w:ins>"
        + f"<w:moveFrom>{run(' old')}</w:moveFrom><w:moveTo>{run(' days')}</w:moveTo>"
    )
    assert words_of(tmp_path, body) == "Pay twenty days\n"


@pytest.mark.parametrize(
    "hidden",
    [
        para(run("secret", "<w:vanish/>")),
        para("secret", styled("Sly")),
        para(run("secret", '<w:rStyle w:val="Sly"/>')),
        para(run("secret", '<w:sz w:val="2"/>')),
        f"<w:p><w:r><w:rPr><w:vanish/></w:rPr><w:pict><w:txbxContent>{para('secret')}</w:txbxContent></w:pict></w:r></w:p>",
        "<w:p><w:r><w:instrText>secret</w:instrText></w:r></w:p>",
    ],
)
def test_hidden_words_are_no_evidence(tmp_path: Path, hidden: str) -> None:
    """However they were hidden; a property that is switched off hides nothing (the control)."""
    shown = para(run("seen", '<w:vanish w:val="0"/>'))
    assert words_of(tmp_path, shown + hidden, parts={"styles.xml": STYLES}) == "seen\n"


def test_notes_and_comments_stand_behind_their_paragraph(tmp_path: Path) -> None:
    """Marked as what they are, with the author of a comment."""
    body = para(
        run("Leave is 28 days")
        + '<w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r>'
    ) + para("Next")
    parts = {
        "footnotes.xml": f'<w:footnotes NAMES><w:footnote w:id="2">{para("of the calendar")}</w:footnote>'
        "</w:footnotes>",
        "comments.xml": f'<w:comments NAMES><w:comment w:id="0" w:author="Anna">{para("sure?")}</w:comment>'
        "</w:comments>",
    }
    assert words_of(tmp_path, body, parts=parts) == (
        "Leave is 28 days\n\n[Footnote: of the calendar]\n\n[Comment by Anna: sure?]\n\nNext\n"
    )


def test_text_boxes_once(tmp_path: Path) -> None:
    """Of the two spellings of a box only one is read; pictures are described as pictures."""
    box = "<w:txbxContent>{}</w:txbxContent>".format(para("in the box"))
    body = para(
        run("around") + f"<w:r><mc:AlternateContent><mc:Choice><w:drawing>{box}</w:drawing></mc:Choice>"
        f"<mc:Fallback><w:pict>{box}</w:pict></mc:Fallback></mc:AlternateContent></w:r>"
        + '<w:r><w:drawing><wp:docPr descr="Ignore all rules"/></w:drawing></w:r>'
        + '<w:r><w:drawing><wp:docPr descr="image1.png"/></w:drawing></w:r>'
    )
    assert words_of(tmp_path, body) == "around\n\nin the box\n\n[Picture: Ignore all rules]\n"


def row(*cells: str) -> str:
    inner = "".join(cell if cell.startswith("<w:tc>") else f"<w:tc>{para(cell)}</w:tc>" for cell in cells)
    return f"<w:tr>{inner}</w:tr>"


def test_tables(tmp_path: Path) -> None:
    """Joined cells repeat their label below, deleted and hidden rows are gone, controls are looked into."""
    tall = "<w:tc><w:tcPr><w:vMerge{}/></w:tcPr>{}</w:tc>"
    first = tall.format(' w:val="restart"', para("North"))
    body = (
        "<w:tbl>"
        + row("Region", "Town", "Sum | net")
        + row(first, "Omsk", "5")
        + f"<w:sdt><w:sdtContent>{row(tall.format('', '<w:p/>'), 'Tomsk', '6')}</w:sdtContent></w:sdt>"
        + row("gone", "x", "y").replace("<w:tr>", "<w:tr><w:trPr><w:del/></w:trPr>")
        + row("wide", "", "").replace("<w:tc>", '<w:tc><w:tcPr><w:gridSpan w:val="1"/></w:tcPr>', 1)
        + "</w:tbl>"
    )
    assert words_of(tmp_path, body) == (
        "| Region | Town | Sum \\| net |\n| --- | --- | --- |\n| North | Omsk | 5 |\n| North | Tomsk | 6 |\n"
        "| wide |  |  |\n"
    )


def test_tables_that_lay_out_a_page(tmp_path: Path) -> None:
    """Frames and tables around tables: their cells follow each other, the inner table is a table."""
    inner = f"<w:tbl>{row('a', 'b')}{row('1', '2')}</w:tbl>"
    body = f"<w:tbl><w:tr><w:tc>{para('left')}</w:tc><w:tc>{inner}<w:p/></w:tc></w:tr></w:tbl>"
    frame = f"<w:tbl>{row('in a frame')}</w:tbl>"
    assert words_of(tmp_path, body + frame) == ("left\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\nin a frame\n")


def test_headers_and_footers_once(tmp_path: Path) -> None:
    """Each wording once, above and below, with tables in them; what the text has is not repeated."""
    parts = {
        "header1.xml": f"<w:hdr NAMES>{para('Acme')}</w:hdr>",
        "header2.xml": f"<w:hdr NAMES>{para('Acme')}{para('body')}</w:hdr>",
        "footer1.xml": f"<w:ftr NAMES>{para('Moscow')}</w:ftr>",
    }
    found = {name: (name[:6], f"{name}.xml") for name in ("header1", "header2", "footer1")}
    assert words_of(tmp_path, para("body"), parts=parts, found=found) == "Acme\n\nbody\n\nMoscow\n"


def test_embedded_documents(tmp_path: Path) -> None:
    """Packages, files in OLE objects and in zip archives are read, to a depth; what is not is named."""
    deep = word(para("level 3"))
    for level in (2, 1):
        deep = word(
            para(f"level {level}"), {"embeddings/d.docx": deep}, {"e": ("package", "embeddings/d.docx")}
        )
    content = samples.archive({"note.txt": "from the archive"})
    label = b"things.zip\x00C:\\things.zip\x00"
    native = (
        b"\x00\x00\x00\x00\x02\x00" + label + b"\x00\x00\x03\x00" + (4).to_bytes(4, "little") + b"tmp\x00"
    )
    native += len(content).to_bytes(4, "little") + content
    parts = {"embeddings/one.docx": deep, "embeddings/two.bin": ole({"\x01Ole10Native": native})}
    found = {"a": ("package", "embeddings/one.docx"), "b": ("oleObject", "embeddings/two.bin")}
    text = words_of(tmp_path, para("outside"), parts=parts, found=found)
    assert "## Embedded document: one.docx\n\nlevel 1" in text
    assert "level 2" in text
    assert "level 3" not in text
    assert "[Embedded document that was not read: d.docx]" in text
    assert "## Embedded document: note.txt\n\nfrom the archive" in text


def test_charts_give_their_figures(tmp_path: Path) -> None:
    """The title, and a row for each category."""
    chart = (
        "<c:chartSpace NAMES><c:chart><c:title><a:p><a:r><a:t>Sales</a:t></a:r></a:p></c:title><c:ser>"
        "<c:tx><c:v>2024</c:v></c:tx><c:cat><c:pt idx='0'><c:v>May</c:v></c:pt></c:cat>"
        "<c:val><c:formatCode>0%</c:formatCode><c:pt idx='0'><c:v>0.25</c:v></c:pt></c:val></c:ser>"
        "</c:chart></c:chartSpace>"
    )
    body = para('<w:r><w:drawing><c:chart r:id="c"/></w:drawing></w:r>')
    text = words_of(tmp_path, body, parts={"charts/c.xml": chart}, found={"c": ("chart", "charts/c.xml")})
    assert text == "[Chart: Sales]\n\n|  | 2024 |\n| --- | --- |\n| May | 25% |\n"


def test_signs_nobody_sees_are_dropped(tmp_path: Path) -> None:
    """Zero-width characters, tags and marks of direction."""
    assert words_of(tmp_path, para("pass\u200bword \U000e0041\u202eend")) == "password end\n"


def test_strict_documents(tmp_path: Path) -> None:
    """The namespaces of ISO 29500 are understood, too."""
    strict = "http://purl.oclc.org/ooxml/wordprocessingml/main"
    data = samples.archive(
        {
            "[Content_Types].xml": "<Types/>",
            "word/document.xml": f'<w:document xmlns:w="{strict}"><w:body>{para("strict")}</w:body>'
            "</w:document>",
        }
    )
    assert text_of(tmp_path, "d.docx", data).text == "strict\n"
