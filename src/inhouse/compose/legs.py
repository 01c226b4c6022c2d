"""The legs of the search, built from settings: words, vectors, reranker, and the words of the house."""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass

from inhouse.compose.gateway import client_of
from inhouse.config import Home, Loaded
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.rerank import HttpReranker
from inhouse.gateway.fleet import place_of
from inhouse.kernel.errors import InhouseError
from inhouse.kernel.messages import DataPolicy
from inhouse.kernel.ports import Embedder
from inhouse.knowledge.edge.embed import EmbedWork
from inhouse.knowledge.edge.embed_bridge import Bridge
from inhouse.knowledge.edge.embed_examine import Examiner
from inhouse.knowledge.edge.embed_leg import EmbedSettings, Engine, VectorLeg
from inhouse.knowledge.edge.embed_store import LegBook, VectorStore
from inhouse.knowledge.edge.glossary import StoredGlossary
from inhouse.knowledge.edge.lexical import Lexical, analyzer
from inhouse.knowledge.edge.library import DocumentLibrary
from inhouse.knowledge.edge.rerank import RerankLeg, RerankSettings
from inhouse.knowledge.edge.retrieve import Retrieve, RetrieveSettings
from inhouse.knowledge.edge.retrieve_desk import SearchDesk
from inhouse.knowledge.edge.retrieve_states import LegWishes, rerank_state, vector_state
from inhouse.knowledge.ports.search import LegState
from inhouse.knowledge.rank import Mix
from inhouse.knowledge.thesaurus import office_expansions
from inhouse.store.database import Database

__all__ = ["OpenLegs", "ask_legs", "leg_states", "leg_wishes", "open_legs", "open_store", "reranker_of"]


@dataclass(frozen=True, slots=True)
class OpenLegs:
    """What a search is made of. `work` makes vectors, None where another process does or nobody shall."""

    retrieve: Retrieve
    desk: SearchDesk
    glossary: StoredGlossary
    work: EmbedWork | None
    http: HttpClient

    def start(self) -> None:
        """Begin to make vectors."""
        if self.work is not None:
            self.work.start()

    async def stop(self) -> None:
        """End that, and give the connections back."""
        if self.work is not None:
            await self.work.stop()
        await self.http.close()


def open_store(loaded: Loaded, home: Home) -> VectorStore:
    """The vectors of the house, also while no model is set: what is removed must go there, too."""
    wanted = loaded.settings.retrieval
    if wanted.vectors == "files":
        return VectorStore(home.index / "vectors")
    from inhouse.knowledge.edge.chroma import ChromaStore

    folder = None if wanted.chroma_url else home.index / "chroma"
    return VectorStore(home.index / "vectors", ChromaStore(folder=folder, url=wanted.chroma_url))


def open_legs(
    loaded: Loaded,
    database: Database,
    lexical: Lexical,
    library: DocumentLibrary,
    *,
    store: VectorStore,
    embedder: Embedder | None,
    writer: bool,
) -> OpenLegs:
    """The legs on the running event loop; `embedder` None is a house without a gateway."""
    wanted = loaded.settings.retrieval
    http = client_of(loaded)
    bridge = Bridge(asyncio.get_running_loop())
    stems = analyzer()
    glossary = StoredGlossary(database, stems, now=time.time)
    engine, embedding = None, None
    if wanted.embedding_model and embedder is not None:
        engine = Engine(embedder, data=_data(loaded), new_id=lambda: secrets.token_hex(16))
        embedding = EmbedSettings(
            wanted.embedding_model,
            query_prefix=wanted.embedding_query_prefix,
            passage_prefix=wanted.embedding_passage_prefix,
            batch=wanted.embedding_batch,
            timeout_s=wanted.embedding_timeout_s,
        )
    vectors = (
        VectorLeg(store, engine, bridge, embedding, clock=time.monotonic) if engine and embedding else None
    )
    judge = reranker_of(loaded, http)
    limits = RerankSettings(wanted.rerank_candidates, wanted.rerank_timeout_s)
    reranker = RerankLeg(judge, store.book, bridge, limits, clock=time.monotonic) if judge else None
    retrieve = Retrieve(
        database,
        lexical,
        settings=RetrieveSettings(
            wanted.per_document,
            Mix(wanted.window_weight, wanted.closeness_weight, wanted.anywhere_weight),
        ),
        common=office_expansions,
        names=glossary,
        vectors=vectors,
        reranker=reranker,
    )
    breakers = (vectors.breaker if vectors else None, reranker.breaker if reranker else None)
    desk = SearchDesk(database, retrieve, library, store.book, leg_wishes(loaded), breakers=breakers)
    work = None
    if writer and (embedding is not None or judge is not None):
        examiner = Examiner(database, store.book, stems, now=time.time, batch=wanted.embedding_batch)
        work = EmbedWork(database, store, engine, embedding, examiner, judge=judge)
    return OpenLegs(retrieve, desk, glossary, work, http)


