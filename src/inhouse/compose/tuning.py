"""What `eval tune` tries settings on, built beside the house."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from inhouse.compose.database import ROOMS, open_database
from inhouse.config import Home, Loaded
from inhouse.knowledge.chunk import Cut
from inhouse.knowledge.edge.workbench import Workbench
from inhouse.knowledge.rank import Mix
from inhouse.knowledge.tuning import Trial
from inhouse.store.database import Database

__all__ = ["in_force", "open_workbench"]


def in_force(loaded: Loaded) -> Trial:
    """The settings of the house as a trial."""
    wanted = loaded.settings.retrieval
    cut = Cut(wanted.chunk_chars, wanted.overlap_sentences, wanted.headings)
    return Trial("in force", cut, Mix(wanted.window_weight, wanted.closeness_weight, wanted.anywhere_weight))


@contextlib.contextmanager
def open_workbench(loaded: Loaded, home: Home) -> Iterator[Workbench]:
    """A workbench over the home's texts for the time of the block; its copies lie in the home meanwhile.

    They hold what documents say, so they do not go where other programs put their temporary files.
    """
    house = open_database(home)
    home.state.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="tuning-", dir=home.state) as name:
        bench = Workbench(
            house, Path(name), _new_database, per_document=loaded.settings.retrieval.per_document
        )
        try:
            yield bench
        finally:
            bench.close()
            house.close()


def _new_database(place: Path) -> Database:
    place.mkdir(parents=True)
    return Database.open(place / "copy.db", ROOMS, backups=place / "backups")
