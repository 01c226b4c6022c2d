"""The whole house, open for the length of a block."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import structlog

import inhouse
from inhouse.compose.access import open_access
from inhouse.compose.checks import Checks
from inhouse.compose.database import open_database
from inhouse.compose.door import cached_chat, doors_of, express_of, open_gate, repeats_of
from inhouse.compose.gateway import Gateway, open_gateway
from inhouse.compose.knowledge import Knowledge, open_knowledge
from inhouse.config import Home, Loaded, show
from inhouse.gateway.edge.keys import StoredKeys
from inhouse.gateway.edge.providers.embedded_memory import machine
from inhouse.knowledge.edge.answer import AnswerSettings, DocumentAnswers
from inhouse.knowledge.edge.chats import StoredChats
from inhouse.knowledge.edge.eval_book import StoredEvaluations
from inhouse.knowledge.edge.prompts import load_prompts
from inhouse.ops.edge import probes
from inhouse.serve.parts import Limits, Parts, SettingRow
from inhouse.store.database import Database
from inhouse.store.lock import HomeLock, Owner

__all__ = ["House", "open_database", "open_house"]

log = structlog.get_logger(__name__)

ASKING = frozenset({"ask", "chat", "route explain", "rollout", "bench"})
"""Commands that a model answers or that name one; the others need not wait for a look at the engines."""
SCHEDULED = frozenset({"serve", "up"})
"""Commands that stay, and look at sources when they are due; others look at what they are asked for."""
LOOK_S = 1.5


@dataclass(frozen=True, slots=True)
class House:
    """An open house: its parts, and the lock that says who has it open."""

    parts: Parts
    lock: HomeLock | None
    command: str

    def announce(self, address: str) -> None:
        """Tell other commands where this house serves."""
        if self.lock is not None:
            self.lock.announce(Owner(os.getpid(), self.command, address))


@contextlib.asynccontextmanager
async def open_house(loaded: Loaded, home: Home, *, command: str, writer: bool) -> AsyncIterator[House]:
    """Open the home. `writer` takes the lock, repairs what a dead process left, and watches the engines.

    Raises:
        HomeBusy: if `writer`, and another process holds the home.
        HomeUnusable: if the home is newer, damaged, read-only, or its disk is full.
        MissingExtra: if the parts that read documents are not installed.
    """
    async with contextlib.AsyncExitStack() as stack:
        lock = None
        if writer:
            lock = stack.enter_context(HomeLock(home.lock))
            lock.take(command)
        database = await asyncio.to_thread(open_database, home)
        stack.callback(database.close)
        gateway = await stack.enter_async_context(open_gateway(loaded, home, database, watch=writer))
        knowledge = await stack.enter_async_context(
            open_knowledge(loaded, home, database, writer=writer, embedder=gateway.dispatch)
        )
        if writer:
            knowledge.sources.start(scheduled=command in SCHEDULED)
            stack.push_async_callback(asyncio.to_thread, knowledge.sources.stop)
        if command in ASKING:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await gateway.prober.refresh()
        yield House(_parts(loaded, home, database, gateway, knowledge), lock, command)


def _parts(loaded: Loaded, home: Home, database: Database, gateway: Gateway, knowledge: Knowledge) -> Parts:
    settings = loaded.settings
    chats = StoredChats(database, now=time.time, new_id=lambda: secrets.token_hex(16))
    if knowledge.ingest is not None:
        chats.recover()
    answers = DocumentAnswers(
        knowledge.retrieve,
        gateway.dispatch,
        gateway.journal,
        AnswerSettings(
            use_model=settings.answers.use_model == "auto",
            max_passages=settings.answers.max_passages,
            max_question_chars=settings.answers.max_question_chars,
            rewrite=settings.answers.rewrite,
        ),
        prompts=load_prompts(Path(settings.answers.prompts or home.root / "prompts")),
        clock=time.monotonic,
        charged=gateway.cash.money.charged,
    )
    keys = StoredKeys(database)
    people, access = open_access(database, keys, knowledge)
    checks = Checks(home, database, gateway, knowledge, ocr_wanted=settings.ingest.ocr == "auto")
    return Parts(
        version=inhouse.__version__,
        library=knowledge.library,
        ingest=knowledge.ingest,
        pages=knowledge.pages,
        trash=knowledge.trash,
        sources=knowledge.sources,
        search=knowledge.retrieve,
        legs=knowledge.search_desk,
        glossary=knowledge.glossary,
        answers=answers,
        chats=chats,
        fleet=gateway.prober,
        ledger=gateway.ledger,
        models=gateway.models,
        answering=gateway.answering,
        checks=checks.run,
        free_bytes=lambda: probes.free_bytes(home.root),
        machine=lambda: machine(home.root),
        ocr=settings.ingest.ocr == "auto" and knowledge.ocr,
        limits=Limits(
            max_body_bytes=settings.server.max_body_mb * 1_000_000,
            max_file_bytes=settings.ingest.max_file_mb << 20,
            max_question_chars=settings.answers.max_question_chars,
            allowed_hosts=settings.server.allowed_hosts,
            doors=doors_of(settings),
        ),
        settings=tuple(
            SettingRow(row.name, row.value, row.origin, row.unit, row.why, row.env) for row in show(loaded)
        ),
        keys=keys,
        people=people,
        access=access,
        gate=open_gate(settings, keys),
        chat=cached_chat(settings, gateway),
        repeats=repeats_of(settings),
        rollouts=gateway.chat,
        samples=gateway.samples,
        money=gateway.cash.money,
        embedder=gateway.dispatch,
        catalogue=gateway.catalogue,
        routing=gateway.desk,
        accounts=gateway.journal,
        express=express_of(settings, gateway),
        evaluations=StoredEvaluations(database, now=time.time, new_id=lambda: secrets.token_hex(16)),
    )
