"""Writes the binary and oddly encoded files of the sample company, once; the results are committed.

Not part of the installation. Needs, in an environment of its own:
    pip install python-docx openpyxl python-pptx reportlab pillow
and the DejaVu fonts (Debian: fonts-dejavu-core). Run from the repository root:
    python tools/make_sample.py
The plain files below sample/company (Markdown, HTML, CSV) are written by hand and not touched. Every file
carries the date that sample/dates.csv gives it. The company, its people and its partners are invented;
addresses end in `.example`.
"""

from __future__ import annotations

import csv
import os
import random
import textwrap
import zipfile
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

from docx import Document
from docx.opc.coreprops import CoreProperties
from openpyxl import Workbook
from openpyxl.styles import Font
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from pptx import Presentation
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Spacer
from sample_texts import (
    LEASE,
    MAILS,
    ONBOARDING,
    SALES_MEETING,
    SCANNED_ACT,
    SCANNED_ORDER,
    SHEETS,
    SLIDES,
    VPN_NOTE,
    WARRANTY,
    WORD_DOCUMENTS,
)

COMPANY = Path(__file__).resolve().parent.parent / "sample" / "company"
FONTS = Path("/usr/share/fonts/truetype/dejavu")


def written(name: str) -> datetime:
    """The date of a file of the sample, noon UTC."""
    with (COMPANY.parent / "dates.csv").open(encoding="utf-8", newline="") as table:
        dates = {row["file"]: row["written"] for row in csv.DictReader(table)}
    return datetime.fromisoformat(dates[name]).replace(hour=12, tzinfo=UTC)


def make_word_documents() -> None:
    """Headings and paragraphs, one file for each entry."""
    for name, (title, sections) in WORD_DOCUMENTS.items():
        document = Document()
        document.add_heading(title, level=0)
        for heading, paragraphs in sections:
            if heading:
                document.add_heading(heading, level=1)
            for paragraph in paragraphs:
                document.add_paragraph(paragraph)
        date_properties(document.core_properties, name, title)
        document.save(str(COMPANY / name))


def date_properties(properties: CoreProperties, name: str, title: str) -> None:
    """Set what Word and PowerPoint keep about a file: title, author, dates."""
    properties.title = title
    properties.author = "ООО «Северный дуб»"
    properties.created = properties.modified = written(name).replace(tzinfo=None)


def make_price_list() -> None:
    """Three sheets with a header row each."""
    book = Workbook()
    book.remove(book.worksheets[0])
    for title, rows in SHEETS.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
    name = "sales/prays-list-2026-06.xlsx"
    book.properties.title = "Прайс-лист, июнь 2026"
    book.properties.creator = "ООО «Северный дуб»"
    book.properties.created = written(name).replace(tzinfo=None)
    book.save(COMPANY / name)
    settle_workbook(COMPANY / name, written(name))


def settle_workbook(path: Path, moment: datetime) -> None:
    """Replace the moment of saving, which openpyxl always writes, by the file's own date."""
    with zipfile.ZipFile(path) as archive:
        parts = {item.filename: archive.read(item) for item in archive.infolist()}
    core = parts["docProps/core.xml"].decode("utf-8")
    start = core.index(">", core.index("<dcterms:modified")) + 1
    end = core.index("</dcterms:modified>")
    parts["docProps/core.xml"] = f"{core[:start]}{moment:%Y-%m-%dT%H:%M:%SZ}{core[end:]}".encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(zipfile.ZipInfo(part, moment.timetuple()[:6]), content, zipfile.ZIP_DEFLATED)


def make_slides() -> None:
    """A title and bullet points on every slide."""
    for name, slides in SLIDES.items():
        deck = Presentation()
        for title, lines in slides:
            slide = deck.slides.add_slide(deck.slide_layouts[1])
            slide.shapes.title.text = title
            slide.placeholders[1].text = "\n".join(lines)
        date_properties(deck.core_properties, name, slides[0][0])
        deck.save(str(COMPANY / name))


def make_warranty() -> None:
    """A PDF of four pages with a text layer."""
    pdfmetrics.registerFont(TTFont("Text", FONTS / "DejaVuSerif.ttf"))
    pdfmetrics.registerFont(TTFont("Head", FONTS / "DejaVuSans-Bold.ttf"))
    text = ParagraphStyle("text", fontName="Text", fontSize=11, leading=17, spaceAfter=6)
    head = ParagraphStyle("head", fontName="Head", fontSize=14, leading=20, spaceBefore=10, spaceAfter=8)
    story = []
    for number, page in enumerate(WARRANTY):
        if number:
            story.append(PageBreak())
        for heading, paragraphs in page:
            story.append(Paragraph(heading, head))
            story.extend(Paragraph(paragraph, text) for paragraph in paragraphs)
            story.append(Spacer(1, 8))
    name = "sales/garantiynye-usloviya.pdf"
    os.environ["SOURCE_DATE_EPOCH"] = f"{written(name).timestamp():.0f}"
    SimpleDocTemplate(
        str(COMPANY / name), pagesize=A4, title="Гарантийные условия", author="ООО «Северный дуб»"
    ).build(story)


