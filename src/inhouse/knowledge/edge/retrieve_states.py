"""How the legs of the search are, in words for `inhouse doctor` and for the pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from inhouse.knowledge.edge.embed_bridge import Breaker
from inhouse.knowledge.edge.embed_store import Examined, LegNotes
from inhouse.knowledge.edge.vectors import fingerprint
from inhouse.knowledge.ports.search import LegState

__all__ = ["WORDS", "LegWishes", "rerank_state", "vector_state"]

GUIDE = "see docs/guides/embeddings.md"
SERVING = "it goes on while `inhouse serve` runs"
WORDS = LegState("words", "on", "stems of Russian and English, and other names for them")

State = Literal["on", "part", "off", "failing"]


@dataclass(frozen=True, slots=True)
class LegWishes:
    """What the settings ask for; `refused` says why the reranker's address may not be used."""

    embedding_model: str = ""
    rerank_url: str = ""
    rerank_model: str = ""
    refused: str = ""


def vector_state(wishes: LegWishes, notes: LegNotes, breaker: Breaker | None) -> LegState:
    """The leg of the vectors."""
    model = wishes.embedding_model
    if not model:
        return LegState(
            "vectors", "off", "no embedding model is set", f"set retrieval.embedding_model; {GUIDE}"
        )
    waiting = max(notes.wanted - notes.done, 0)

    def said(state: State, words: str, remedy: str = "") -> LegState:
        return LegState("vectors", state, words, remedy, model, documents=notes.wanted, waiting=waiting)

    if notes.trouble:
        return said("failing", f"{model}: {notes.trouble}", "look at the engine; it is tried again by itself")
    if breaker is not None and not breaker.closed():
        return said("failing", f"{model}: {breaker.said}; words alone decide", "look at the engine")
    progress = f"{notes.done} of {notes.wanted} documents"
    if notes.active is None:
        return said("off", f"{model}: vectors are being made, {progress}", SERVING)
    if notes.vectors is None or notes.vectors.model != fingerprint(notes.active):
        return said("off", f"{notes.active.name}: not examined yet", SERVING)
    state, words = _examined(notes.vectors)
    moving = f"; {waiting} documents wait for their vectors" if waiting else ""
    if notes.active.name != model:
        moving = f"; {model} is being made ready, {progress}"
    remedy = "" if state == "on" else f"a model that knows both languages, such as bge-m3; {GUIDE}"
    return said(state, f"{notes.active.name}: {words}{moving}", remedy)


def rerank_state(wishes: LegWishes, notes: LegNotes, breaker: Breaker | None) -> LegState:
    """The leg of the reranker."""
    model = wishes.rerank_model or wishes.rerank_url
    if not wishes.rerank_url:
        return LegState("rerank", "off", "no reranker is set", f"set retrieval.rerank_url; {GUIDE}")
    if wishes.refused:
        return LegState("rerank", "off", wishes.refused, "retrieval.cloud = true allows it", model)
    if breaker is not None and not breaker.closed():
        words = f"{model}: {breaker.said}; the order stays as it was"
        return LegState("rerank", "failing", words, "look at the server", model)
    if notes.rerank is None:
        words = f"{model}: {notes.trouble}" if notes.trouble else f"{model}: not examined yet"
        return LegState("rerank", "failing" if notes.trouble else "off", words, SERVING, model)
    state, words = _examined(notes.rerank)
    remedy = "" if state == "on" else f"a model that knows the language, such as bge-reranker-v2-m3; {GUIDE}"
    return LegState("rerank", state, f"{model}: {words}", remedy, model)


def _examined(examined: Examined) -> tuple[State, str]:
    """`on` when nothing failed that could be examined; a language that is not there is no fault."""
    words = ", ".join(check.words for check in examined.checks)
    failed = [check for check in examined.checks if not check.passed and not check.unknown]
    if not any(check.passed for check in examined.checks):
        return "off", words
    return ("part" if failed else "on"), words
