"""Ollama's requests: what a server reads, what a client writes, and that they are the same thing."""

from __future__ import annotations

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inhouse.dialects import ollama
from inhouse.dialects.ollama_lists import read_named
from inhouse.kernel.errors import BadRequest
from inhouse.kernel.messages import (
    ChatMessage,
    ChatRequest,
    EmbedRequest,
    Image,
    Role,
    Thinking,
    Tool,
    ToolCall,
)
from tests.dialects.grammar import counts, words

PNG = "iVBORw0KGgo="
JPEG = "/9j/4AAQ"
objects = st.dictionaries(words, counts, max_size=2).map(lambda found: json.dumps(found, ensure_ascii=False))
fractions = st.floats(0, 2, allow_nan=False)


roles: st.SearchStrategy[Role] = st.sampled_from(["system", "user", "assistant", "tool"])
thinking: st.SearchStrategy[Thinking] = st.sampled_from(["off", "on", "low", "medium", "high", "max"])
messages = st.builds(
    ChatMessage,
    roles,
    words,
    images=st.lists(st.sampled_from([Image("image/png", PNG), Image("image/jpeg", JPEG)]), max_size=2).map(
        tuple
    ),
    tool_calls=st.lists(st.builds(ToolCall, words, words, objects), max_size=2).map(tuple),
    tool_call_id=words,
    tool_name=words,
    reasoning=words,
)
requests = st.builds(
    ChatRequest,
    st.lists(messages, min_size=1, max_size=3).map(tuple),
    model=words,
    max_tokens=st.none() | (st.integers(1, 9999)),
    temperature=st.none() | (fractions),
    stop=st.lists(words, max_size=2).map(tuple),
    seed=st.none() | (counts),
    json_schema=st.none() | (objects),
    top_p=st.none() | (fractions),
    top_k=st.none() | (counts),
    min_p=st.none() | (fractions),
    frequency_penalty=st.none() | (fractions),
    presence_penalty=st.none() | (fractions),
    repeat_penalty=st.none() | (fractions),
    tools=st.lists(st.builds(Tool, words, words, objects), max_size=2).map(tuple),
    thinking=st.none() | (thinking),
    top_logprobs=st.none() | (st.integers(0, 20)),
    context_tokens=st.none() | (st.integers(1, 99999)),
    keep_alive_s=st.none() | (st.integers(-1, 999).map(float)),
    stream=st.booleans(),
)


@settings(max_examples=40)
@given(requests)
def test_what_a_client_writes_a_server_reads(request: ChatRequest) -> None:
    """Every request in the kernel's words comes back as it went."""
    body = ollama.write_request(request, model=request.model or "", stream=request.stream)
    assert replace(ollama.read_request(body), original=None) == request


@given(st.binary(max_size=200))
def test_garbage_is_a_bad_request(body: bytes) -> None:
    """Any bytes at all are a request or a `BadRequest`, for every reader."""
    for read in (
        ollama.read_request,
        ollama.read_generate,
        ollama.read_embed,
        ollama.read_embeddings,
        read_named,
    ):
        with contextlib.suppress(BadRequest):
            read(body)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("5", 5.0),
        ("0", 0.0),
        ("-3", -1.0),
        ("2.5", 2.5),
        ('"5m"', 300.0),
        ('"1h30m"', 5400.0),
        ('"1.5h"', 5400.0),
        ('"250ms"', 0.25),
        ('"0"', 0.0),
        ('"0s"', 0.0),
        ('"-1s"', -1.0),
        ('"+10s"', 10.0),
        ("null", None),
    ],
)
def test_keep_alive(said: str, seconds: float | None) -> None:
    """A number is seconds, a text a Go duration, below zero means for good."""
    body = f'{{"model":"m","messages":[],"keep_alive":{said}}}'
    assert ollama.read_request(body.encode()).keep_alive_s == seconds


@pytest.mark.parametrize("said", ['"5"', '"m"', '"5 m"', '""', "true", "[]", '"1d"'])
def test_bad_keep_alive(said: str) -> None:
    """What is neither is refused."""
    with pytest.raises(BadRequest):
        ollama.read_request(f'{{"model":"m","keep_alive":{said}}}'.encode())


def test_options_as_ollama_takes_them() -> None:
    """Unknown and null options are ignored, whole numbers may be written as others, -1 is no limit."""
    options: dict[str, object] = {
        "num_ctx": 4096.0,
        "num_predict": -1,
        "seed": 7.9,
        "stop": None,
        "mirostat": "x",
        "num_gpu": {},
    }
    request = ollama.read_request(json.dumps({"model": "m", "messages": [], "options": options}).encode())
    assert (request.context_tokens, request.max_tokens, request.seed, request.stop) == (4096, None, 7, ())
    for bad in ({"temperature": "x"}, {"stop": [1]}, {"top_k": True}, {"num_ctx": [1]}):
        with pytest.raises(BadRequest, match="must be of type") as caught:
            ollama.read_request(json.dumps({"model": "m", "options": bad}).encode())
        assert caught.value.status == 500


