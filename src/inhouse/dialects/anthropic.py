"""Anthropic's Messages API, both directions."""

from __future__ import annotations

from inhouse.dialects.anthropic_errors import read_error, write_error
from inhouse.dialects.anthropic_lists import (
    WireModel,
    read_models,
    write_count,
    write_model,
    write_models,
    write_one_model,
)
from inhouse.dialects.anthropic_read_events import EventReader, read_reply
from inhouse.dialects.anthropic_read_request import read_count_request, read_request
from inhouse.dialects.anthropic_write_events import EventWriter, write_reply
from inhouse.dialects.anthropic_write_request import write_request

__all__ = [
    "EventReader",
    "EventWriter",
    "WireModel",
    "read_count_request",
    "read_error",
    "read_models",
    "read_reply",
    "read_request",
    "write_count",
    "write_error",
    "write_model",
    "write_models",
    "write_one_model",
    "write_reply",
    "write_request",
]
