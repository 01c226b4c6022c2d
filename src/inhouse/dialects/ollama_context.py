"""The `context` of Ollama's `/api/generate`: a conversation as numbers that the caller keeps."""

from __future__ import annotations

import zlib

import msgspec

from inhouse.dialects.status import UNREADABLE
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import ChatMessage, Role

__all__ = ["read_context", "write_context"]

_encode = msgspec.json.Encoder().encode
CONTEXT_MARK = 0x1A0E5E
"""First number of a `context` that this server wrote; no token of any model means anything to another."""
MAX_CONTEXT_BYTES = 8 << 20


def write_context(messages: tuple[ChatMessage, ...], answer: str) -> list[int]:
    """The conversation so far as the numbers of `context`, for the caller to send back with the next prompt.

    Ollama puts tokens of one model there; any engine may answer the next turn here, so it is the text
    itself, packed in numbers of three bytes. Pictures are left out.
    """
    turns = [[each.role, each.content] for each in messages] + [["assistant", answer]]
    packed = zlib.compress(_encode(turns))
    size = len(packed)
    packed += b"\0" * (-size % 3)
    return [CONTEXT_MARK, size, *(int.from_bytes(packed[at : at + 3]) for at in range(0, len(packed), 3))]


def read_context(numbers: list[int]) -> list[ChatMessage]:
    """The conversation that `write_context` packed.

    Raises:
        BadRequest: if these numbers are not from this server.
    """
    foreign = BadRequest(
        "context was not written by this server", hint="leave it out, or send the conversation to /api/chat"
    )
    if len(numbers) < 3 or numbers[0] != CONTEXT_MARK:
        raise foreign
    try:
        packed = b"".join(each.to_bytes(3) for each in numbers[2:])[: numbers[1]]
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(packed, MAX_CONTEXT_BYTES)
        turns = msgspec.json.decode(text, type=list[tuple[Role, str]])
        return [ChatMessage(role, content) for role, content in turns]
    except (OverflowError, zlib.error, *UNREADABLE):
        raise foreign from None
