"""The house's own models: its files, how the embedded engine learns of them, and what is no engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from inhouse.config import Home
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.edge.providers.embedded import EmbeddedModel

__all__ = ["embedded_files", "is_own", "open_files", "take_in"]


def open_files(home: Home) -> ModelFiles:
    """The model files of the home, their notes read."""
    files = ModelFiles(home.models, clock=time.time)
    files.load()
    return files


def take_in(home: Home, path: Path) -> str:
    """Take a GGUF file of this machine into the home, beside a server or not; the name it is served by.

    Raises:
        InhouseError: what `ModelFiles.take_in` raises.
    """
    return open_files(home).take_in(path).name


def embedded_files(files: ModelFiles, context_tokens: int) -> Callable[[], Sequence[EmbeddedModel]]:
    """What the embedded engine may serve beside its configured models; looked at anew every time."""

    def installed() -> Sequence[EmbeddedModel]:
        return tuple(
            EmbeddedModel(
                each.name,
                each.path,
                context_tokens,
                digest=each.sha256,
                modified_at=each.modified_at,
            )
            for each in files.installed()
        )

    return installed


def is_own(url: str, own_ports: frozenset[int]) -> bool:
    """True when what answers at the address is this house itself."""
    parts = urlsplit(url)
    try:
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return False
    return parts.hostname in ("127.0.0.1", "localhost", "::1") and port in own_ports
