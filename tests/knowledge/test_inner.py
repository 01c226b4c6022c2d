"""Documents inside documents, the text in the making, and signs that nobody sees."""

from __future__ import annotations

import pytest

from inhouse.knowledge.edge.parse.draft import Draft, cell_words, marked
from inhouse.knowledge.edge.parse.inner import MAX_DEPTH, InnerFile, append, read_inner, shown_name
from inhouse.knowledge.edge.parse.parsed import Means, Parsed, Refused
from inhouse.knowledge.edge.parse.read import means_of_reading
from inhouse.knowledge.edge.parse.unseen import visible
from tests.knowledge import samples


def test_inner_documents_are_read_as_files_are() -> None:
    """By their content, with nothing of theirs on the disk."""
    result = read_inner(samples.pdf("Right words"), "wrong.docx", means_of_reading(Means()))
    assert isinstance(result, Parsed)
    assert result.text == "Right words"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (samples.archive({"word/document.xml": b"\x00" * (101 << 20)}), "bomb"),
        (samples.ole("EncryptionInfo", "EncryptedPackage"), "encrypted"),
        (samples.docx("words" * 100)[:300], "damaged"),
        (b"words " * 2_000_000, "too_much_text"),
        (b"", "empty_file"),
    ],
    ids=["bomb", "encrypted", "cut", "long", "empty"],
)
def test_bad_inner_documents_have_a_reason(data: bytes, code: str) -> None:
    """The same codes as for files."""
    result = read_inner(data, "a.part", means_of_reading(Means()))
    assert isinstance(result, Refused)
    assert result.code == code


def test_the_depth_is_bounded() -> None:
    """Below the last level nothing is opened."""
    result = read_inner(b"words", "a.txt", means_of_reading(Means(depth=MAX_DEPTH)))
    assert isinstance(result, Refused)
    assert result.code == "too_deep"


def test_inner_words_stand_below_their_name() -> None:
    """Each under its heading, its own headings two levels down; the span is that of its words."""
    draft = Draft()
    draft.block("Dear Anna")
    files = [InnerFile("C:\\x\\terms.docx", samples.docx("# Terms", "30 days")), InnerFile("b.bin", b"\0\1")]
    terms, noise = append(draft, files, means_of_reading(Means()), title="Attachment")
    text = draft.text()
    assert text == "Dear Anna\n\n## Attachment: terms.docx\n\n### Terms\n\n30 days\n"
    assert text[terms.start : terms.end] == "### Terms\n\n30 days"
    assert noise.start == noise.end
    assert "b.bin" in noise.reason


def test_names_of_inner_files() -> None:
    """The last part of a path, in one line."""
    assert [shown_name(name) for name in ("a/b\\c.txt", "x\ny", "")] == ["c.txt", "x y", "attachment"]


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        ("to\u200bgether \u202eright\u202c", "together right"),
        ("a\U000e0041\U000e0042b", "ab"),
        ("soft\u00adhyphen\ufeff", "softhyphen"),
        ("in\u200dvisible", "invisible"),
        ("👩\u200d💻 می\u200cخواهم", "👩\u200d💻 می\u200cخواهم"),
        ("one\r\ntwo\x0bthree\x00", "one\ntwothree"),
        ("Ёлка № 5 – “да”", "Ёлка № 5 – “да”"),
    ],
)
def test_signs_that_nobody_sees(given: str, seen: str) -> None:
    """They are gone; joiners stay where they shape letters and pictures."""
    assert visible(given) == seen


def test_a_draft_knows_where_its_words_stand() -> None:
    """Blocks, lines, cells and pages by their offsets."""
    draft = Draft()
    draft.start_page(1)
    title = draft.block("# Title\u200b")
    below = draft.line("below")
    draft.end_page()
    draft.start_page(2)
    draft.end_page()
    draft.start_page(3)
    cells = draft.table([["a", cell_words("b | c")], ["d"]])
    draft.end_page()
    text = draft.text()
    assert text == "# Title\nbelow\n\n| a | b \\| c |\n| --- | --- |\n| d |  |\n"
    assert [text[start:end] for start, end in (title, below, *cells[0], *cells[1])] == [
        "# Title",
        "below",
        "a",
        "b \\| c",
        "d",
        "",
    ]
    assert [(page.page, text[page.start : page.end][:4]) for page in draft.pages] == [
        (1, "# Ti"),
        (3, "| a "),
    ]


def test_doubts_travel_with_their_words() -> None:
    """Through a draft inside another, to the offsets of the outermost; no mark is left in the text."""
    inside = Draft(within=True)
    inside.block(marked("INN 7717 and 12", [(4, 8), (13, 15)]))
    draft = Draft()
    draft.block("Before")
    draft.block(inside.text())
    assert draft.text() == "Before\n\nINN 7717 and 12\n"
    assert [draft.text()[start:end] for start, end in draft.doubts] == ["7717", "12"]
