"""`POST /v1/completions`, the old conversation without messages: server side.

The prompt becomes one turn of a user, so a model's chat template is applied, as Ollama does too. What needs
the bare prompt (`suffix`, `echo`, tokens) is refused.

Source: OpenAI API reference, completions (legacy), 2026-11.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from inhouse.dialects.openai_answer import gather
from inhouse.dialects.openai_errors import WrongField, decode_body, write_error
from inhouse.dialects.openai_events import NEVER, WireUsage
from inhouse.dialects.openai_parts import Count, Penalty, Seed, Share, Temperature
from inhouse.dialects.sse import write_sse
from inhouse.kernel.messages import (
    ChatEvent,
    ChatMessage,
    ChatRequest,
    Failed,
    Finished,
    TextDelta,
    TokenScore,
    Usage,
    UsageSeen,
)

__all__ = ["EventWriter", "read_request", "write_reply"]

_encode = msgspec.json.Encoder().encode


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class _Body(msgspec.Struct):
    prompt: str | list[str | int | list[int]] | None = None
    model: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    logprobs: int | None = None
    suffix: str | None = None
    echo: bool | None = None
    n: int | None = None
    best_of: int | None = None


_bodies = msgspec.json.Decoder(_Body)


def read_request(body: bytes) -> tuple[ChatRequest, bool]:
    """The request, and whether its stream ends with the usage.

    Raises:
        WrongField: if the body is not such a request, or asks for something that is not offered here.
    """
    wire = decode_body(body, _bodies)
    if wire.suffix:
        raise WrongField("suffix", "filling in the middle is not offered", hint="put it into the prompt")
    if wire.echo:
        raise WrongField("echo", "the prompt is not repeated", hint="put it before the answer yourself")
    for name, count in (("n", wire.n), ("best_of", wire.best_of)):
        if count is not None and count != 1:
            raise WrongField(
                name, f"{count} answers to one request are not offered", hint="ask several times"
            )
    if wire.logprobs is not None and not 0 <= wire.logprobs <= 20:
        raise WrongField("logprobs", f"{wire.logprobs} is not from 0 to 20")
    stop = wire.stop
    request = ChatRequest(
        messages=(ChatMessage("user", _prompt(wire.prompt)),),
        model=wire.model or None,
        max_tokens=wire.max_tokens,
        temperature=wire.temperature,
        top_p=wire.top_p,
        stop=(stop,) if isinstance(stop, str) else tuple(stop or ()),
        seed=wire.seed,
        frequency_penalty=wire.frequency_penalty,
        presence_penalty=wire.presence_penalty,
        top_logprobs=wire.logprobs,
        stream=wire.stream is True,
    )
    options = wire.stream_options
    return request, options is not None and options.include_usage is True


def _prompt(prompt: str | list[str | int | list[int]] | None) -> str:
    if isinstance(prompt, str):
        return prompt
    if not prompt:
        raise WrongField("prompt", "this is missing")
    first = prompt[0]
    if not isinstance(first, str):
        raise WrongField("prompt", "tokens mean something else to every model", hint="send text")
    if len(prompt) > 1:
        raise WrongField("prompt", f"{len(prompt)} prompts in one request are not offered", hint="send one")
    return first


class EventWriter:
    """Writes the events of one answer as an event stream; see `openai.EventWriter`."""

    def __init__(self, *, reply_id: str, model: str, created: int, include_usage: bool = False) -> None:
        self._head = {"id": reply_id, "object": "text_completion", "created": created, "model": model}
        self._include_usage = include_usage
        self._usage: Usage | None = None
        self._length = 0

    def write(self, event: ChatEvent) -> bytes:
        """The bytes of one event; what is not text has no place in this conversation."""
        match event:
            case TextDelta(text, scores):
                logprobs = _write_scores(scores, self._length)
                self._length += len(text)
                return self._chunk(text, logprobs, None)
            case UsageSeen(usage):
                self._usage = usage
            case Finished(reason):
                return self._chunk("", None, reason) + self._usage_chunk() + write_sse(b"[DONE]")
            case Failed():
                return self._usage_chunk() + write_sse(write_error(event))
        return b""

    def _chunk(self, text: str, logprobs: dict[str, object] | None, reason: str | None) -> bytes:
        choice = {"text": text, "index": 0, "logprobs": logprobs, "finish_reason": reason}
        return write_sse(_encode({**self._head, "choices": [choice]}))

    def _usage_chunk(self) -> bytes:
        if self._usage is None or not self._include_usage:
            return b""
        return write_sse(_encode({**self._head, "choices": [], "usage": WireUsage.of(self._usage)}))


def write_reply(events: Sequence[ChatEvent], *, reply_id: str, model: str, created: int) -> bytes:
    """A whole answer as one JSON document; `events` end in `Finished`."""
    answer = gather(events, reply_id)
    choice = {
        "text": answer.text,
        "index": 0,
        "logprobs": _write_scores(answer.scores, 0),
        "finish_reason": answer.reason,
    }
    head = {"id": reply_id, "object": "text_completion", "created": created, "model": model}
    usage = {"usage": WireUsage.of(answer.usage)} if answer.usage else {}
    return _encode({**head, "choices": [choice], **usage})


def _write_scores(scores: Sequence[TokenScore], start: int) -> dict[str, object] | None:
    """Four lists side by side; `start` is how many characters came before."""
    if not scores:
        return None
    offsets = []
    for each in scores:
        offsets.append(start)
        start += len(each.token)
    return {
        "tokens": [each.token for each in scores],
        "token_logprobs": [max(each.logprob, NEVER) for each in scores],
        "top_logprobs": [
            {other.token: max(other.logprob, NEVER) for other in each.alternatives} for each in scores
        ],
        "text_offset": offsets,
    }
