"""Bytes of model files on their way to the disk: sent or copied, and held to a digest."""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO

from inhouse.kernel.errors import BadRequest, Conflict

__all__ = ["copy_whole", "receive", "settle", "sha256_in", "sync_folder"]


async def receive(
    part: Path, wanted: str, pieces: AsyncIterator[bytes], need_room: Callable[[int], None]
) -> None:
    """Write what comes to `part`, a new file; `wanted` is the SHA-256 that it must have.

    Raises:
        Conflict: if the same is being received already; `part` is that one's then.
        BadRequest: if other bytes came; nothing is left of them then.
    """

    def take(file: BinaryIO, piece: bytes) -> None:
        need_room(len(piece))
        got.update(piece)
        file.write(piece)

    got = hashlib.sha256()
    await asyncio.to_thread(part.parent.mkdir, parents=True, exist_ok=True)
    try:
        file = await asyncio.to_thread(part.open, "xb")
    except FileExistsError:
        raise Conflict(f"sha256:{wanted} is being uploaded already") from None
    whole = False
    try:
        with file:
            async for piece in pieces:
                await asyncio.to_thread(take, file, piece)
            await asyncio.to_thread(settle, file)
        if got.hexdigest() != wanted:
            raise BadRequest(f'digest mismatch, expected "sha256:{wanted}", got "sha256:{got.hexdigest()}"')
        whole = True
    finally:
        if not whole:
            await asyncio.to_thread(part.unlink, missing_ok=True)


def copy_whole(path: Path, part: Path, sha256: str) -> Path:
    """`part` as a copy of the file, which must have this digest.

    Raises:
        BadRequest: if it changed meanwhile; nothing of it is left then.
    """
    part.parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(path, part)
        if sha256_in(part) != sha256:
            raise BadRequest(f"{path} changed while it was copied", hint="try again when it is complete")
        with part.open("rb") as file:
            os.fsync(file.fileno())
    except (OSError, BadRequest):
        part.unlink(missing_ok=True)
        raise
    return part


def sha256_in(path: Path) -> str:
    """The digest of a file; reads all of it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def settle(file: BinaryIO) -> None:
    """The bytes are on the disk when this returns."""
    file.flush()
    os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """A rename survives a loss of power once its folder is written."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
