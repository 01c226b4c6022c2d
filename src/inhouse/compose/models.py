"""The house's own model files, and how the embedded engine learns of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from inhouse.config import Home
from inhouse.gateway.edge.model_store_files import ModelFiles
from inhouse.gateway.edge.providers.embedded import EmbeddedModel

__all__ = ["embedded_files", "open_files"]


def open_files(home: Home) -> ModelFiles:
    """The model files of the home, their notes read."""
    files = ModelFiles(home.models, clock=time.time)
    files.load()
    return files


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
