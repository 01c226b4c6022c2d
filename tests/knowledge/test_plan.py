"""What an ingest has to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePosixPath

import pytest

from inhouse.knowledge.plan import Found, Known, Rules, Unreadable, Walk, plan, says_the_same

EVERYBODY = frozenset({"everyone"})
RULES = Rules("/docs", EVERYBODY, parser_version=1, max_bytes=1000, ocr_installed=False)
FILE = Found("a.md", PurePosixPath("/docs/a.md"), 10, 5)
KNOWN = Known("id-a", "a.md", "/docs", "hash", 10, 5, EVERYBODY, None, 1)


def test_a_new_file_is_added() -> None:
    """Nothing known: one step without a before."""
    made = plan([], Walk((FILE,)), RULES)
    assert [step.before for step in made.steps] == [None]


def test_an_unchanged_file_needs_nothing() -> None:
    """Size, time, readers and parser are the same."""
    made = plan([KNOWN], Walk((FILE,)), RULES)
    assert (made.steps, made.unchanged, made.remove) == ((), 1, ())


@pytest.mark.parametrize(
    ("known", "rules"),
    [
        (replace(KNOWN, size_bytes=11), RULES),
        (replace(KNOWN, mtime_ns=6), RULES),
        (replace(KNOWN, parser_version=0), RULES),
        (replace(KNOWN, reason_code="unreadable"), RULES),
        (replace(KNOWN, reason_code="timed_out"), RULES),
        (replace(KNOWN, reason_code="needs_ocr"), replace(RULES, ocr_installed=True)),
        (replace(KNOWN, reason_code="too_large"), RULES),
    ],
)
def test_what_calls_for_another_reading(known: Known, rules: Rules) -> None:
    """Each change, and each reason that may be gone, makes an update of the same document."""
    made = plan([known], Walk((FILE,)), rules)
    assert [step.before for step in made.steps] == [known]


@pytest.mark.parametrize(
    ("reason", "rules"),
    [
        ("encrypted", RULES),
        ("needs_ocr", RULES),
        ("too_large", replace(RULES, max_bytes=5)),
    ],
)
def test_what_stays_refused(reason: str, rules: Rules) -> None:
    """A reason that lies in the file is not tried again while the file is the same."""
    assert plan([replace(KNOWN, reason_code=reason)], Walk((FILE,)), rules).unchanged == 1


def test_a_file_that_is_gone_is_removed() -> None:
    """Only documents that came from this folder."""
    gone = replace(KNOWN, document_id="id-b", document="b.md")
    elsewhere = replace(KNOWN, document_id="id-c", document="c.md", origin="/other")
    made = plan([KNOWN, gone, elsewhere], Walk((FILE,)), RULES)
    assert made.remove == (gone,)


@pytest.mark.parametrize(
    ("walk", "words"),
    [
        (Walk(()), "holds no files"),
        (Walk((), (Unreadable(".", "permission denied"),)), "could not be read"),
    ],
)
def test_an_empty_or_unreadable_folder_removes_nothing(walk: Walk, words: str) -> None:
    """And says so."""
    made = plan([KNOWN], walk, RULES)
    assert made.remove == ()
    assert words in made.notes[0]


def test_documents_below_an_unreadable_folder_stay() -> None:
    """What cannot be looked at is not gone; its neighbour is."""
    below = replace(KNOWN, document="closed/b.md")
    beside = replace(KNOWN, document="closed-not/b.md")
    made = plan([below, beside], Walk((FILE,), (Unreadable("closed", "permission denied"),)), RULES)
    assert made.remove == (beside,)
    assert "were kept" in made.notes[0]


def test_a_single_file_never_removes() -> None:
    """`removes` is False for files that were named one by one."""
    gone = replace(KNOWN, document="b.md")
    assert plan([gone], Walk((FILE,)), replace(RULES, removes=False)).remove == ()


def test_skipped_files_are_counted() -> None:
    """Hidden files are not listed, only counted."""
    assert "3 hidden" in plan([], Walk((FILE,), skipped=3), RULES).notes[0]


def test_same_content_with_a_new_time() -> None:
    """The hash saves a second reading, unless something else changed."""
    assert says_the_same(KNOWN, "hash", RULES)
    assert not says_the_same(KNOWN, "other", RULES)
    assert not says_the_same(replace(KNOWN, reason_code="timed_out"), "hash", RULES)
    assert not says_the_same(replace(KNOWN, parser_version=0), "hash", RULES)
