"""Chat completions that go through unchanged: the caller speaks this dialect, and so does the engine.

The request keeps every byte but the model's name (and asks for usage, which the ledger needs); the reply
keeps every byte but the model's name, which callers get as they asked for it. Every event is still read:
what is no part of an answer never goes on.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from inhouse.dialects.lines import MAX_LINE_BYTES, LineTooLong
from inhouse.dialects.openai_alike import Frames, Run
from inhouse.dialects.openai_errors import read_error
from inhouse.dialects.openai_events import FINISH, WireUsage
from inhouse.dialects.openai_parts import Count, Penalty, Seed, Share, Temperature
from inhouse.dialects.sse import write_sse
from inhouse.dialects.status import UNREADABLE, failed_of
from inhouse.dialects.stream import Ending, broken
from inhouse.kernel.messages import ChatEvent, ChatRequest, Failed, Passed, PassedEnd, Usage, UsageSeen

__all__ = [
    "PassReader",
    "PassedReply",
    "PlainChat",
    "PlainTurn",
    "may_pass",
    "read_passed_reply",
    "read_plain",
    "read_plain_reply",
    "write_passed_request",
    "write_plain_request",
]

_encode = msgspec.json.Encoder().encode


class _StreamOptions(msgspec.Struct):
    include_usage: bool | None = None


class PlainTurn(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """One turn of plain text."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str


