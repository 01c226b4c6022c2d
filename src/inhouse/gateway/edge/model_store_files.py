"""The model files of this house: a folder of GGUF files, and a small note for every name.

    models/blobs/sha256-….gguf     the bytes, kept once however many names they have
    models/notes/NAME.json         what a name stands for; written whole or not at all
    models/incoming/               what is not complete; a download goes on from here
    models/NAME.gguf               put there by hand: served as it is, under that name

The folder can be copied to another house; a note without its file is left out, with a line in the log.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import msgspec
import structlog

from inhouse.gateway.edge.model_store_bytes import copy_whole, receive, settle, sha256_in, sync_folder
from inhouse.gateway.edge.model_store_dropped import DroppedFiles, name_of_file
from inhouse.gateway.edge.model_store_head import capabilities_of, check_name, facts_of, plain_name
from inhouse.gateway.gguf import GgufFacts
from inhouse.gateway.ports import InstalledModel
from inhouse.kernel.errors import BadRequest, HomeUnusable, NotFound

__all__ = ["MARGIN_BYTES", "Arrival", "ModelFiles", "free_bytes_of"]

log = structlog.get_logger(__name__)

MARGIN_BYTES = 512 << 20
"""Left free on the disk whatever comes in: the database and the journal of this house need room to write."""
FORGET_S = 7 * 86_400.0
"""A download that nobody took up again for a week gives its room back at the next start."""
_DIGEST = re.compile(r"sha256[:-]([0-9a-f]{64})\Z")


class _Note(msgspec.Struct):
    name: str
    sha256: str
    size_bytes: int
    origin: str
    architecture: str
    context_tokens: int | None
    parameters: int | None
    quantization: str
    capabilities: list[str]
    embedding_length: int | None
    modified_at: float
    etag: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """A complete file, still among what comes in: where it is, whose it is, and what its bytes are."""

    path: Path
    sha256: str
    origin: str
    etag: str = ""


class ModelFiles:
    """The folder `root`, made when something first comes in. Methods that touch the disk run in a thread.

    `free_bytes` tells the room on a folder's disk; `clock` is UNIX seconds.
    """

    def __init__(
        self,
        root: Path,
        *,
        clock: Callable[[], float],
        free_bytes: Callable[[Path], int] | None = None,
        margin_bytes: int = MARGIN_BYTES,
    ) -> None:
        self.incoming = root / "incoming"
        self._root = root
        self._blobs = root / "blobs"
        self._notes = root / "notes"
        self._clock = clock
        self._free_bytes = free_bytes or free_bytes_of
        self._margin_bytes = margin_bytes
        self._dropped = DroppedFiles(root, clock=clock)
        self._known: dict[str, InstalledModel] = {}
        self._seen_ns = 0
        self._etags: dict[str, str] = {}
        self._changing = threading.RLock()

    def load(self) -> None:
        """Read all notes; called once, before anything else. Half an upload cannot go on and is removed."""
        for path in self.incoming.iterdir() if self.incoming.is_dir() else ():
            if path.name.startswith("upload-") or self._clock() - path.stat().st_mtime > FORGET_S:
                path.unlink(missing_ok=True)
        self._read_notes()

    def _read_notes(self) -> None:
        self._seen_ns = self._changed_ns()
        known: dict[str, InstalledModel] = {}
        etags: dict[str, str] = {}
        for path in sorted(self._notes.glob("*.json")) if self._notes.is_dir() else ():
            try:
                note = msgspec.json.decode(path.read_bytes(), type=_Note)
            except (OSError, msgspec.DecodeError) as error:
                log.warning("model_note_unreadable", path=str(path), reason=str(error))
                continue
            blob = self._blob(note.sha256)
            if not blob.is_file() or blob.stat().st_size != note.size_bytes:
                log.warning("model_file_missing", model=note.name, path=str(blob))
                continue
            known[plain_name(note.name)] = _model_of(note, blob)
            etags[plain_name(note.name)] = note.etag
        self._known, self._etags = known, etags

    def _changed_ns(self) -> int:
        try:
            return self._notes.stat().st_mtime_ns
        except OSError:
            return 0

    def _look(self) -> None:
        """Read the notes again when another process wrote one: a pull in a terminal, beside the server.

        A look at one folder's time takes 2 microseconds.
        """
        # Not waited for: whoever changes something now reads it, too.
        if self._changed_ns() != self._seen_ns and self._changing.acquire(blocking=False):
            try:
                self._read_notes()
            finally:
                self._changing.release()

    def installed(self) -> tuple[InstalledModel, ...]:
        """See `ModelStore.installed`."""
        self._look()
        found = {**self._dropped.look(), **self._known}
        return tuple(found[name] for name in sorted(found))

    def find(self, name: str) -> InstalledModel | None:
        """The file of that name; case and `:latest` do not matter."""
        self._look()
        return self._known.get(plain_name(name)) or self._dropped.look().get(plain_name(name))

    def etag_of(self, model: InstalledModel) -> str:
        """What the server called this version of the file when it was fetched, empty where it did not."""
        return self._etags.get(plain_name(model.name), "")

    def need_room(self, more_bytes: int) -> None:
        """Raises `HomeUnusable` if so many bytes more would not leave the margin free."""
        folder = next(each for each in (self._root, *self._root.parents) if each.is_dir())
        free = self._free_bytes(folder)
        if free < more_bytes + self._margin_bytes:
            raise HomeUnusable(
                f"The disk of {self._root} has {free / 1e9:.1f} GB free; the model needs"
                f" {more_bytes / 1e9:.1f} GB more and {self._margin_bytes / 1e9:.1f} GB are kept free",
                hint="remove a model (`inhouse models rm`), or set INHOUSE_HOME to another disk",
            )

    def install(self, name: str, arrival: Arrival) -> InstalledModel:
        """Take a complete file in under a name; one of the same name is replaced.

        Raises:
            BadRequest: if it is no sound GGUF file; it is gone then.
        """
        facts = facts_of(arrival.path)
        if facts is None:
            arrival.path.unlink(missing_ok=True)
            raise BadRequest(
                f"What came from {arrival.origin} is no sound GGUF file",
                hint="give the address of a .gguf file",
            )
        with self._changing:
            self._blobs.mkdir(parents=True, exist_ok=True)
            blob = self._blob(arrival.sha256)
            if arrival.path != blob:
                arrival.path.replace(blob)
                sync_folder(self._blobs)
            return self._write(name, blob, facts, arrival)

    def create(self, name: str, digest: str) -> InstalledModel:
        """See `ModelStore.create`."""
        name, sha256 = check_name(name), _sha256_of(digest)
        blob = self._blob(sha256)
        if not blob.is_file():
            raise NotFound(
                f"no file was uploaded as sha256:{sha256}", hint=f"POST it to /api/blobs/sha256:{sha256}"
            )
        facts = facts_of(blob)
        if facts is None:
            raise BadRequest("the uploaded file is no sound GGUF file")
        with self._changing:
            return self._write(name, blob, facts, Arrival(blob, sha256, "upload"))

    def take_in(self, path: Path) -> InstalledModel:
        """Take in a file of this machine, called like it: by a hard link, else as a copy.

        Raises:
            NotFound: if there is no such file.
            BadRequest: if it is no sound GGUF file, or cannot be called so.
            HomeUnusable: if the disk has no room for a copy.
        """
        path = path.resolve()
        if not path.is_file():
            raise NotFound(f"There is no file {path}")
        return self._take_in(name_of_file(path.name), path, str(path))

    def _take_in(self, name: str, path: Path, origin: str) -> InstalledModel:
        facts = facts_of(path)
        if facts is None:
            raise BadRequest(f"{path} is no sound GGUF file", hint="its end may be missing: fetch it again")
        sha256 = sha256_in(path)
        blob = self._blob(sha256)
        with self._changing:
            self._blobs.mkdir(parents=True, exist_ok=True)
            if not blob.is_file():
                try:
                    blob.hardlink_to(path)
                except OSError:  # another disk, or a file system that has no links
                    self.need_room(path.stat().st_size)
                    copy_whole(path, self.incoming / f"fetch-{sha256}", sha256).replace(blob)
                sync_folder(self._blobs)
            return self._write(name, blob, facts, Arrival(blob, sha256, origin))

    def copy(self, source: str, destination: str) -> None:
        """See `ModelStore.copy`."""
        found, destination = self.find(source), check_name(destination)
        if found is None:
            raise NotFound(f"model `{source}` is not installed")
        if not found.sha256:
            self._take_in(destination, found.path, found.origin)
            return
        with self._changing:
            note = _note_of(found, self.etag_of(found))
            note.name, note.origin, note.modified_at = destination, found.name, self._clock()
            self._save(note)
            self._remember(note, found.path)

    def remove(self, name: str) -> None:
        """Forget a name, and its bytes when it was their last one."""
        found = self.find(name)
        if found is None:
            raise NotFound(f"model `{name}` is not installed")
        if not found.sha256:
            found.path.unlink(missing_ok=True)
            return
        with self._changing:
            self._note(found.name).unlink(missing_ok=True)
            self._read_notes()
            if all(each.sha256 != found.sha256 for each in self._known.values()):
                found.path.unlink(missing_ok=True)

    def has_blob(self, digest: str) -> bool:
        """See `ModelStore.has_blob`."""
        return self._blob(_sha256_of(digest)).is_file()

    async def put_blob(self, digest: str, pieces: AsyncIterator[bytes]) -> bool:
        """See `ModelStore.put_blob`."""
        wanted = _sha256_of(digest)
        if await asyncio.to_thread(self._blob(wanted).is_file):
            return False
        part = self.incoming / f"upload-{wanted}"
        await receive(part, wanted, pieces, self.need_room)
        await asyncio.to_thread(self._blobs.mkdir, parents=True, exist_ok=True)
        await asyncio.to_thread(part.replace, self._blob(wanted))
        return True

    def _write(self, name: str, blob: Path, facts: GgufFacts, arrival: Arrival) -> InstalledModel:
        before = self._known.get(plain_name(name))
        note = _Note(
            name=name,
            sha256=arrival.sha256,
            size_bytes=blob.stat().st_size,
            origin=arrival.origin,
            architecture=facts.family,
            context_tokens=facts.context_tokens or None,
            parameters=facts.parameters or None,
            quantization=facts.quantization,
            capabilities=list(capabilities_of(facts)),
            embedding_length=facts.embedding_length or None,
            modified_at=self._clock(),
            etag=arrival.etag,
        )
        if before is not None and before.name != name:
            self._note(before.name).unlink(missing_ok=True)
        self._save(note)
        made = self._remember(note, blob)
        if before is not None and all(each.sha256 != before.sha256 for each in self._known.values()):
            before.path.unlink(missing_ok=True)
        return made

    def _save(self, note: _Note) -> None:
        self._notes.mkdir(parents=True, exist_ok=True)
        path = self._note(note.name)
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(note)))
            settle(file)
        fresh.replace(path)
        sync_folder(self._notes)

    def _remember(self, note: _Note, blob: Path) -> InstalledModel:
        model = _model_of(note, blob)
        self._known = {**self._known, plain_name(note.name): model}
        self._etags[plain_name(note.name)] = note.etag
        return model

    def _blob(self, sha256: str) -> Path:
        return self._blobs / f"sha256-{sha256}.gguf"

    def _note(self, name: str) -> Path:
        return self._notes / f"{quote(plain_name(name), safe='')}.json"


def free_bytes_of(folder: Path) -> int:
    """The room on that folder's disk."""
    return shutil.disk_usage(folder).free


def _sha256_of(digest: str) -> str:
    found = _DIGEST.match(digest)
    if found is None:
        raise BadRequest("invalid digest format", hint="sha256: and 64 hexadecimal digits")
    return found[1]


def _model_of(note: _Note, blob: Path) -> InstalledModel:
    fields = {name: getattr(note, name) for name in note.__struct_fields__ if name != "etag"}
    return InstalledModel(path=blob, **(fields | {"capabilities": tuple(note.capabilities)}))


def _note_of(model: InstalledModel, etag: str) -> _Note:
    fields = {name: getattr(model, name) for name in _Note.__struct_fields__ if name != "etag"}
    return _Note(**(fields | {"capabilities": list(model.capabilities)}), etag=etag)
