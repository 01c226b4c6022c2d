"""Presentations: words by slide, boxes of shapes, what stands beside them."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from inhouse.knowledge.edge.parse.parsed import Parsed
from inhouse.knowledge.layout import Shape, SlideLayout, read_layout
from tests.knowledge import samples
from tests.knowledge.office_samples import links, shape, show
from tests.knowledge.test_read import text_of


def shapes_of(parsed: Parsed) -> list[tuple[str, Shape]]:
    """Words and shape, of all slides; the words by the offsets."""
    layout = read_layout(parsed.layout)
    assert isinstance(layout, SlideLayout)
    return [(parsed.text[one.start : one.end], one) for slide in layout.slides for one in slide.shapes]


def test_shapes_have_their_boxes(tmp_path: Path) -> None:
    """In shares of the slide; inside a scaled group, too; the title comes first."""
    group = (
        '<p:grpSp><p:nvGrpSpPr><p:cNvPr id="9" name="g"/></p:nvGrpSpPr><p:grpSpPr><a:xfrm>'
        '<a:off x="500" y="0"/><a:ext cx="100" cy="100"/><a:chOff x="0" y="0"/><a:chExt cx="200" cy="200"/>'
        f"</a:xfrm></p:grpSpPr>{shape('inside', (100, 100, 100, 100))}</p:grpSp>"
    )
    data = show(
        {"s1": shape("words", (0, 250, 500, 250)) + group + shape("Plan", (0, 0, 1000, 100), "title")}
    )
    parsed = text_of(tmp_path, "s.pptx", data)
    assert parsed.text == "# Plan\n\nwords\n\ninside\n"
    found = [(words, one.role, one.left, one.top, one.width, one.height) for words, one in shapes_of(parsed)]
    assert found == [
        ("Plan", "title", 0, 0, 1, 0.2),
        ("words", "text", 0, 0.5, 0.5, 0.5),
        ("inside", "text", 0.55, 0.1, 0.05, 0.1),
    ]


def test_boxes_come_from_layout_and_master(tmp_path: Path) -> None:
    """A placeholder without a box has that of its layout, or of the master behind it."""
    parts = {
        "slideLayouts/l.xml": f"<p:sldLayout NAMES><p:cSld><p:spTree>{shape('', (10, 20, 30, 40), 'title')}"
        "</p:spTree></p:cSld></p:sldLayout>",
        "slideLayouts/_rels/l.xml.rels": links({"m": ("slideMaster", "../m.xml")}),
        "m.xml": f"<p:sldMaster NAMES><p:cSld><p:spTree>{shape('', (100, 50, 500, 250), 'body')}</p:spTree>"
        "</p:cSld></p:sldMaster>",
    }
    slide = shape("T", None, "title") + shape("one\ntwo", None, "body") + shape("3", None, "sldNum")
    data = show({"s1": slide}, parts, {"l": ("slideLayout", "../slideLayouts/l.xml")})
    parsed = text_of(tmp_path, "s.pptx", data)
    assert parsed.text == "# T\n\n- one\n- two\n"
    assert [(one.left, one.top) for _, one in shapes_of(parsed)] == [(0.01, 0.04), (0.1, 0.1)]


def test_order_notes_and_comments(tmp_path: Path) -> None:
    """Slides in the order of the show; notes and comments below theirs, as notes."""
    parts = {
        "notesSlides/n.xml": f"<p:notes NAMES><p:cSld><p:spTree>{shape('say this', None, 'body')}"
        f"{shape('7', None, 'sldNum')}</p:spTree></p:cSld></p:notes>",
        "comments/c.xml": "<p:cmLst NAMES><p:cm><p:text>really?</p:text></p:cm></p:cmLst>",
    }
    found = {"n": ("notesSlide", "../notesSlides/n.xml"), "c": ("comments", "../comments/c.xml")}
    parsed = text_of(tmp_path, "s.pptx", show({"z": shape("first"), "a": shape("second")}, parts, found))
    assert [parsed.text[page.start : page.end] for page in parsed.pages] == [
        f"{words}\n\nsay this\n\n[Comment: really?]" for words in ("first", "second")
    ]
    assert [one.role for _, one in shapes_of(parsed)] == ["text", "note", "note"] * 2


def test_tables_charts_and_smart_art(tmp_path: Path) -> None:
    """Tables repeat joined labels, charts give their figures, SmartArt its lines; pictures are described."""
    cell = "<a:tc{}><a:txBody><a:p><a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    frame = '<p:graphicFrame><p:nvGraphicFramePr><p:cNvPr id="4" name="t"/></p:nvGraphicFramePr>{}'
    frame += "</p:graphicFrame>"
    table = (
        f"<a:tbl><a:tr>{cell.format(' rowSpan=' + chr(34) + '2' + chr(34), 'A')}{cell.format('', 'B')}</a:tr>"
        f"<a:tr>{cell.format(' vMerge=' + chr(34) + '1' + chr(34), '')}{cell.format('', 'C')}</a:tr></a:tbl>"
    )
    art = '<x:relIds xmlns:x="http://schemas.openxmlformats.org/drawingml/2006/diagram" r:dm="d"/>'
    picture = '<p:pic><p:nvPicPr><p:cNvPr id="5" name="p" descr="A map"/></p:nvPicPr></p:pic>'
    parts = {
        "d.xml": '<d:dataModel NAMES xmlns:d="http://schemas.openxmlformats.org/drawingml/2006/diagram">'
        "<d:pt><a:p><a:r><a:t>Plan</a:t></a:r></a:p></d:pt><d:pt/></d:dataModel>",
        "c.xml": "<c:chartSpace NAMES><c:chart><c:ser><c:tx><c:v>S</c:v></c:tx><c:val>"
        "<c:pt idx='0'><c:v>4</c:v>"
        "</c:pt></c:val></c:ser></c:chart></c:chartSpace>",
    }
    found = {"d": ("diagramData", "../d.xml"), "c": ("chart", "../c.xml")}
    slide = frame.format(table) + frame.format(art) + frame.format('<c:chart r:id="c"/>') + picture
    parsed = text_of(tmp_path, "s.pptx", show({"s1": slide}, parts, found))
    assert parsed.text == (
        "| A | B |\n| --- | --- |\n| A | C |\n\n- Plan\n\n[Chart: without a title]\n\n"
        "|  | S |\n| --- | --- |\n|  | 4 |\n\n[Picture: A map]\n"
    )
    assert shapes_of(parsed)[0][0] == "| A | B |\n| --- | --- |\n| A | C |"


def test_hidden_shapes_are_no_evidence(tmp_path: Path) -> None:
    """A shape that was switched off; one that was not is read (the control)."""
    data = show({"s1": shape("secret", name=' hidden="1"') + shape("seen", name=' hidden="0"')})
    assert text_of(tmp_path, "s.pptx", data).text == "seen\n"


def test_hidden_slides_are_numbered_only(tmp_path: Path) -> None:
    """Nobody who watches the show sees them, as with hidden sheets; the pages of the others stay."""
    data = show({"s1": shape("seen"), "s2": shape("secret"), "s3": shape("later")})
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    parts["ppt/slides/s2.xml"] = parts["ppt/slides/s2.xml"].replace(b"<p:sld ", b'<p:sld show="0" ', 1)
    parsed = text_of(tmp_path, "s.pptx", samples.archive(parts))
    assert parsed.text == "seen\n\nlater\n\n[Hidden slides that were left out: 2]\n"
    assert [page.page for page in parsed.pages] == [1, 3]
    frame = "<draw:frame><draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame></draw:page>"
    names = ' xmlns:style="urn:oasis:names:tc:opendocument:xmlns:style:1.0"'
    pages = (
        f'<style:style{names} style:name="dp">'
        '<style:drawing-page-properties presentation:visibility="hidden"/></style:style>'
        f"<draw:page>{frame.format('seen')}"
        f'<draw:page draw:style-name="dp">{frame.format("secret")}'
    )
    opened = samples.open_document("presentation", pages)
    assert text_of(tmp_path, "s.odp", opened).text == "seen\n\n[Hidden slides that were left out: 2]\n"


def test_open_slides_have_boxes(tmp_path: Path) -> None:
    """The title first, shares of the page; prompts of empty placeholders are left out."""
    box = '<draw:frame presentation:class="{}" {} svg:x="{}" svg:y="0cm" svg:width="14cm" svg:height="2.1cm">'
    end = "<draw:text-box><text:p>{}</text:p></draw:text-box></draw:frame>"
    names = ' xmlns:svg="urn:oasis:names:tc:opendocument:xmlns:svg-compatible:1.0"'
    body = (
        f"<draw:page{names}>"
        + (box + end).format("subtitle", "", "14cm", "below")
        + (box + end).format("title", "", "0cm", "Plan")
        + (box + end).format("outline", 'presentation:placeholder="true"', "0cm", "Click here")
        + "</draw:page>"
    )
    parsed = text_of(tmp_path, "s.odp", samples.open_document("presentation", body))
    assert parsed.text == "# Plan\n\nbelow\n"
    assert [(words, one.role, one.left, one.height) for words, one in shapes_of(parsed)] == [
        ("Plan", "title", 0.0, 0.1),
        ("below", "text", 0.5, 0.1),
    ]
