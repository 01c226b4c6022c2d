"""Rules as they stand in files."""

from __future__ import annotations

import pytest

from inhouse.kernel.errors import BadRequest
from inhouse.knowledge.acl_files import read_folder_file, read_mapping

CSV = "path,groups\n# the pay of all\nhr/pay,hr:2\n/public/,everyone\nattic,nobody\n"
EUROPEAN = '\ufeffpath;groups\r\nhr/pay;hr:2, board\r\n\r\n"a;b.md";everyone\r\n'
TOML = '[readers]\n"hr/pay" = ["hr:2", "board"]\npublic = "everyone"\n'
JSON = '{"readers": {\n "hr/pay": "hr:2;board",\n "attic": ["nobody"]}}'


def test_a_csv_file() -> None:
    """Each line is a rule that knows its line; remarks and empty lines are passed over."""
    rules = read_mapping(CSV, name="readers.csv")
    assert [(rule.where, sorted(rule.readers), rule.origin) for rule in rules] == [
        ("hr/pay", ["hr:2"], "readers.csv, line 3"),
        ("public", ["everyone"], "readers.csv, line 4"),
        ("attic", [], "readers.csv, line 5"),
    ]


def test_a_csv_file_of_a_spreadsheet() -> None:
    """With a byte order mark, `;` between cells and a quoted path."""
    rules = read_mapping(EUROPEAN, name="readers.csv")
    assert [(rule.where, sorted(rule.readers)) for rule in rules] == [
        ("hr/pay", ["board", "hr:2"]),
        ("a;b.md", ["everyone"]),
    ]


@pytest.mark.parametrize(("text", "name"), [(TOML, "r.toml"), (JSON, "r.json")])
def test_tables(text: str, name: str) -> None:
    """A table `readers` from path to groups, a list or one text."""
    rules = {rule.where: rule for rule in read_mapping(text, name=name)}
    assert rules["hr/pay"].readers == {"hr:2", "board"}
    assert rules["hr/pay"].origin == f"{name}, line 2"
    assert len(rules) == 2


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        ("hr,hr\n", "r.csv", 1),
        ("path,groups\nhr\n", "r.csv", 2),
        ("path,groups\nhr,a,b\n", "r.csv", 2),
        ("path,groups\nhr,\n", "r.csv", 2),
        ("path,groups\nhr,a:b\n", "r.csv", 2),
        ("path,groups\nok,a\n../x,hr\n", "r.csv", 3),
        ("path,groups\nhr,a\nhr/,b\n", "r.csv", 3),
        ('path,groups\n"hr,a\n', "r.csv", 2),
        ("path,groups\nhr,nobody;hr\n", "r.csv", 2),
        ("[readers\n", "r.toml", 1),
        ('[readers]\nhr = ["a"]\nhr = ["b"]\n', "r.toml", 3),
        ("[readers]\nhr = 5\n", "r.toml", 2),
        ('{"readers": {\n"hr": [1]}}', "r.json", 2),
        ('{"readers": {\n"hr" "a"}}', "r.json", 2),
    ],
)
def test_a_wrong_line_refuses_the_file(text: str, name: str, line: int) -> None:
    """The file, the line and a way out are named; nothing of the file counts."""
    with pytest.raises(BadRequest) as refused:
        read_mapping(text, name=name)
    assert refused.value.message.startswith(f"{name}, line {line}: ")
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("", "r.csv"),
        ("path,groups\n", "r.csv"),
        ("{}", "r.json"),
        ('{"readers": []}', "r.json"),
        ('{"readers": {"a": "x", "a": "y"}}', "r.json"),
        ("[" * 100_000, "r.json"),
        ("a = 1", "r.toml"),
        ("path,groups\nhr,hr\n", "r.xlsx"),
    ],
)
def test_files_without_rules_are_refused(text: str, name: str) -> None:
    """An empty mapping is an accident, and so is a key that stands twice."""
    with pytest.raises(BadRequest) as refused:
        read_mapping(text, name=name)
    assert name in refused.value.message
    assert refused.value.hint


def test_a_file_in_a_folder() -> None:
    """Groups one a line or with commas, remarks behind `#`; `nobody` is nobody."""
    assert read_folder_file("# who\nhr:2, board\n\nit # us\n", folder="a").readers == {"hr:2", "board", "it"}
    assert read_folder_file("nobody\n", folder="a").readers == frozenset()
    assert read_folder_file("nobody\n", folder="a").problem == ""


@pytest.mark.parametrize("text", ["", "# nothing\n", "hr\nnobody\n", "a:b\n", "hr\n:\n"])
def test_a_wrong_file_in_a_folder_means_nobody(text: str) -> None:
    """It was meant to keep people out, so it does, and says what is wrong."""
    file = read_folder_file(text, folder="a")
    assert file.readers == frozenset()
    assert file.problem
