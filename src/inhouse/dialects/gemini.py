"""The Gemini API, both directions."""

from __future__ import annotations

from inhouse.dialects.gemini_errors import read_error, write_error
from inhouse.dialects.gemini_lists import (
    WireModel,
    read_embeddings,
    read_models,
    write_count,
    write_embeddings,
    write_model,
    write_models,
    write_one_model,
)
from inhouse.dialects.gemini_read_events import EventReader, read_reply
from inhouse.dialects.gemini_read_request import (
    read_count_request,
    read_embed_request,
    read_request,
    wants_thoughts,
)
from inhouse.dialects.gemini_write_events import EventWriter, write_reply
from inhouse.dialects.gemini_write_request import write_embed_request, write_request

__all__ = [
    "EventReader",
    "EventWriter",
    "WireModel",
    "read_count_request",
    "read_embed_request",
    "read_embeddings",
    "read_error",
    "read_models",
    "read_reply",
    "read_request",
    "wants_thoughts",
    "write_count",
    "write_embed_request",
    "write_embeddings",
    "write_error",
    "write_model",
    "write_models",
    "write_one_model",
    "write_reply",
    "write_request",
]