def draw_scan(text: str, *, seed: int) -> Image.Image:
    """The text as a scanner sees a page: grey paper, specks, a slight turn, soft edges. 150 dpi A4."""
    chance = random.Random(seed)
    page = Image.new("L", (1240, 1754), 243)
    pen = ImageDraw.Draw(page)
    font = ImageFont.truetype(str(FONTS / "DejaVuSerif.ttf"), 32)
    pen.multiline_text((120, 150), text, font=font, fill=38, spacing=16)
    page = page.rotate(chance.uniform(-0.6, 0.6), fillcolor=243, resample=Image.Resampling.BICUBIC)
    pen = ImageDraw.Draw(page)
    for _speck in range(900):
        x, y = chance.randrange(1240), chance.randrange(1754)
        pen.point((x, y), fill=chance.randrange(90, 200))
    return page.filter(ImageFilter.GaussianBlur(0.6))


def make_scans() -> None:
    """One page inside a PDF without a text layer, and one as a JPEG."""
    picture = COMPANY / "contracts/akt.jpg"
    draw_scan(SCANNED_ACT, seed=57).save(picture, quality=55)
    name = "contracts/akt-priyomki-57-skan.pdf"
    os.environ["SOURCE_DATE_EPOCH"] = f"{written(name).timestamp():.0f}"
    canvas = Canvas(str(COMPANY / name), pagesize=A4)
    canvas.drawImage(str(picture), 0, 0, width=A4[0], height=A4[1])
    canvas.save()
    picture.unlink()
    draw_scan(SCANNED_ORDER, seed=31).save(
        COMPANY / "hr/prikaz-31k-letniy-rezhim.jpg", quality=55, dpi=(150, 150)
    )


def make_mails() -> None:
    """E-mails as a mail server keeps them."""
    for name, charset, headers, body in MAILS:
        mail = EmailMessage(policy=SMTP)
        for key, value in headers.items():
            mail[key] = value
        mail["Message-ID"] = f"<{Path(name).stem}@severny-dub.example>"
        mail.set_content(body, charset=charset, cte="quoted-printable")
        (COMPANY / name).write_bytes(mail.as_bytes())


def make_old_texts() -> None:
    """Plain text in the encodings of older Windows programs."""
    (COMPANY / "it/vpn-instrukciya.txt").write_bytes(VPN_NOTE.replace("\n", "\r\n").encode("cp1251"))
    (COMPANY / "meetings/2026-10-05-sales.txt").write_bytes(SALES_MEETING.encode("utf-16"))


def make_open_document() -> None:
    """The memo for new colleagues as ODT, with the fewest parts that make one."""
    lines = []
    for heading, paragraphs in ONBOARDING:
        lines.append(f'<text:h text:outline-level="1">{heading}</text:h>')
        lines.extend(f"<text:p>{paragraph}</text:p>" for paragraph in paragraphs)
    names = "urn:oasis:names:tc:opendocument:xmlns"
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?><office:document-content xmlns:office="{names}:office:1.0"'
        f' xmlns:text="{names}:text:1.0" office:version="1.2"><office:body><office:text>{"".join(lines)}'
        "</office:text></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.text"
    manifest = (
        f'<?xml version="1.0" encoding="UTF-8"?><manifest:manifest xmlns:manifest="{names}:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        '<manifest:file-entry manifest:full-path="content.xml" manifest:media-type="text/xml"/>'
        "</manifest:manifest>"
    )
    with zipfile.ZipFile(COMPANY / "hr/pamyatka-novomu-sotrudniku.odt", "w") as archive:
        for name, text, method in (
            ("mimetype", kind, zipfile.ZIP_STORED),
            ("content.xml", content, zipfile.ZIP_DEFLATED),
            ("META-INF/manifest.xml", manifest, zipfile.ZIP_DEFLATED),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2026, 1, 15, 9, 0, 0)), text, compress_type=method)


def make_rich_text() -> None:
    """The summary of the lease as RTF."""
    parts = [r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Arial;}}\f0\fs24"]
    for heading, paragraphs in LEASE:
        parts.append(rf"{{\b {heading}}}\par")
        parts.extend(textwrap.fill(paragraph, 200) + r"\par" for paragraph in paragraphs)
    (COMPANY / "contracts/showroom-lease-summary.rtf").write_text("\n".join(parts) + "}\n", "ascii")


def main() -> None:
    """Write every file that is not plain UTF-8."""
    make_word_documents()
    make_price_list()
    make_slides()
    make_warranty()
    make_scans()
    make_mails()
    make_old_texts()
    make_open_document()
    make_rich_text()


if __name__ == "__main__":
    main()
