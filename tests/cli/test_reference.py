"""The reference pages that are made from code are current."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from inhouse.cli.reference import pages

FOLDER = Path(__file__).parents[2] / "docs" / "reference"


@pytest.fixture(scope="module")
def made() -> Mapping[str, str]:
    """All pages, written once: each of them walks every setting, command and route."""
    return pages()


@pytest.mark.parametrize("name", ["settings.md", "cli.md", "errors.md", "http.md"])
def test_the_page_is_current(name: str, made: Mapping[str, str]) -> None:
    """What is in the checkout is what `make docs` would write."""
    assert (FOLDER / name).read_text("utf-8") == made[name]