def leg_states(loaded: Loaded, home: Home) -> tuple[LegState, ...]:
    """The legs that the settings ask for, as the process that makes vectors noted them last."""
    wishes, notes = leg_wishes(loaded), LegBook(home.index / "vectors" / "legs.json").notes()
    states = (
        (wishes.embedding_model, vector_state(wishes, notes, None)),
        (wishes.rerank_url, rerank_state(wishes, notes, None)),
    )
    return tuple(state for wanted, state in states if wanted)


async def ask_legs(loaded: Loaded, embedder: Embedder) -> dict[str, str]:
    """Ask engine and reranker for a few words each; what is wrong, by leg."""
    failures: dict[str, str] = {}
    wanted = loaded.settings.retrieval
    http = client_of(loaded)
    try:
        if wanted.embedding_model:
            engine = Engine(embedder, data=_data(loaded), new_id=lambda: secrets.token_hex(16))
            try:
                await engine.vectors(wanted.embedding_model, ["vacation policy"])
            except InhouseError as error:
                failures["vectors"] = f"{error.message}. {error.hint}".rstrip(". ")
        judge = reranker_of(loaded, http)
        if judge is not None:
            try:
                await judge.scores("vacation", ["Vacation lasts 28 days.", "Lunch is at noon."])
            except InhouseError as error:
                failures["rerank"] = error.message
    finally:
        await http.close()
    return failures


def leg_wishes(loaded: Loaded) -> LegWishes:
    """What the settings ask for, and whether they may have it."""
    wanted = loaded.settings.retrieval
    return LegWishes(wanted.embedding_model, wanted.rerank_url, wanted.rerank_model, _refused(loaded))


def reranker_of(loaded: Loaded, http: HttpClient) -> HttpReranker | None:
    """The reranker of the settings; None without one, or when its address may not have documents."""
    wanted = loaded.settings.retrieval
    if not wanted.rerank_url or _refused(loaded):
        return None
    return HttpReranker(
        http,
        wanted.rerank_url,
        model=wanted.rerank_model,
        form=wanted.rerank_form,
        key=loaded.secret(loaded.settings.secrets.rerank_api_key) or "",
        # In the background it may take longer; a search waits for its own time only.
        timeout_s=max(wanted.rerank_timeout_s, 30.0),
    )


def _data(loaded: Loaded) -> DataPolicy:
    """Passages are documents: they stay in the house unless both settings say otherwise."""
    settings = loaded.settings
    return "any" if settings.retrieval.cloud and settings.cloud.allowed else "local_only"


def _refused(loaded: Loaded) -> str:
    wanted = loaded.settings.retrieval
    if not wanted.rerank_url or place_of(wanted.rerank_url) == "local":
        return ""
    if wanted.cloud and loaded.settings.cloud.allowed:
        return ""
    return "the reranker's address is not in the house, and documents may not leave it"