class PlainChat(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A chat completion that asks for nothing but text of a named model, as most do.

    A request with any other field, or with a value out of its range, is none: it is read by
    `openai.read_chat`, which knows all fields and has a word for each mistake.
    """

    model: Annotated[str, msgspec.Meta(min_length=1)]
    messages: Annotated[list[PlainTurn], msgspec.Meta(min_length=1)]
    stream: bool = False
    stream_options: _StreamOptions | None = None
    max_tokens: Count | None = None
    max_completion_tokens: Count | None = None
    temperature: Temperature | None = None
    top_p: Share | None = None
    stop: str | list[str] | None = None
    seed: Seed | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    n: Literal[1] | None = None
    user: str | None = None

    @property
    def reply_tokens(self) -> int | None:
        """The most that the answer may have."""
        return self.max_completion_tokens or self.max_tokens

    @property
    def include_usage(self) -> bool:
        """True when the caller wants the usage at the end of a stream."""
        options = self.stream_options
        return options is not None and options.include_usage is True


class PassedReply(msgspec.Struct, frozen=True, gc=False):
    """A whole answer that goes on as it is. `size_bytes` is what the model wrote."""

    body: bytes
    size_bytes: int
    usage: Usage | None


class _Asked(msgspec.Struct):
    model: str | None = None
    n: int | None = None
    stream_options: _StreamOptions | None = None


class _Delta(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    reasoning: str | None = None
    tool_calls: msgspec.Raw = msgspec.Raw(b"null")


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None
    finish_reason: str | None = None


class _Chunk(msgspec.Struct):
    # Absent is not the same as empty: the usage chunk has `choices: []`, an error object has none.
    choices: list[_Choice] | msgspec.UnsetType = msgspec.UNSET
    usage: WireUsage | None = None
    error: msgspec.Raw = msgspec.Raw(b"null")
    model: str | None = None


class _Reply(msgspec.Struct):
    choices: Annotated[list[_Choice], msgspec.Meta(min_length=1)]
    usage: WireUsage | None = None
    model: str | None = None


_plain = msgspec.json.Decoder(PlainChat)
_asked = msgspec.json.Decoder(_Asked)
_chunk = msgspec.json.Decoder(_Chunk)
_reply = msgspec.json.Decoder(_Reply)
_NULL = b"null"
_AS_IT_IS = (b"", b"")


def may_pass(request: ChatRequest) -> bool:
    """True when nothing in the answer is to be checked or made by the gateway itself."""
    original = request.original
    return (
        original is not None
        and original.dialect == "openai"
        and request.json_schema is None
        and not request.json_object
        and request.tool_choice != "required"
    )


def read_plain(body: bytes) -> PlainChat | None:
    """The request if it is a plain one; None for any other, good or bad."""
    try:
        return _plain.decode(body)
    except UNREADABLE:
        return None


def write_plain_request(body: bytes, plain: PlainChat, *, model: str, ask_usage: bool) -> bytes | None:
    """See `write_passed_request`; `plain` is what `body` holds."""
    return _renamed(body, plain.model, model, plain.stream_options, ask_usage=ask_usage)


def write_passed_request(body: bytes, *, model: str, ask_usage: bool) -> tuple[bytes, bool] | None:
    """The request with another model's name, all other bytes as they are; None where it must be translated.

    Also tells whether the caller wants the usage at the end of a stream. `ask_usage`: make a stream tell
    its usage in any case. The name is replaced where it stands as a value of its own key: quotes inside of
    JSON text are escaped, so `"model":` is never a part of a prompt.
    """
    asked = _asked.decode(body)
    # Engines in Go read `Model` as the same key, and the last one counts. (A plain request has no such key.)
    if asked.n not in (None, 1) or asked.model is None or body.lower().count(b'"model"') != 1:
        return None
    options = asked.stream_options
    passed = _renamed(body, asked.model, model, options, ask_usage=ask_usage)
    return None if passed is None else (passed, bool(options and options.include_usage))


def _renamed(
    body: bytes, old: str, new: str, options: _StreamOptions | None, *, ask_usage: bool
) -> bytes | None:
    # Two spellings of the key, or one in escapes (`\u006d` is an m): an engine might read what we did not.
    if b"\\u006" in body or body.count(b'"model"') != 1:
        return None
    if old != new:
        name = _encode(old)
        for between in (b'"model":', b'"model": '):
            if body.count(between + name) == 1:
                body = body.replace(between + name, between + _encode(new), 1)
                break
        else:
            return None
    if ask_usage and not (options and options.include_usage):
        if options is not None:
            return None
        body = b'{"stream_options":{"include_usage":true},' + body.lstrip()[1:]
    return body


def read_passed_reply(body: bytes, *, model: str) -> list[ChatEvent]:
    """A whole answer that came as one JSON document, with the name that the caller asked for."""
    try:
        reply, choice = _read(body)
    except UNREADABLE as error:
        return Ending().fail(broken(f"the engine's answer cannot be read: {error}"))
    text, size = _size(choice.message)
    events: list[ChatEvent] = [Passed(text, data=_named(body, reply.model, model), size_bytes=size)]
    if reply.usage is not None:
        events.append(UsageSeen(reply.usage.read()))
    events.append(PassedEnd(FINISH.get(choice.finish_reason or "stop", "stop")))
    return events


def read_plain_reply(body: bytes, *, model: str) -> PassedReply | Failed:
    """What `read_passed_reply` says, in one value."""
    try:
        reply, choice = _read(body)
    except UNREADABLE as error:
        return broken(f"the engine's answer cannot be read: {error}")
    usage = reply.usage.read() if reply.usage else None
    size = _size(choice.message)[1] if usage is None or not usage.possible else 0
    return PassedReply(_named(body, reply.model, model), size, usage)


def _read(body: bytes) -> tuple[_Reply, _Choice]:
    reply = _reply.decode(body)
    return reply, reply.choices[0]


class PassReader:
    """Reads the event stream of one answer; see `dialects.stream.EventReader`.

    `model` is the name that the caller asked for, `with_usage` whether it asked for the usage.
    """

    def __init__(self, max_event_bytes: int = MAX_LINE_BYTES, *, model: str, with_usage: bool) -> None:
        self._max_event_bytes = max_event_bytes
        self._model = model
        self._with_usage = with_usage
        self._frames = Frames(max_event_bytes)
        self._around = (b"", b"")
        """What stands around the text of events that are alike, as it goes on."""
        self._ending = Ending()
        self._seen_content = False
        self._held = b""
        """What came before the first piece of the answer: a role and nothing else."""
        self.ignored = 0
        """Events after the end, which some engines send (a second `[DONE]`)."""

    def read(self, data: bytes) -> list[ChatEvent]:
        """The events that `data` completes: at most one piece, however many events it was sent in."""
        if self._seen_content and (run := self._frames.alone(data)) is not None and not self._ending.over:
            text = run.texts[0] if len(run.texts) == 1 else "".join(run.texts)
            return [Passed(text, data=self._told(run), size_bytes=run.size)]
        piece = _Piece()
        try:
            for frame in self._frames.read(data):
                if self._ending.over:
                    self.ignored += len(frame.texts) if isinstance(frame, Run) else 1
                elif isinstance(frame, Run):
                    piece.lines.append(self._told(frame))
                    piece.text += "".join(frame.texts)
                    piece.size += frame.size
                elif (end := self._take(frame, piece)) is not None:
                    return end
        except LineTooLong as error:
            return self._fail(broken(f"the engine sent an unreadable answer: {error}"), piece)
        given = self._give(piece)
        if len(self._held) > self._max_event_bytes and not self._ending.over:
            self._held = b""
            return self._ending.fail(broken("the engine sent events without end and no word in them"))
        return given

    def end(self) -> list[ChatEvent]:
        """The end when the engine had said why it stopped, else a failure."""
        if self._ending.reason is not None:
            return self._finish(_Piece())
        return self._fail(broken("the engine's answer ended before it was complete"), _Piece())

    def _told(self, run: Run) -> bytes:
        """The bytes of these events as they go on."""
        head, tail = self._around
        parts = run.parts
        return head + (parts[0] if len(parts) == 1 else (tail + head).join(parts)) + tail

    def _learn(self, data: bytes, chunk: _Chunk, delta: _Delta) -> None:
        """Know the events again that are like this one, if it holds text and nothing else."""
        text, alike = delta.content or "", self._frames.alike
        if chunk.usage is not None or delta != _Delta(text):
            return

        def same(probe: bytes, other: str) -> bool:
            found = _chunk.decode(probe)
            changed = found.choices[0].delta if found.choices else None
            if changed is None or changed.content != other:
                return False
            changed.content = text
            return found == chunk

        if not alike.learn(data, text, same):
            return
        head, tail = alike.head, alike.tail
        renamed = _renaming(head + tail, chunk.model, self._model)
        if renamed is None:
            alike.forget()
        else:
            self._around = (
                (head.replace(*renamed, 1), tail) if renamed[0] in head else (head, tail.replace(*renamed, 1))
            )

    def _take(self, frame: tuple[str, bytes], piece: _Piece) -> list[ChatEvent] | None:
        """Add an event to the piece; the last events when it ends the answer."""
        name, data = frame
        if data[:1] == b"[" and data.strip() == b"[DONE]":
            return self._done(piece)
        if name == "error":
            return self._fail(failed_of(read_error(500, data)), piece)
        try:
            chunk = _chunk.decode(data)
        except UNREADABLE as error:
            return self._fail(broken(f"the engine sent an unreadable event: {error}"), piece)
        if bytes(chunk.error) != _NULL:
            return self._fail(failed_of(read_error(500, data)), piece)
        if chunk.usage is not None:
            self._ending.usage = chunk.usage.read()
        choices = chunk.choices
        if isinstance(choices, msgspec.UnsetType):
            if chunk.usage is None:
                return self._fail(broken("the engine sent an event that is not a part of an answer"), piece)
            return None
        if not choices:
            if self._with_usage:
                piece.lines.append(write_sse(_named(data, chunk.model, self._model)))
            return None
        choice = choices[0]
        text, size = _size(choice.delta)
        piece.lines.append(write_sse(_named(data, chunk.model, self._model)))
        piece.text += text
        piece.size += size
        if choice.finish_reason:
            self._ending.reason = FINISH.get(choice.finish_reason, "stop")
        elif choice.delta is not None and text and (self._seen_content or len(piece.lines) > 1):
            # Not from the first word: that is waited for, and goes on before anything is learned.
            self._learn(data, chunk, choice.delta)
        return None

    def _done(self, piece: _Piece) -> list[ChatEvent]:
        if self._ending.reason is None and not self._seen_content and not piece.size:
            return self._fail(broken("the engine said that it is done without an answer"), piece)
        return self._finish(piece)

    def _give(self, piece: _Piece) -> list[ChatEvent]:
        if not piece.lines:
            return []
        data = b"".join(piece.lines)
        if not self._seen_content:
            if not piece.size:
                self._held += data
                return []
            self._seen_content = True
            data, self._held = self._held + data, b""
        return [Passed(piece.text, data=data, size_bytes=piece.size)]

    def _finish(self, piece: _Piece) -> list[ChatEvent]:
        events = self._give(piece)
        if self._ending.over:
            return events
        self._ending.over = True
        if self._ending.usage is not None:
            events.append(UsageSeen(self._ending.usage))
        tail = self._held + write_sse(b"[DONE]")
        events.append(PassedEnd(self._ending.reason or "stop", data=tail))
        return events

    def _fail(self, failed: Failed, piece: _Piece) -> list[ChatEvent]:
        return self._give(piece) + self._ending.fail(failed)


class _Piece:
    """What one read adds to the answer."""

    __slots__ = ("lines", "size", "text")

    def __init__(self) -> None:
        self.lines: list[bytes] = []
        self.text = ""
        self.size = 0


def _size(delta: _Delta | None) -> tuple[str, int]:
    """The text of a delta, and the bytes of everything that the model wrote in it."""
    if delta is None:
        return "", 0
    text = delta.content or ""
    thought = delta.reasoning_content or delta.reasoning
    size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
    if thought:
        size += len(thought.encode("utf-8", "surrogatepass"))
    calls = bytes(delta.tool_calls)
    if calls not in (_NULL, b"[]"):
        size += len(calls)
    return text, size


def _named(data: bytes, found: str | None, wanted: str) -> bytes:
    """The document with the wanted model name; all other bytes as they are where that is possible."""
    renaming = _renaming(data, found, wanted)
    if renaming is not None:
        return data if renaming is _AS_IT_IS else data.replace(*renaming, 1)
    try:
        document = msgspec.json.decode(data)
    except UNREADABLE:
        return data  # a number out of all range in a field that nobody reads: the answer is good
    document["model"] = wanted
    return _encode(document)


def _renaming(data: bytes, found: str | None, wanted: str) -> tuple[bytes, bytes] | None:
    """What is to be replaced by what, once; None where that is not enough."""
    if found is None or found == wanted:
        return _AS_IT_IS
    old, new = _encode(found), _encode(wanted)
    for between in (b'"model":', b'"model": '):
        if data.count(between + old) == 1:
            return between + old, between + new
    return None
