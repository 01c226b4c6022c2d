"""Ask a running inhouse from Python, with the names of the planning documents.

    from inhouse.client import LLMService
    llm = LLMService()                                  # INHOUSE_URL, else http://127.0.0.1:8484
    answer = await llm.generate("How long is leave?")   # {"response": ..., "source": "local", ...}

`SyncLLMService` is the same without `await`. Only the standard library is used, and only once something is
asked: importing this loads no HTTP, no event loop and nothing of the server.
"""

from __future__ import annotations

from inhouse.client.service import (
    LLMService,
    SyncLLMService,
    chat_stream,
    format_context,
    search_documents,
)
from inhouse.client.wire import LlmError

__all__ = [
    "LLMService",
    "LlmError",
    "SyncLLMService",
    "chat_stream",
    "format_context",
    "search_documents",
]
