"""Which encoding a text is in."""

from __future__ import annotations

import codecs

import pytest

from inhouse.knowledge.edge.parse.decode import decode, looks_like_text, normal_newlines

RUSSIAN = "Положение об отпусках.\nЕжегодный отпуск длится 28 дней, заявление подают за две недели."
SHORT = "Прайс-лист на мебель"
GERMAN = "Die schöne Frau hört Musik. Größe: 12 m², Straße 5."


@pytest.mark.parametrize("text", [RUSSIAN, SHORT, RUSSIAN.upper()], ids=["text", "short", "capitals"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5"])
def test_russian_in_every_encoding(encoding: str, text: str) -> None:
    """Old and new encodings of Russian give the same text."""
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("text", [RUSSIAN, "plain English words, nothing else"])
def test_wide_text_without_a_mark(encoding: str, text: str) -> None:
    """UTF-16 is seen by its columns of zeros."""
    assert looks_like_text(text.encode(encoding))
    assert decode(text.encode(encoding)) == text


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
    ],
)
def test_marks_are_believed_and_gone(mark: bytes, encoding: str) -> None:
    """A byte order mark decides and is no part of the text."""
    assert decode(mark + RUSSIAN.encode(encoding)) == RUSSIAN


def test_accents_of_latin_are_not_cyrillic() -> None:
    """Single letters beyond ASCII among Latin ones are Western."""
    assert decode(GERMAN.encode("cp1252")) == GERMAN


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1250", "Zażółć gęślą jaźń. Umowa w Łodzi; płatność w ciągu czternastu dni."),
        ("iso8859-2", "Zażółć gęślą jaźń. Umowa w Łodzi; płatność w ciągu czternastu dni."),
        ("cp1254", "Sözleşme şartları aşağıdaki gibidir; ödeme süresi kırk beş gündür."),
        ("cp1252", "Le congé annuel est à négocier, où ça? Noël, garçon."),
    ],
)
def test_latin_letters_of_many_languages(encoding: str, text: str) -> None:
    """The encoding whose letters make one language; none of them is binary."""
    assert looks_like_text(text.encode(encoding))
    assert decode(text.encode(encoding)) == text


def test_frames_of_dos_are_no_letters() -> None:
    """A table drawn by a DOS program does not hide its encoding."""
    rows = ["┌──────┬──────┐", "│ Товар│ Цена │", "├──────┼──────┤", "│ Стол │ 1200 │", "└──────┴──────┘"]
    table = "\n".join([*rows, "Итого две тысячи"])
    assert decode(table.encode("cp866")) == table


def test_a_page_that_says_latin_may_be_russian() -> None:
    """`iso-8859-1` fits any bytes, so it is believed only when the letters are Latin."""
    page = '<meta charset="iso-8859-1"><p>Возврат товара возможен'
    assert decode(page.encode("cp1251"), declared=True) == page
    german = f'<meta charset="iso-8859-1"><p>{GERMAN}'
    assert decode(german.encode("iso8859-1"), declared=True) == german


def test_a_page_may_say_its_encoding() -> None:
    """`charset=` wins when asked for, and only when the bytes allow it."""
    page = '<meta charset="koi8-r"><p>ёж'.encode("koi8-r")
    assert decode(page, declared=True).endswith("ёж")
    assert decode("<meta charset=ascii>дом и сад".encode(), declared=True).endswith("дом и сад")
    assert decode("<meta charset=nonsense>Положение об отпуске".encode("cp1251"), declared=True).endswith(
        "отпуске"
    )


def test_one_broken_byte_does_not_spoil_utf8() -> None:
    """Mostly valid UTF-8 stays UTF-8, with a replacement where it is broken."""
    data = RUSSIAN.encode() + b"\xff" + RUSSIAN.encode()
    assert decode(data) == f"{RUSSIAN}\ufffd{RUSSIAN}"


@pytest.mark.parametrize(
    "data", [b"\x00\x01\x02\x03" * 50, bytes(range(1, 256)) * 20, b"text\x00\x00\x00\x00" * 20]
)
def test_binary_is_not_text(data: bytes) -> None:
    """Control bytes and letters without sense are no text."""
    assert not looks_like_text(data)


def test_newlines_become_one_kind() -> None:
    """Offsets count `\\n` only, and no NUL survives."""
    assert normal_newlines("a\r\nb\rc\nd\x00") == "a\nb\nc\nd"
