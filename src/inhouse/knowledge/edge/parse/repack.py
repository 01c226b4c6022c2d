"""Office archives changed in memory, before kreuzberg reads them, where it would lose words.

kreuzberg 4.10.4 leaves out of DOCX every `&`, `<` and `>` (`R&D` came out as `RD`), tabs and unbreakable
hyphens (`2024-2025` as `20242025`), and shows hidden text; it shows percentages as shares (`0.15` for a
cell that says 15 %), and glues words where ODF writes a space as an element. Only the parts that change
are written anew, the file on disk is never touched.
"""

from __future__ import annotations

import html
import io
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path

from inhouse.knowledge.edge.parse.sniff import Format

__all__ = ["repacked", "restored"]

_STANDS_FOR = {"&": "\ue5a1", "<": "\ue5a2", ">": "\ue5a3"}
"""Private characters that no font of an office uses; they pass kreuzberg unchanged."""
_REFERENCE = re.compile(r"&(?:amp|lt|gt|quot|apos|#\d{1,7}|#x[0-9A-Fa-f]{1,6});")
_WORDS = re.compile(r"(<w:t(?:\s[^>]*)?>)([^<]*)(?=</w:t>)")
_HIDDEN = re.compile(
    r"<w:rPr>(?:(?!</w:rPr>).)*<w:vanish\s*/>(?:(?!</w:rPr>).)*</w:rPr>(?:(?!</w:r>).)*", re.DOTALL
)
_CELL = re.compile(r"<c ([^>]*[^/>])>([^<]*(?:<(?!/c>)[^<]*)*)</c>")
_PERCENT_FORMATS = frozenset({9, 10})
"""Built-in formats `0%` and `0.00%`. Source: ECMA-376 part 1, 18.8.30."""


def repacked(path: Path, kind: Format) -> bytes:
    """The bytes of the archive for kreuzberg; those of the file itself for every other format."""
    changes = {"docx": _word, "xlsx": _workbook, "odt": _open_text, "ods": _open_sheets}.get(kind)
    if changes is None or not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        changed = changes(archive)
        if not changed:
            return path.read_bytes()
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
            for member in dict.fromkeys(archive.namelist()):
                made.writestr(member, changed.get(member) or archive.read(member))
    return out.getvalue()


def restored(text: str) -> str:
    """The text with the signs that `repacked` had put aside."""
    for sign, private in _STANDS_FOR.items():
        text = text.replace(private, sign)
    return text


def _changed(archive: zipfile.ZipFile, pattern: str, change: Callable[[str], str]) -> dict[str, bytes]:
    """The members named by `pattern` that `change` makes different; others than UTF-8 stay as they are."""
    out: dict[str, bytes] = {}
    for member in archive.namelist():
        if re.fullmatch(pattern, member):
            try:
                before = archive.read(member).decode("utf-8")
            except UnicodeDecodeError:
                continue
            after = change(before)
            if after != before:
                out[member] = after.encode()
    return out


def _word(archive: zipfile.ZipFile) -> dict[str, bytes]:
    def change(xml: str) -> str:
        if "<w:vanish" in xml:
            xml = _HIDDEN.sub(lambda run: _WORDS.sub(r"\1", run.group()), xml)
        xml = _WORDS.sub(lambda found: found.group(1) + _REFERENCE.sub(_aside, found.group(2)), xml)
        xml = re.sub(r"<w:tab\s*/>", '<w:t xml:space="preserve"> </w:t>', xml)
        return re.sub(r"<w:noBreakHyphen\s*/>", "<w:t>-</w:t>", xml)

    return _changed(archive, r"word/(?:document|footnotes|endnotes)\d*\.xml", change)


def _aside(reference: re.Match[str]) -> str:
    sign = html.unescape(reference.group())
    return _STANDS_FOR.get(sign, sign if sign.isprintable() else " ")


def _open_text(archive: zipfile.ZipFile) -> dict[str, bytes]:
    return _changed(archive, r"content\.xml", lambda xml: re.sub(r"<text:s(?:\s[^>]*)?/>", " ", xml))


def _open_sheets(archive: zipfile.ZipFile) -> dict[str, bytes]:
    """A percentage becomes the words that the sheet shows."""

    def shown(tag: re.Match[str]) -> str:
        return re.sub(r'\s(?:office|calcext):value(?:-type)?="[^"]*"', "", tag.group(1)) + _AS_WORDS

    return _changed(
        archive,
        r"content\.xml",
        lambda xml: re.sub(
            r'(<table:table-cell\s[^>]*office:value-type="percentage"[^>]*)(?<!/)(?=>)', shown, xml
        ),
    )


_AS_WORDS = ' office:value-type="string"'


def _workbook(archive: zipfile.ZipFile) -> dict[str, bytes]:
    if "xl/styles.xml" not in archive.namelist():
        return {}
    styles = _percent_styles(archive.read("xl/styles.xml").decode("utf-8", "replace"))
    if not styles:
        return {}

    def shown(cell: re.Match[str]) -> str:
        attributes, inner = cell.groups()
        style = re.search(r'(?:^|\s)s="(\d+)"', attributes)
        value = re.search(r"<v>([^<]+)</v>", inner)
        if not style or not value or int(style.group(1)) not in styles:
            return cell.group()
        if re.search(r'(?:^|\s)t="(?!n")', attributes):
            return cell.group()
        words = _percent(value.group(1))
        kept = re.sub(r'(?:^|\s)t="n"', "", attributes)
        return f'<c {kept} t="str"><v>{words}</v></c>' if words else cell.group()

    return _changed(archive, r"xl/worksheets/[^/]+\.xml", lambda xml: _CELL.sub(shown, xml))


def _percent_styles(xml: str) -> frozenset[int]:
    """The numbers of the cell styles that show a share as a percentage."""
    formats = set(_PERCENT_FORMATS)
    for tag in re.findall(r"<numFmt\s[^>]*>", xml):
        number, code = re.search(r'numFmtId="(\d+)"', tag), re.search(r'formatCode="([^"]*)"', tag)
        if number and code and "%" in re.sub(r"&quot;.*?&quot;|\\.", "", code.group(1)):
            formats.add(int(number.group(1)))
    cells = re.search(r"<cellXfs.*?</cellXfs>", xml, re.DOTALL)
    listed = re.findall(r"<xf\s[^>]*>", cells.group()) if cells else []
    used = [re.search(r'numFmtId="(\d+)"', style) for style in listed]
    return frozenset(at for at, found in enumerate(used) if found and int(found.group(1)) in formats)


def _percent(value: str) -> str:
    """`0.075` as `7.5%`, to four decimals; "" when it is no number."""
    try:
        share = round(Decimal(value) * 100, 4)
    except (InvalidOperation, ValueError):
        return ""
    return f"{share:f}".rstrip("0").rstrip(".") + "%" if share.is_finite() else ""
