"""What the head of a model's file says, and what a model may be called."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

import structlog

from inhouse.gateway.gguf import GgufFacts, read_facts
from inhouse.kernel.errors import BadRequest

__all__ = ["capabilities_of", "check_name", "facts_of", "plain_name"]

log = structlog.get_logger(__name__)

MAX_NAME_CHARS = 120
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?(?::[A-Za-z0-9][A-Za-z0-9._-]*)?\Z")


def plain_name(name: str) -> str:
    """What two spellings of a name have in common."""
    return name.strip().lower().removesuffix(":latest")


def check_name(name: str) -> str:
    """The name, fit to be listed and to be a part of a path.

    Raises:
        BadRequest: if it is not.
    """
    name = name.strip()
    if len(name) > MAX_NAME_CHARS or ".." in name or "//" in name or not _NAME.match(name):
        raise BadRequest("invalid model name", hint="letters, digits and . _ - / with one `:tag` at the end")
    return name


def facts_of(path: Path) -> GgufFacts | None:
    """What the head of a file says; None where it is no sound GGUF file with a model in it."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            view = memoryview(mapped)
            try:
                facts = read_facts(view)
            finally:
                view.release()
    except (OSError, ValueError) as error:
        log.warning("model_file_refused", path=str(path), reason=str(error))
        return None
    return facts if facts.family and facts.parameters else None


def capabilities_of(facts: GgufFacts) -> tuple[str, ...]:
    """Ollama's words for what the model can do."""
    if facts.embeds_only:
        return ("embedding",)
    found = ("completion", "tools") if facts.calls_tools else ("completion",)
    return (*found, "thinking") if facts.thinks else found
