"""The checks behind `/health`, each asking the part that knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from inhouse.compose.gateway import Gateway
from inhouse.compose.knowledge import Knowledge
from inhouse.config import Home
from inhouse.kernel.errors import HomeUnusable, InhouseError
from inhouse.ops.doctor import LOW_DISK_BYTES, NO_DISK_BYTES
from inhouse.ops.edge import probes
from inhouse.ops.health import Check
from inhouse.store.database import Database

__all__ = ["Checks"]


DEEP_EVERY_S = 600.0
"""Reading the whole database and index takes seconds in a large house; a broken disk shows within this."""


class Checks:
    """Asks everything that an open house stands on.

    `run` takes milliseconds, but for the deep look at every file, which it takes at most every ten minutes.
    """

    def __init__(
        self, home: Home, database: Database, gateway: Gateway, knowledge: Knowledge, *, ocr_wanted: bool
    ) -> None:
        self._home = home
        self._database = database
        self._gateway = gateway
        self._knowledge = knowledge
        self._ocr_wanted = ocr_wanted
        self._deep: tuple[Check, Check] | None = None
        self._deep_at = 0.0

    async def run(self) -> Mapping[str, Check]:
        """Every check by its name."""
        disk = await asyncio.to_thread(self._check_disk)
        database, index = await asyncio.to_thread(self._check_files)
        return {
            "database": database,
            "index": index,
            "disk": disk,
            "journal": self._check_journal(),
            "engines": self._check_engines(),
            "routing": self._check_routing(),
            "tesseract": self._check_tesseract(),
            "ingest": self._check_ingest(),
            "sources": await asyncio.to_thread(self._check_sources),
        }

    def _check_files(self) -> tuple[Check, Check]:
        """Both stores, deeply when it is time or when something was wrong."""
        well = self._deep is not None and all(check.status == "ok" for check in self._deep)
        if self._deep is None or not well or time.monotonic() - self._deep_at > DEEP_EVERY_S:
            self._deep = self._check_database(), self._check_index()
            self._deep_at = time.monotonic()
            return self._deep
        answers = self._answers()
        return (answers or self._deep[0]), self._deep[1]

    def _answers(self) -> Check | None:
        """What is wrong when the database does not even answer, None when it does."""
        try:
            with self._database.read() as connection:
                connection.exec_driver_sql("SELECT count(*) FROM revisions")
        except HomeUnusable as error:
            return Check("down", True, error.message, error.hint)
        return None

    def _check_database(self) -> Check:
        try:
            said = self._database.check()
        except HomeUnusable as error:
            return Check("down", True, error.message, error.hint)
        if said != "ok":
            hint = "stop inhouse and put back a copy from the home's backups folder"
            return Check("down", True, f"the database is damaged: {said}", hint)
        return Check("ok", True, "the database answers and is whole")

    def _check_index(self) -> Check:
        wrong = self._knowledge.lexical.check()
        if wrong:
            hint = "restart inhouse: it rebuilds the index from the database"
            return Check("down", True, f"the index is damaged: {wrong[0]}", hint)
        return Check("ok", True, "every file of the index matches its checksum")

    def _check_journal(self) -> Check:
        trouble = self._gateway.journal.trouble
        if trouble:
            return Check("down", True, trouble, "look at the disk, then start inhouse again")
        return Check("ok", True, "every request is written down before its work begins")

    def _check_disk(self) -> Check:
        free = probes.free_bytes(self._home.root)
        words = f"{free / 1e9:.1f} GB free"
        if free < NO_DISK_BYTES:
            return Check("down", True, f"{words}: nothing more can be taken in", "free some space")
        if free < LOW_DISK_BYTES:
            return Check("warn", True, f"{words}: this will not last", "free some space soon")
        return Check("ok", True, words)

    def _check_engines(self) -> Check:
        answering = self._gateway.answering()
        if answering is not None:
            return Check("ok", False, f"answers are written by {answering.model} on {answering.engine}")
        up = [engine.name for engine in self._gateway.prober.engines() if engine.state == "up"]
        found = f"found {', '.join(up)}, which may not write answers" if up else "no language model found"
        hint = "start Ollama or another engine; until then answers are exact quotes"
        return Check("warn", False, found, hint)

    def _check_routing(self) -> Check:
        """Whether the rules in force are those that are written."""
        state = self._gateway.rulebook.state()
        if state.problem:
            said = f"older routing rules are in force, the new ones are wrong: {state.problem}"
            return Check("warn", False, said, "correct inhouse.toml; it is read again at once")
        return Check("ok", False, f"routing.local is {state.local} ({state.origin})")

    def _check_tesseract(self) -> Check:
        if not self._ocr_wanted:
            return Check("ok", False, "reading scans is switched off (ingest.ocr)")
        if not self._knowledge.ocr:
            hint = "sudo apt-get install tesseract-ocr tesseract-ocr-rus"
            return Check("warn", False, "tesseract is not installed: scans cannot be read", hint)
        return Check("ok", False, "scans can be read")

    def _check_sources(self) -> Check:
        """Whether every source could be looked at when it was last tried."""
        try:
            sources = [view.source for view in self._knowledge.sources.all()]
        except InhouseError as error:
            return Check("warn", False, error.message, error.hint)
        failing = [one for one in sources if one.outcome and one.outcome.failures and not one.paused]
        if not failing:
            return Check("ok", False, f"{len(sources)} sources, none of them failing")
        first = failing[0]
        why = first.outcome.words[0] if first.outcome and first.outcome.words else "nobody knows why"
        names = ", ".join(one.name for one in failing)
        hint = f"inhouse sources show {first.name}"
        return Check("warn", False, f"{names} cannot be looked at: {why}", hint)

    def _check_ingest(self) -> Check:
        ingest = self._knowledge.ingest
        if ingest is None:
            return Check("ok", False, "another process takes documents in")
        active = ingest.active()
        if not active:
            return Check("ok", False, "nothing waits to be taken in")
        done, total = active[0].done_files, active[0].total_files
        return Check("ok", False, f"taking documents in: {done} of {total} files, {len(active)} jobs")