def test_formats() -> None:
    """`json`, a schema, nothing; any other word is refused."""

    def read(said: object) -> tuple[bool, str | None]:
        request = ollama.read_request(json.dumps({"model": "m", "format": said}).encode())
        return request.json_object, request.json_schema

    assert read("json") == (True, None)
    assert read({"type": "object"}) == (False, '{"type": "object"}')
    assert read(None) == read("") == (False, None)
    for bad in ("xml", 5, ["json"]):
        with pytest.raises(BadRequest, match="invalid format"):
            read(bad)


def test_generate_becomes_a_chat() -> None:
    """System and prompt are two turns; an empty prompt is a request to load; pictures stay with it."""
    body = {"model": "m", "system": "be kind", "prompt": "hi", "images": [PNG], "stream": False}
    request = ollama.read_generate(json.dumps(body).encode())
    assert request.messages == (
        ChatMessage("system", "be kind"),
        ChatMessage("user", "hi", images=(Image("image/png", PNG),)),
    )
    assert (request.stream, request.original) == (False, None)
    assert not ollama.wants_generate(request)
    assert ollama.read_generate(b'{"model":"m","prompt":"","keep_alive":0}').messages == ()


@pytest.mark.parametrize("more", [{"raw": True}, {"suffix": "end"}, {"template": "{{ .Prompt }}"}])
def test_text_below_the_chat(more: dict[str, object]) -> None:
    """It goes on as it came, with the model and the stream of our own; a chat never does."""
    request = ollama.read_generate(json.dumps({"model": "m", "prompt": "hi", **more}).encode())
    assert ollama.wants_generate(request)
    sent = json.loads(ollama.write_request(request, model="q", context_tokens=4096))
    assert sent == {"model": "q", "prompt": "hi", **more, "options": {"num_ctx": 4096}, "stream": True}
    assert not ollama.wants_generate(ollama.read_request(b'{"model":"m","messages":[]}'))


@settings(max_examples=40)
@given(st.lists(messages, max_size=3), words)
def test_context_brings_the_conversation_back(turns: list[ChatMessage], answer: str) -> None:
    """The numbers hold roles and texts, whatever is in them; every number fits a signed 32-bit one."""
    numbers = ollama.write_context(tuple(turns), answer)
    assert all(0 <= each < 1 << 31 for each in numbers)
    body = {"model": "m", "prompt": "next", "context": numbers}
    got = ollama.read_generate(json.dumps(body).encode()).messages
    told = [(each.role, each.content) for each in turns]
    assert [(each.role, each.content) for each in got] == [*told, ("assistant", answer), ("user", "next")]


@given(st.lists(st.integers(-5, 1 << 40), min_size=1, max_size=9))
def test_foreign_context_is_refused(numbers: list[int]) -> None:
    """Tokens of a model, or damaged numbers, are no conversation of ours."""
    for given_numbers in (numbers, [0x1A0E5E, 9, *numbers]):
        body = json.dumps({"model": "m", "prompt": "x", "context": given_numbers})
        with pytest.raises(BadRequest, match="not written by this server"):
            ollama.read_generate(body.encode())


def test_a_system_text_replaces_the_one_before() -> None:
    """The prompt of now has the last word on how the model is to behave."""
    numbers = ollama.write_context((ChatMessage("system", "old"), ChatMessage("user", "a")), "b")
    body = {"model": "m", "prompt": "c", "system": "new", "context": numbers}
    got = ollama.read_generate(json.dumps(body).encode()).messages
    assert [each.content for each in got] == ["new", "a", "b", "c"]


def test_calls_without_an_object_are_wrapped() -> None:
    """Other dialects allow any text as arguments; Ollama's engine would refuse the whole conversation."""
    calls = (ToolCall("", "f", "half{"), ToolCall("", "g", ""))
    request = ChatRequest((ChatMessage("assistant", "", tool_calls=calls),))
    sent = json.loads(ollama.write_request(request, model="m"))["messages"][0]["tool_calls"]
    assert [each["function"]["arguments"] for each in sent] == [{"arguments": "half{"}, {}]


def test_embedding_requests() -> None:
    """One text, many, none; what a client writes a server reads."""
    assert ollama.read_embed(b'{"model":"m","input":"a"}').inputs == ("a",)
    assert ollama.read_embed(b'{"model":"m","input":["a","b"]}').inputs == ("a", "b")
    for none in (b'{"model":"m"}', b'{"model":"m","input":""}', b'{"model":"m","input":[]}'):
        assert ollama.read_embed(none).inputs == ()
    full = EmbedRequest(("a",), model="m", dimensions=3, truncate=False, keep_alive_s=5.0)
    assert ollama.read_embed(ollama.write_embed(full, model="m")) == full
    for bad in (b'{"model":"m","input":[1]}', b'{"model":"m","input":{"a":1}}'):
        with pytest.raises(BadRequest, match="invalid input type"):
            ollama.read_embed(bad)
