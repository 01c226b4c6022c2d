"""Words of a chat with a language model: what is asked, and what comes back piece by piece.

Event grammar, kept by every provider and every dialect:

    (TextDelta | ReasoningDelta | ToolDelta)* UsageSeen? (Finished | Failed)

Exactly one of the last two ends a stream. This module knows no vendor and no wire format.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

__all__ = [
    "NO_WISHES",
    "Alternative",
    "ChatEvent",
    "ChatMessage",
    "ChatRequest",
    "DataPolicy",
    "EmbedRequest",
    "Embeddings",
    "Failed",
    "FinishReason",
    "Finished",
    "Image",
    "Original",
    "Passed",
    "PassedEnd",
    "Priority",
    "ReasoningDelta",
    "Role",
    "Strategy",
    "TextDelta",
    "Thinking",
    "Thought",
    "Timing",
    "TokenScore",
    "Tool",
    "ToolCall",
    "ToolChoice",
    "ToolDelta",
    "Usage",
    "UsageSeen",
    "Wishes",
]

Role = Literal["system", "user", "assistant", "tool"]
FinishReason = Literal["stop", "length", "tool_calls", "content_filter"]
DataPolicy = Literal["local_only", "any"]
Priority = Literal["critical", "high", "medium", "low", "batch"]
Strategy = Literal["single", "cascade", "consensus"]
Thinking = Literal["off", "on", "low", "medium", "high", "max"]
"""How much a model may think aloud before it answers; `on` leaves the amount to the model."""
ToolChoice = Literal["auto", "none", "required"]


@dataclass(frozen=True, slots=True)
class Image:
    """A picture inside a message; `data` is base64 without line breaks. Never an address to fetch."""

    media_type: str
    data: str


@dataclass(frozen=True, slots=True)
class Tool:
    """A function that the model may call; `parameters` is a JSON schema as text."""

    name: str
    description: str = ""
    parameters: str = "{}"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model made in an earlier turn; `arguments` is a JSON object as text."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Thought:
    """One stretch of a vendor's own reasoning, to be given back to it as it was.

    Words and their seal, or only `redacted`: what its vendor alone can read.
    """

    text: str = ""
    signature: str = field(default="", repr=False)
    redacted: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of a conversation.

    `tool_calls` stand in turns of the assistant. A turn of the role `tool` is the result of one call:
    `tool_call_id` and `tool_name` say of which, and either may be empty where a dialect has only the other.
    `reasoning_signature` is the seal under which a vendor takes its own reasoning back. `thoughts` are its
    stretches in their order where there were several, or some that cannot be read; empty where the two say
    it all.
    """

    role: Role
    content: str
    images: tuple[Image, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    tool_name: str = ""
    reasoning: str = ""
    reasoning_signature: str = field(default="", repr=False)
    thoughts: tuple[Thought, ...] = ()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the caller asks of the routing; None and empty where nothing was said.

    `max_cost_micros` is the most that this one request may cost in the house currency. `cache`: whether
    the reply to the same request may be given again.
    """

    priority: Priority | None = None
    role: Literal["L1", "L2", "L3"] | None = None
    prefer: Literal["local", "cloud"] | None = None
    force: Literal["local", "cloud"] | None = None
    strategy: Strategy = "single"
    max_cost_micros: int | None = None
    cache: Literal["on", "off"] | None = None


NO_WISHES = Wishes()


@dataclass(frozen=True, slots=True)
class Original:
    """The request's body as it came, so that an engine of the same dialect can be given the same bytes.

    Anything that changes the request on the way replaces `ChatRequest.original` by None.
    """

    dialect: Literal["openai", "ollama", "anthropic", "gemini"]
    body: bytes


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a caller wants from a model, in no dialect.

    `model` is None when the house may choose. `data` is the strictest word of all that spoke:
    `local_only` is never widened on the way. `json_schema` is a JSON document as text, or None for prose;
    `json_object` asks for any JSON object. Sampling values are None when the caller did not set them,
    which is not the same as zero. `tool_name` with the choice `required` forces that one tool;
    `parallel_tools` False: at most one call in an answer.
    `context_tokens` is the context wanted from an engine that can choose it, `keep_alive_s` how long the
    model stays loaded afterwards (negative: for good). `top_logprobs` None: no log-probabilities; 0: of
    the chosen tokens only. `stream` tells whether the caller reads piece by piece.
    """

    messages: tuple[ChatMessage, ...]
    model: str | None = None
    task: str = "chat"
    data: DataPolicy = "local_only"
    max_tokens: int | None = None
    temperature: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    json_schema: str | None = None
    json_object: bool = False
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    repeat_penalty: float | None = None
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice = "auto"
    tool_name: str = ""
    parallel_tools: bool = True
    thinking: Thinking | None = None
    top_logprobs: int | None = None
    context_tokens: int | None = None
    keep_alive_s: float | None = None
    stream: bool = True
    runs_as: str | None = None
    wishes: Wishes = NO_WISHES
    original: Original | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class EmbedRequest:
    """Texts to turn into vectors. `dimensions` None: as many as the model has.

    `truncate` False: a text that is too long is an error instead of being cut. `normalise`: rows of
    length 1.
    """

    inputs: tuple[str, ...]
    model: str | None = None
    data: DataPolicy = "local_only"
    dimensions: int | None = None
    truncate: bool = True
    normalise: bool = True
    keep_alive_s: float | None = None
    wishes: Wishes = NO_WISHES


@dataclass(frozen=True, slots=True)
class Embeddings:
    """One vector per input, in the order of the inputs, all of the same length."""

    vectors: tuple[tuple[float, ...], ...]
    usage: Usage


TOKEN_BITS = 31
"""Two thousand millions: a thousand times what the largest models take in and write in one exchange."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one exchange, normalised over all vendors.

    `input_tokens` is the whole prompt: it includes `cached_tokens` (read from a cache) and
    `cache_write_tokens` (written to one). `output_tokens` is everything the model wrote: it includes
    `reasoning_tokens`. `estimated` is True when the engine did not say and we counted characters instead.
    """

    input_tokens: int
    output_tokens: int
    cached_tokens: int = 0
    estimated: bool = False
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def possible(self) -> bool:
        """False for counts that no exchange can have: an engine that says so has said nothing.

        Money and limits are counted by them, and the ledger holds no number of any size.
        """
        # All at once, for it is asked of every answer: a number too large leaves a bit, one below zero all.
        bits = self.input_tokens | self.output_tokens | self.cached_tokens
        return not (bits | self.cache_write_tokens | self.reasoning_tokens) >> TOKEN_BITS


@dataclass(frozen=True, slots=True)
class Alternative:
    """A token that the model might have written, with the natural logarithm of its probability."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class TokenScore:
    """A token that was written, how likely the model found it, and what else it considered."""

    token: str
    logprob: float
    alternatives: tuple[Alternative, ...] = ()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of the answer; `scores` of its tokens where they were asked for and given."""

    text: str
    scores: tuple[TokenScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Passed(TextDelta):
    """A piece of an answer together with its bytes in the caller's own dialect, which go on as they are.

    Only requests with an `original` are answered so. `text` is what the piece adds to the answer, and
    `size_bytes` everything the model wrote in it: thoughts and calls of tools, too.
    """

    data: bytes = b""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class ReasoningDelta:
    """The next piece of what the model thinks aloud; not part of the answer.

    `signature` comes with the last piece, whose text is then empty, where the vendor seals its reasoning.
    `redacted` is a stretch that its vendor alone can read; then there is neither text nor signature.
    """

    text: str
    signature: str = field(default="", repr=False)
    redacted: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class ToolDelta:
    """A piece of a tool call; `arguments` is a fragment of JSON text."""

    index: int
    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class Timing:
    """Where an engine says that its time went, in nanoseconds; 0 where it does not say."""

    load_ns: int = 0
    prompt_ns: int = 0
    output_ns: int = 0


@dataclass(frozen=True, slots=True)
class UsageSeen:
    """What the exchange used; at most one, just before the end."""

    usage: Usage
    timing: Timing | None = None


@dataclass(frozen=True, slots=True)
class Finished:
    """The answer is complete as far as the engine is concerned.

    `stop_sequence` is the one of the request's stop sequences that ended it, None where it ended otherwise
    or the engine does not say.
    """

    reason: FinishReason = "stop"
    stop_sequence: str | None = None


@dataclass(frozen=True, slots=True)
class PassedEnd(Finished):
    """The end of an answer that was `Passed`, with the bytes that end it in the caller's own dialect."""

    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Failed:
    """The answer ended early; what came before stays valid but is not whole."""

    code: str
    message: str
    hint: str = ""


ChatEvent = TextDelta | ReasoningDelta | ToolDelta | UsageSeen | Finished | Failed
