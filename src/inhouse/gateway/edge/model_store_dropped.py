"""GGUF files that somebody put right into the folder of models: served as they are, called like their file.

They have no note and no digest: reading some gigabytes at every start would delay it by many seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from inhouse.gateway.edge.model_store_head import capabilities_of, check_name, facts_of, plain_name
from inhouse.gateway.gguf import GgufFacts
from inhouse.gateway.ports import InstalledModel
from inhouse.kernel.errors import BadRequest

__all__ = ["DroppedFiles", "name_of_file"]

log = structlog.get_logger(__name__)

SETTLE_S = 3.0
"""A file that was written to this short a time ago may still be on its way in."""
ORIGIN = "put into the folder of models"
Stamp = tuple[str, int, int, bool]


class DroppedFiles:
    """The files right in `root`. `look` again and again: it takes microseconds where nothing changed."""

    def __init__(self, root: Path, *, clock: Callable[[], float]) -> None:
        self._root = root
        self._clock = clock
        self._stamps: tuple[Stamp, ...] = ()
        self._facts: dict[Stamp, GgufFacts | None] = {}
        self._models: dict[str, InstalledModel] = {}

    def look(self) -> Mapping[str, InstalledModel]:
        """What is there now, by plain name."""
        stamps = self._there()
        if stamps != self._stamps:
            known = self._facts
            self._facts = {
                each: known[each] if each in known else facts_of(self._root / each[0])
                for each in stamps
                if each[3]
            }
            models = (_model(self._root, each, facts) for each, facts in self._facts.items())
            self._models = {plain_name(each.name): each for each in models if each is not None}
            self._stamps = stamps
        return self._models

    def _there(self) -> tuple[Stamp, ...]:
        """Name, size and time of each file, and whether it has come to rest."""
        now, found = self._clock(), []
        try:
            for path in self._root.glob("*.[gG][gG][uU][fF]"):
                about = path.stat()
                rests = abs(now - about.st_mtime) >= SETTLE_S
                found.append((path.name, about.st_size, about.st_mtime_ns, rests))
        except OSError:
            return ()  # the folder is not there, or a file left while it was looked at
        return tuple(sorted(found))


def name_of_file(file: str) -> str:
    """What a model is called whose file is called so.

    Raises:
        BadRequest: if it is no name, or the file of a part of a model.
    """
    if not file.lower().endswith(".gguf"):
        raise BadRequest(f"{file} is no .gguf file")
    if "-of-0" in file:
        raise BadRequest(f"{file} is one of several files", hint="give a model in one file")
    return check_name(file[: -len(".gguf")].lower())


def _model(root: Path, stamp: Stamp, facts: GgufFacts | None) -> InstalledModel | None:
    file, size, modified_ns, _rests = stamp
    if facts is None:
        return None  # said where it was read
    try:
        name = name_of_file(file)
    except BadRequest as error:
        log.warning("model_file_refused", path=str(root / file), reason=str(error))
        return None
    return InstalledModel(
        name=name,
        path=root / file,
        sha256="",
        size_bytes=size,
        origin=ORIGIN,
        architecture=facts.family,
        context_tokens=facts.context_tokens or None,
        parameters=facts.parameters or None,
        quantization=facts.quantization,
        capabilities=capabilities_of(facts),
        embedding_length=facts.embedding_length or None,
        modified_at=modified_ns / 1e9,
    )
