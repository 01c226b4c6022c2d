"""The OpenAI dialect, as spoken by llama.cpp, MLX, vLLM, SGLang, LM Studio and OpenAI, under one name.

Chat completions and models; `openai_completions`, `openai_embeddings` and `openai_responses` hold the
other three conversations of this vendor.
"""

from __future__ import annotations

from inhouse.dialects.openai_errors import WrongField, error_status, read_error, write_error
from inhouse.dialects.openai_events import EventReader, EventWriter, read_reply, write_reply
from inhouse.dialects.openai_models import WireModel, read_models, read_props, write_model, write_models
from inhouse.dialects.openai_read_request import read_chat, read_request
from inhouse.dialects.openai_write_request import write_request

__all__ = [
    "EventReader",
    "EventWriter",
    "WireModel",
    "WrongField",
    "error_status",
    "read_chat",
    "read_error",
    "read_models",
    "read_props",
    "read_reply",
    "read_request",
    "write_error",
    "write_model",
    "write_models",
    "write_reply",
    "write_request",
]
