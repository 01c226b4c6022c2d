"""Log lines of the tests go where those of a command go."""

from __future__ import annotations

import pytest

from inhouse.ops.edge.logs import LogChoices, start_logging


@pytest.fixture(autouse=True)
def logs() -> None:
    """Without this, structlog would draw on stdout."""
    start_logging(LogChoices())
