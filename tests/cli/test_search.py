"""`inhouse search --why` and `inhouse glossary`."""

from __future__ import annotations

from pathlib import Path

from tests.cli.house import FakeBuilder, run


def test_why_is_told_in_words(tmp_path: Path) -> None:
    """Reason, hint and missing words on stdout, the legs beside them; an unknown document ends with 1."""
    found = run(tmp_path, "search", "vacation days", "--why", "d1")
    assert found.exit_code == 0
    assert "hr/a.md: not shown" in found.stdout
    assert "it stands at place 14" in found.stdout
    assert "lacks: days" in found.stdout
    assert "vectors: off, no model" in found.stderr
    assert run(tmp_path, "search", "vacation", "--why", "nothing").exit_code != 0


def test_the_glossary_is_kept(tmp_path: Path) -> None:
    """Added, listed, imported, forgotten."""
    builder = FakeBuilder()
    assert "PTO is new" in run(tmp_path, "glossary", "add", "PTO", "paid time off", builder=builder).stderr
    terms = tmp_path / "terms.csv"
    terms.write_text("PTO,leave\nДМС;страховка\n", "utf-8")
    assert "1 new, 1 changed" in run(tmp_path, "glossary", "import", str(terms), builder=builder).stderr
    listed = run(tmp_path, "glossary", "ls", builder=builder).stdout
    assert "PTO" in listed
    assert "страховка" in listed
    assert run(tmp_path, "glossary", "rm", "PTO", builder=builder).exit_code == 0
    assert "PTO" not in run(tmp_path, "glossary", "ls", builder=builder).stdout


def test_a_file_without_terms_is_refused(tmp_path: Path) -> None:
    """Empty, or not UTF-8: an error with a hint."""
    empty = tmp_path / "empty.csv"
    empty.write_text("# nothing\n", "utf-8")
    assert "has no terms" in run(tmp_path, "glossary", "import", str(empty)).stderr
    (tmp_path / "old.csv").write_bytes("ДМС,страховка".encode("cp1251"))
    assert "UTF-8" in run(tmp_path, "glossary", "import", str(tmp_path / "old.csv")).stderr


def test_documents_are_marked(tmp_path: Path) -> None:
    """`documents outdated`, and `--no`."""
    builder = FakeBuilder()
    assert run(tmp_path, "documents", "outdated", "d1", builder=builder).exit_code == 0
    assert run(tmp_path, "documents", "outdated", "d1", "--no", builder=builder).exit_code == 0
    assert [outdated for _, outdated in builder.fakes.legs.marks] == [True, False]
