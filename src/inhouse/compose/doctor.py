"""What `inhouse doctor` needs to know, found out."""

from __future__ import annotations

import asyncio
import sys
import time

from inhouse.compose.gateway import open_gateway
from inhouse.compose.house import open_database
from inhouse.compose.lock import owner
from inhouse.config import Home, Loaded
from inhouse.gateway.edge.prober import Prober
from inhouse.gateway.ports import EngineView, MoneyFacts
from inhouse.kernel.errors import EngineError, InhouseError
from inhouse.kernel.ports import Embedder
from inhouse.ops.doctor import EngineFact, Facts, LegFact, PricesFact, SourceFact
from inhouse.ops.edge import probes
from inhouse.store.database import Database

__all__ = ["doctor_facts"]

OLLAMA_PORT = 11434
LOOKS, LOOK_AGAIN_S = 4, 0.5


async def doctor_facts(loaded: Loaded, home: Home) -> Facts:
    """All facts about this machine and home; asks every engine for a few words, so it takes seconds."""
    settings = loaded.settings
    serving = owner(home)
    mode, ours = probes.permissions(home.root)
    version, languages = await asyncio.to_thread(probes.tesseract)
    database, index, engines, prices, legs, sources = await _inside(loaded, home)
    return Facts(
        python=sys.version_info[:2],
        home=str(home.root),
        home_mode=mode,
        home_is_ours=ours,
        server=serving.address if serving else "",
        free_bytes=probes.free_bytes(home.root),
        port=settings.server.port,
        port_holder=probes.port_holder(settings.server.port),
        ollama_port_holder=probes.port_holder(OLLAMA_PORT),
        tesseract=version,
        tesseract_languages=languages,
        wanted_languages=tuple(settings.ingest.ocr_languages.split("+"))
        if settings.ingest.ocr == "auto"
        else (),
        engines=engines,
        gpus=await asyncio.to_thread(probes.gpus),
        cloud_keys=loaded.cloud_keys(),
        cloud_allowed=settings.cloud.allowed,
        missing_extras=probes.missing_extras(),
        database=database,
        index=index,
        prices=prices,
        legs=legs,
        sources=sources,
    )


Inside = tuple[
    str, str, tuple[EngineFact, ...], PricesFact | None, tuple[LegFact, ...], tuple[SourceFact, ...]
]


async def _inside(loaded: Loaded, home: Home) -> Inside:
    """State of database and index, engines, prices; a broken home is a fact, not an error."""
    try:
        opened = await asyncio.to_thread(open_database, home)
    except InhouseError as error:
        return str(error), "not looked at: the database cannot be opened", (), None, (), ()
    try:
        said = await asyncio.to_thread(_check, opened)
        if said != "ok":
            return said, "not looked at: the database is damaged", (), None, (), ()
        async with open_gateway(loaded, home, opened, watch=False) as gateway:
            views = await gateway.prober.refresh()
            engines = [await _ask(gateway.prober, view) for view in views]
            prices = _prices(gateway.cash.money.facts())
            legs = await _legs(loaded, home, gateway.dispatch)
        index = await asyncio.to_thread(_index, home, opened)
        return said, index, tuple(engines), prices, legs, await asyncio.to_thread(_sources, opened)
    finally:
        opened.close()


async def _legs(loaded: Loaded, home: Home, embedder: Embedder) -> tuple[LegFact, ...]:
    """The legs that the settings ask for, each asked once."""
    wanted = loaded.settings.retrieval
    if "knowledge" in probes.missing_extras() or not (wanted.embedding_model or wanted.rerank_url):
        return ()
    from inhouse.compose.legs import ask_legs, leg_states

    failures = await ask_legs(loaded, embedder)
    states = await asyncio.to_thread(leg_states, loaded, home)
    return tuple(
        LegFact(one.leg, one.state, one.words, one.remedy, failures.get(one.leg, "")) for one in states
    )


def _sources(database: Database) -> tuple[SourceFact, ...]:
    """The sources that are looked at, and why the last look at one failed."""
    if "knowledge" in probes.missing_extras():
        return ()
    from inhouse.knowledge.edge.source_desk_rows import SourceRows

    facts: list[SourceFact] = []
    for source in SourceRows(database).all():
        outcome = source.outcome
        failing = outcome is not None and outcome.failures and not source.paused
        facts.append(SourceFact(source.name, "; ".join(outcome.words[:1]) if outcome and failing else ""))
    return tuple(facts)


def _prices(facts: MoneyFacts) -> PricesFact:
    missing = []
    if facts.reference and not facts.reference_known:
        missing.append(f"the price of {facts.reference} is not known in {facts.currency} (add a [[rate]]?)")
    if not facts.machines or not facts.electricity_known:
        missing.append("local work has no cost until [[hardware]] and money.electricity_kwh are set")
    return PricesFact(
        facts.book, facts.book_day, facts.book_age_days, facts.book_stale, unknown="; ".join(missing)
    )


def _check(database: Database) -> str:
    try:
        return database.check()
    except InhouseError as error:
        return str(error)


def _index(home: Home, database: Database) -> str:
    if "knowledge" in probes.missing_extras():
        return "not looked at: the extra `knowledge` is not installed"
    from inhouse.compose.knowledge import index_is_gone
    from inhouse.knowledge.edge.lexical import Lexical

    # A server may be writing just now; what is still wrong after a moment is damage.
    wrong: list[str] = []
    for _ in range(LOOKS):
        wrong = Lexical(home.index / "lexical").check()
        if index_is_gone(home, database):
            wrong.append("its files are gone")
        if not wrong:
            return "ok"
        time.sleep(LOOK_AGAIN_S)
    return "; ".join(wrong)


async def _ask(prober: Prober, view: EngineView) -> EngineFact:
    fact = EngineFact(view.name, view.where, view.state, len(view.models), view.reason)
    if view.state != "up" or view.where == "cloud":
        return fact
    try:
        words, seconds = await prober.test_prompt(view.name)
    except EngineError as error:
        return EngineFact(*_told(fact), failure=str(error))
    warnings = (
        f"{model.name}: {model.warning}"
        for engine in prober.engines()
        if engine.name == view.name
        for model in engine.models
        if model.warning
    )
    return EngineFact(*_told(fact), answered=words, answer_s=seconds, warning=next(warnings, ""))


def _told(fact: EngineFact) -> tuple[str, str, str, int, str]:
    return fact.name, fact.where, fact.state, fact.models, fact.reason
