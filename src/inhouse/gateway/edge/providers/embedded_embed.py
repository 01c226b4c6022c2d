"""Texts cut to what an embedding model can take, by its own tokenizer."""

from __future__ import annotations

import json
from dataclasses import replace

import msgspec

from inhouse.gateway.edge.providers.embedded_runner import Runner
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost
from inhouse.kernel.errors import EngineBroke
from inhouse.kernel.messages import EmbedRequest

__all__ = ["cut_inputs"]

SPARE_TOKENS = 4
"""Models put marks of their own around a text."""


class _Tokens(msgspec.Struct):
    tokens: list[int]


class _Content(msgspec.Struct):
    content: str


async def cut_inputs(http: HttpClient, runner: Runner, request: EmbedRequest) -> EmbedRequest:
    """The request with every text short enough for the model; the same one where cutting is not wanted.

    A token is at least one byte, so only texts with more bytes than the context has tokens are looked at.
    """
    most = runner.order.context_tokens - SPARE_TOKENS
    if not request.truncate or all(len(text.encode()) <= most for text in request.inputs):
        return request
    return replace(request, inputs=tuple([await _cut(http, runner, text, most) for text in request.inputs]))


async def _cut(http: HttpClient, runner: Runner, text: str, most: int) -> str:
    if len(text.encode()) <= most:
        return text
    tokens = msgspec.json.decode(
        await _ask(http, runner, "/tokenize", {"content": text}), type=_Tokens
    ).tokens
    if len(tokens) <= most:
        return text
    body = await _ask(http, runner, "/detokenize", {"tokens": tokens[:most]})
    return msgspec.json.decode(body, type=_Content).content


async def _ask(http: HttpClient, runner: Runner, path: str, question: dict[str, object]) -> bytes:
    headers = {"Authorization": f"Bearer {runner.key}"}
    post = HttpPost("embedded", runner.url + path, json.dumps(question).encode(), headers)
    page = await http.page(post)
    if page.status != 200:
        raise EngineBroke(f"`embedded`: {path} gave HTTP {page.status}", engine="embedded")
    return page.body
