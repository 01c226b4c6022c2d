"""The word index: shelves, replacement, removal, damage."""

from __future__ import annotations

from pathlib import Path

from inhouse.kernel.caller import EVERYONE, Caller
from inhouse.knowledge.edge.lexical import Entry, Lexical, analyzer

ALL = frozenset({EVERYONE})
BOSSES = frozenset({"bosses"})
STEMS = analyzer()


def ids(lexical: Lexical, words: str, caller: Caller | None = None) -> list[str]:
    hits = lexical.search(caller or Caller(), STEMS(words), limit=10)
    return [hit.document_id for hit in hits]


def test_russian_and_english_endings_match(lexical: Lexical) -> None:
    """Words are found in other grammatical forms, and `ё` is `е`."""
    lexical.replace([("a", ALL, [Entry("a", 0, "", "", "Отчёты о поездках и policies")])])
    for words in ("отчеты", "поездка", "policy"):
        assert ids(lexical, words) == ["a"]


def test_replace_leaves_nothing_of_the_old(lexical: Lexical) -> None:
    """After a replacement the old words are gone and each chunk stands once."""
    lexical.replace([("a", ALL, [Entry("a", 0, "", "", "старое"), Entry("a", 1, "", "", "слово")])])
    lexical.replace([("a", ALL, [Entry("a", 0, "", "", "новое")])])
    assert ids(lexical, "старое слово") == []
    assert list(lexical.entries()) == [("a", 0)]


def test_a_document_that_moves_to_other_readers_leaves_its_shelf(lexical: Lexical) -> None:
    """Re-filed to other readers, it is not found by the old ones and does not count for them."""
    lexical.replace([("a", ALL, [Entry("a", 0, "", "", "оклад")])])
    lexical.replace([("a", BOSSES, [Entry("a", 0, "", "", "оклад")])])
    boss = Caller("boss", frozenset({EVERYONE, "bosses"}))
    assert ids(lexical, "оклад") == []
    assert ids(lexical, "оклад", boss) == ["a"]
    assert lexical.frequencies(Caller(), STEMS("оклад")).of_stem == {"оклад": 0}


def test_forbidden_documents_move_neither_order_nor_counts(tmp_path: Path) -> None:
    """Hits, scores and frequencies of a caller are the same with and without fifty forbidden documents."""
    open_one, both = Lexical(tmp_path / "one"), Lexical(tmp_path / "both")
    mine = [(n, ALL, [Entry(n, 0, "", "", text)]) for n, text in (("x", "шкаф дуб"), ("y", "шкаф"))]
    open_one.replace(mine)
    both.replace(mine)
    secret = [(f"s{n}", BOSSES, [Entry(f"s{n}", 0, "", "", "дуб дуб шкаф")]) for n in range(50)]
    both.replace(secret)
    stems = STEMS("шкаф дуб")
    assert both.search(Caller(), stems, limit=5) == open_one.search(Caller(), stems, limit=5)
    assert both.frequencies(Caller(), stems) == open_one.frequencies(Caller(), stems)


def test_scope_limits_hits(lexical: Lexical) -> None:
    """Only the named documents are searched."""
    lexical.replace([(n, ALL, [Entry(n, 0, "", "", "шкаф")]) for n in "abc"])
    hits = lexical.search(Caller(), STEMS("шкаф"), limit=5, document_ids=["b"])
    assert [hit.document_id for hit in hits] == ["b"]


def test_another_process_sees_commits(tmp_path: Path) -> None:
    """A second opener of the same files sees what the first commits, without reopening."""
    writer, reader = Lexical(tmp_path), Lexical(tmp_path)
    writer.replace([("a", ALL, [Entry("a", 0, "", "", "раз")])])
    assert ids(reader, "раз") == ["a"]
    writer.remove(["a"])
    assert ids(reader, "раз") == []


def test_flipped_bit_is_found(lexical: Lexical, tmp_path: Path) -> None:
    """A healthy index checks clean; one changed byte in a segment is named."""
    lexical.replace([("a", ALL, [Entry("a", 0, "", "", "слово " * 50)])])
    assert lexical.check() == []
    segment = next((tmp_path / "lexical").rglob("*.store"))
    with segment.open("r+b") as file:
        middle = segment.stat().st_size // 2
        file.seek(middle)
        byte = file.read(1)[0]
        file.seek(middle)
        file.write(bytes([byte ^ 1]))
    assert any(segment.name in wrong for wrong in Lexical(tmp_path / "lexical").check())


def test_lost_file_is_found_and_reset_heals(lexical: Lexical, tmp_path: Path) -> None:
    """A missing segment is found; after a reset the index takes documents again."""
    entry = ("a", ALL, [Entry("a", 0, "", "", "слово")])
    lexical.replace([entry])
    next((tmp_path / "lexical").rglob("*.idx")).unlink()
    assert Lexical(tmp_path / "lexical").check()
    lexical.reset()
    lexical.replace([entry])
    assert ids(lexical, "слово") == ["a"]
    assert lexical.check() == []
