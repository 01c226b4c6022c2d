"""What is in the repository besides code, and what must not be there."""

from __future__ import annotations

import csv
import hashlib
import re
import tomllib

import pytest

import inhouse
from tests.house.tree import PACKAGE, ROOT, tracked

VENDOR = PACKAGE / "serve" / "static" / "vendor"
LOCKS = ("requirements.lock", "requirements-dev.lock", "requirements-build.lock", "requirements-model.lock")
FORBIDDEN = tuple(
    "".join(parts)
    for parts in (
        ("pypi", ".org"),
        ("python", "hosted.org"),
        ("registry.", "npmjs"),
        ("deb.", "debian"),
        ("/wo", "rk/"),
        ("/fa", "rm/"),
        ("/tmp/", "exp"),
        ("/ro", "ot/"),
    )
)
"""Hosts of package registries and paths of one machine, in pieces so that this file may hold them."""


def test_no_registry_and_no_machine_path() -> None:
    """No tracked file names a package registry's host or a path of the machine it was written on."""
    found = []
    for path in tracked():
        content = path.read_bytes()
        found += [f"{path.relative_to(ROOT)}: {text}" for text in FORBIDDEN if text.encode() in content]
    assert found == []


def test_changelog_has_the_current_version() -> None:
    """The newest released heading of CHANGELOG.md is this version."""
    headings = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert headings[0] == inhouse.__version__


def test_version_is_written_once() -> None:
    """Only `src/inhouse/__init__.py` holds the version; the package's metadata takes it from there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["hatch"]["version"]["path"] == "src/inhouse/__init__.py"
    quoted = f'"{inhouse.__version__}"'
    holders = [
        path.relative_to(ROOT).as_posix()
        for path in tracked()
        if path.suffix == ".py" and PACKAGE in path.parents and quoted in path.read_text("utf-8")
    ]
    assert holders == ["src/inhouse/__init__.py"]


@pytest.mark.parametrize("name", LOCKS)
def test_locks_have_hashes_and_no_addresses(name: str) -> None:
    """Every package of a lock file is exact and has a hash; nothing says where it comes from."""
    text = (ROOT / name).read_text("utf-8")
    assert "://" not in text
    assert "--index" not in text
    blocks = re.findall(r"^([a-z0-9][^\n]*)\n((?: +[^\n]*\n)+)", text, re.MULTILINE)
    assert blocks
    for first, rest in blocks:
        assert "==" in first
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", rest), first
    assert len(blocks) == len(re.findall(r"^\S", text, re.MULTILINE))


def test_locks_cover_the_project() -> None:
    """What pyproject.toml asks for is in the lock files."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    extras = project["project"]["optional-dependencies"]
    runtime = [*project["project"]["dependencies"], *extras["knowledge"], *extras["local"]]
    wanted = {"requirements.lock": runtime, "requirements-dev.lock": project["dependency-groups"]["dev"]}
    for lock, requirements in wanted.items():
        locked = set(re.findall(r"^([a-z0-9-]+)==", (ROOT / lock).read_text("utf-8"), re.MULTILINE))
        names = {re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower() for requirement in requirements}
        assert names - locked == set()


def test_vendored_files_have_licence_and_hash() -> None:
    """Each vendored module is as it was recorded, has its licence beside it, and none is unrecorded."""
    modules = tomllib.loads((VENDOR / "VENDOR.toml").read_text("utf-8"))["module"]
    assert modules
    for module in modules:
        content = (VENDOR / module["file"]).read_bytes()
        assert hashlib.sha256(content).hexdigest() == module["sha256"], module["file"]
        assert re.fullmatch(r"[0-9a-f]{64}", module["upstream_sha256"])
        assert module["version"]
        assert module["licence"]
        assert (VENDOR / module["licence_file"]).stat().st_size > 200
    recorded = {module["file"] for module in modules} | {module["licence_file"] for module in modules}
    assert {path.name for path in VENDOR.iterdir()} == recorded | {"VENDOR.toml"}


def test_licence_is_apache() -> None:
    """The licence that pyproject.toml names is the one in LICENSE."""
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
    assert tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["license"] == "Apache-2.0"


def test_sample_is_small_and_dated() -> None:
    """About thirty files, below 1.5 MB, each with the date on which it was written; and nothing else."""
    company = ROOT / "sample" / "company"
    files = {path.relative_to(company).as_posix() for path in company.rglob("*") if path.is_file()}
    with (ROOT / "sample" / "dates.csv").open(encoding="utf-8", newline="") as table:
        dated = {row["file"] for row in csv.DictReader(table)}
    assert files == dated
    assert 25 <= len(files) <= 45
    assert sum((company / name).stat().st_size for name in files) < 1_500_000


def test_sample_questions_name_files_that_exist() -> None:
    """The documents beside each demo question are part of the sample; two questions have none."""
    table = (ROOT / "sample" / "QUESTIONS.md").read_text("utf-8")
    rows = re.findall(r"^\| \d+ \|.*\| (.*) \|$", table, re.MULTILINE)
    assert len(rows) >= 12
    assert rows.count("—") == 2
    named = [name for row in rows for name in re.findall(r"`([^`]+)`", row)]
    assert [name for name in named if not (ROOT / "sample" / "company" / name).is_file()] == []
