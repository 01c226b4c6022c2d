"""Bytes to text: which encoding it is, judged by the text itself.

Byte order marks first, then UTF-8, UTF-16 without a mark, the page's own word (HTML), and last the
8-bit encodings that offices have used, told apart by how Russian the outcome looks. The parsers are not
asked: kreuzberg 4.10 garbles cp1251, koi8-r and utf-16 (reference measurements, 10.2026).
"""

from __future__ import annotations

import codecs
import re
from collections import Counter

__all__ = ["decode", "decode_as", "is_cyrillic", "looks_like_text", "normal_newlines"]

SAMPLE_BYTES = 65_536
_CYRILLIC = ("cp1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5")
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9_.:-]{2,40})""", re.IGNORECASE)
# Weight by rank of each letter in Russian running text, commonest first. Source: letter frequencies of
# the Russian National Corpus (О. Н. Ляшевская, С. А. Шаров, "Частотный словарь", 2009).
_RUSSIAN = {
    letter: 110 - 3.4 * place if place < 20 else 45 - 1.3 * place
    for place, letter in enumerate("оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё")
}
_LATIN = (
    ("cp1252", "äöüß éèêëàâçîïôùûÿ áéíóúñ¿¡ ãâõêç åæøäö àèéìòù"),
    ("cp1250", "ąćęłńóśźż áčďéěíňóřšťúůýž ľĺŕäô áéíóöőúüű ăâîşţ čćšžđ"),
    ("iso8859-2", "ąćęłńóśźż áčďéěíňóřšťúůýž ľĺŕäô áéíóöőúüű ăâîşţ čćšžđ"),
    ("cp1254", "çğıöşüâîi̇"),
)
"""Encodings of Latin letters and the letters beyond ASCII of each language that is written in them."""
_PAIRS = frozenset(
    "ст но то на ен ов ни ра во ко по не ро та ал пр ре ли ос ол ка ер ор ть ет го ом де да ес ла от ка ве ие"
    " ть ти ес на ле ом ан ск ил ат ри мо ва ль за ис об до ел те".split()
)
_UKRAINIAN_AND_MARKS = frozenset("іїєґІЇЄҐ«»—–„“”‘’№…•·°§\u00a0")
_FRAMES = frozenset(map(chr, range(0x2500, 0x25A0)))
"""What programs of DOS draw around tables. They stand in rows of the same sign, and not inside words."""


def decode(data: bytes, *, declared: bool = False) -> str:
    """The text of `data` with its byte order mark gone; newlines as they are.

    `declared`: believe a `charset=` or `encoding=` near the start when the bytes allow it.
    """
    for mark, name in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(name, "replace")
    sample = data[:SAMPLE_BYTES]
    wide = _wide(sample)
    if wide:
        return data.decode(wide, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        pass
    if declared and (match := _DECLARED.search(sample[:4096])):
        try:
            name = codecs.lookup(match.group(1).decode("ascii")).name
            # Any bytes are Latin-1, and servers say so without looking: Cyrillic is seen by its letters.
            if name not in ("iso8859-1", "cp1252") or _eight_bit(sample) not in _CYRILLIC:
                return data.decode(name)
        except (LookupError, UnicodeDecodeError):
            pass
    if _mostly_utf8(sample):
        return data.decode("utf-8", "replace")
    return data.decode(_eight_bit(sample), "replace")


def decode_as(data: bytes, charset: str) -> str:
    """The text of a part that states its encoding; the statement is believed where the bytes allow it.

    Bytes that are UTF-8 beyond ASCII are UTF-8; any bytes are Latin-1, so Cyrillic is seen by its letters.
    """
    try:
        name = codecs.lookup(charset).name
        text = data.decode(name)
    except (LookupError, UnicodeDecodeError, ValueError):
        return decode(data)
    if data.isascii() and not name.startswith(("utf-7", "iso2022", "hz")):
        return text
    if name in ("iso8859-1", "cp1252", "ascii", "latin-1") and _eight_bit(data[:SAMPLE_BYTES]) in _CYRILLIC:
        return decode(data)
    if name in (*_CYRILLIC, "iso8859-1", "cp1252"):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return text
    return text


def is_cyrillic(data: bytes) -> bool:
    """True when the bytes beyond ASCII are Russian letters of Windows rather than Western ones."""
    return not data.isascii() and _eight_bit(data) == "cp1251"


def looks_like_text(head: bytes) -> bool:
    """True when the start of a file can be read as text in some encoding."""
    if any(head.startswith(mark) for mark, _ in _MARKS[:1]) or _wide(head):
        return True
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    control = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 12, 13, 27, 26))
    if control > len(head) // 200 or head.count(b"\x00") > len(head) // 1000:
        return False
    try:
        head[:-4].decode("utf-8")
    except UnicodeDecodeError:
        if _mostly_utf8(head):
            return True
        text = head.decode(_eight_bit(head), "replace")
        high = [char for char in text if char > "\x7f"]
        good = sum(char.isalpha() or char in _UKRAINIAN_AND_MARKS | _FRAMES for char in high)
        return good >= 0.7 * len(high)
    return True


def normal_newlines(text: str) -> str:
    """`\\n` between lines, and no NUL anywhere (SQLite and the index cut strings there)."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _wide(sample: bytes) -> str:
    """UTF-16 without a mark: one of the two byte columns holds almost only 0x00 and 0x04."""
    size = len(sample) // 2 * 2
    if size < 8:
        return ""
    for name, column, other in (("utf-16-le", 1, 0), ("utf-16-be", 0, 1)):
        high = Counter(sample[column:size:2])
        pages = high[0x00] + high[0x04] + high[0x20]
        low_zeros = sample[other:size:2].count(0)
        if high[0x00] and pages >= 0.97 * (size // 2) and low_zeros <= 0.02 * (size // 2):
            text = sample[:size].decode(name, "replace")
            if sum(char.isprintable() or char in "\r\n\t" for char in text) >= 0.98 * len(text):
                return name
    return ""


def _mostly_utf8(sample: bytes) -> bool:
    """A few broken bytes in a text that is UTF-8 otherwise."""
    text = sample.decode("utf-8", "replace")
    broken = text.count("\ufffd")
    high = sum(char > "\x7f" for char in text)
    return high > 20 * broken


def _eight_bit(sample: bytes) -> str:
    """Cyrillic letters stand beside each other; the accented letters of Latin stand beside ASCII."""
    high = re.findall(rb"[\x80-\xff]+", sample)
    lonely = sum(len(run) for run in high if len(run) <= 2)
    total = sum(len(run) for run in high)
    if lonely > 0.6 * total:
        return _latin(sample)
    return max(_CYRILLIC, key=lambda name: _russian_score(sample.decode(name, "replace")))


def _latin(sample: bytes) -> str:
    """The encoding in which most letters belong to one language; cp1252 unless another is clearly better."""
    best, most = "cp1252", -1.0
    for name, languages in _LATIN:
        high = [char for char in sample.decode(name, "replace").lower() if char > "\x7f"]
        for letters in languages.split():
            share = sum(char in letters for char in high) / max(len(high), 1)
            if share > most + 0.05:
                best, most = name, share
    return best


def _russian_score(text: str) -> float:
    """How much the text looks like Russian, per character outside ASCII; higher is better."""
    score, count, previous = 0.0, 0, " "
    for char in text[:20_000]:
        if char > "\x7f":
            count += 1
            weight = _RUSSIAN.get(char.lower())
            if weight is not None:
                # A capital after a small letter is the mark of a wrong guess: koi8-r swaps the cases.
                score += -40.0 if char.isupper() and previous.islower() else weight
                score -= 5.0 if char.isupper() and previous.isupper() else 0.0
                score += 40.0 if (previous + char).lower() in _PAIRS else 0.0
            elif char in _FRAMES:
                score += 110.0 if char == previous else -60.0 if previous.isalpha() else 0.0
            elif char not in _UKRAINIAN_AND_MARKS:
                score -= 60.0
        previous = char
    return score / count if count else 0.0
