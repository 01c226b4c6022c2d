"""The page's files by themselves: vendored code, words, and what the content-security policy forbids."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

STATIC = Path(__file__).parents[2] / "src/inhouse/serve/static"
VENDOR = STATIC / "vendor"
OWN = sorted(
    path
    for path in STATIC.rglob("*")
    if path.is_file() and VENDOR not in path.parents and path.suffix != ".svg"
)
SCRIPTS = [path for path in OWN if path.suffix == ".js"]
FORMS = {"en": {"one", "other"}, "ru": {"one", "few", "many", "other"}}
IMPORT = re.compile(r'(?:^import |\bfrom ?)"([^"\n]+)"', re.MULTILINE)
ENTRY = re.compile(r'^  "([\w.]+)": "', re.MULTILINE)


def name(path: Path) -> str:
    return path.relative_to(STATIC).as_posix()


def keys(language: str) -> list[str]:
    return ENTRY.findall((STATIC / f"js/words-{language}.js").read_text("utf-8"))


def split_plurals(language: str) -> tuple[set[str], dict[str, set[str]]]:
    """Plain keys, and for each plural its forms."""
    plain: set[str] = set()
    plurals: dict[str, set[str]] = {}
    every = set(keys(language))
    for key in every:
        stem, _, form = key.rpartition(".")
        if form in FORMS["ru"] and f"{stem}.other" in every:
            plurals.setdefault(stem, set()).add(form)
        else:
            plain.add(key)
    return plain, plurals


def test_vendored_files_are_those_of_the_list() -> None:
    """Every vendored module has its recorded hash and its licence, and nothing else lies there."""
    modules = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))["module"]
    for module in modules:
        assert hashlib.sha256((VENDOR / module["file"]).read_bytes()).hexdigest() == module["sha256"]
        assert re.fullmatch(r"[0-9a-f]{64}", module["upstream_sha256"])
        assert len((VENDOR / module["licence_file"]).read_text("utf-8")) > 500
    listed = {module["file"] for module in modules} | {module["licence_file"] for module in modules}
    assert {path.name for path in VENDOR.iterdir()} == listed | {"VENDOR.toml"}


@pytest.mark.parametrize("path", sorted([*SCRIPTS, *VENDOR.glob("*.js")]), ids=name)
def test_modules_import_only_files_that_exist(path: Path) -> None:
    """No bare specifier is left: each import is a relative path to a file of the page."""
    for specifier in IMPORT.findall(path.read_text("utf-8")):
        assert specifier.startswith("."), specifier
        assert (path.parent / specifier).is_file(), specifier


def test_both_languages_have_the_same_keys() -> None:
    """Plain keys are equal, and every plural has all the forms of its language."""
    english, russian = split_plurals("en"), split_plurals("ru")
    assert english[0] == russian[0]
    assert set(english[1]) == set(russian[1])
    assert {stem: forms for stem, forms in english[1].items() if forms != FORMS["en"]} == {}
    assert {stem: forms for stem, forms in russian[1].items() if forms != FORMS["ru"]} == {}


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_key_is_written_twice(language: str) -> None:
    """A second entry would silently win."""
    every = keys(language)
    assert sorted(key for key in set(every) if every.count(key) > 1) == []


def test_the_words_that_are_used_exist() -> None:
    """Every literal key in the scripts is in the tables, and every key of the tables is used somewhere."""
    plain, plurals = split_plurals("en")
    text = "\n".join(path.read_text("utf-8") for path in SCRIPTS if not path.name.startswith("words-"))
    asked = set(re.findall(r'\bt\(\s*"([\w.]+)"', text))
    asked_plural = set(re.findall(r'\bplural\(\s*"([\w.]+)"', text))
    assert asked - plain == set()
    assert asked_plural - set(plurals) == set()
    stems = set(re.findall(r"[`\"]([a-z0-9_]+(?:\.[a-z0-9_]+)*)\.\$\{", text)) | set(
        re.findall(r"\"([\w.]+)\"", text)
    )
    unused = {
        key
        for key in plain | set(plurals)
        if not any(key == stem or key.startswith(f"{stem}.") for stem in stems)
    }
    assert unused - {key for key in plain if key.startswith("panel.")} == set()


@pytest.mark.parametrize("language", ["en", "ru"])
def test_placeholders_are_the_same_in_both_languages(language: str) -> None:
    """A word that names {n} in one language names it in the other."""
    table = re.compile(r'^  "([\w.]+)": "((?:[^"\\]|\\.)*)"', re.MULTILINE)
    other = {"en": "ru", "ru": "en"}[language]
    mine, theirs = (
        dict(table.findall((STATIC / f"js/words-{one}.js").read_text("utf-8"))) for one in (language, other)
    )
    for key in mine.keys() & theirs.keys():
        assert set(re.findall(r"\{\w+\}", mine[key])) == set(re.findall(r"\{\w+\}", theirs[key])), key


@pytest.mark.parametrize("path", OWN, ids=name)
def test_own_files_name_no_other_origin(path: Path) -> None:
    """No address outside this house in anything we wrote for the page."""
    text = path.read_text("utf-8")
    if path.suffix == ".js":
        text = re.sub(r"^//.*$", "", text, flags=re.MULTILINE)
    assert re.findall(r"https?://[\w.-]+", text) == []
    assert "@import" not in text
    assert not re.search(r"url\(", text)


def test_index_has_nothing_inline() -> None:
    """No script, style or handler inside the page: the policy would block it."""
    text = (STATIC / "index.html").read_text("utf-8")
    assert re.findall(r"<script(?![^>]*\bsrc=)", text) == []
    assert "<style" not in text
    assert re.findall(r"\s(?:style|on\w+)=", text) == []
    for address in re.findall(r'(?:src|href)="([^"]+)"', text):
        assert address.startswith("/static/")
        assert (STATIC / address.removeprefix("/static/")).is_file()


@pytest.mark.parametrize("path", SCRIPTS, ids=name)
def test_scripts_never_write_markup(path: Path) -> None:
    """No innerHTML, no eval, no style attribute as text, no browser dialogs."""
    text = path.read_text("utf-8")
    code = re.sub(r"^\s*(?://|\*|/\*).*$", "", text, flags=re.MULTILINE)
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "dangerouslySetInnerHTML",
        "document.write",
        "eval(",
    ):
        assert word not in code, word
    assert re.findall(r"\b(?:window\.)?(?:alert|confirm|prompt)\(", code) == []
    assert 'style="' not in code
