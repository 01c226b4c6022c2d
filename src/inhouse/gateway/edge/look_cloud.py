"""Asks Anthropic and Gemini which models they offer; other kinds are looked at in `look`.

Called only where the administrator allowed the cloud: a key that was found is no consent to be greeted.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, TypeVar

from inhouse.dialects import anthropic, gemini
from inhouse.dialects.status import UNREADABLE
from inhouse.gateway.edge.providers.anthropic import headers_of as anthropic_headers
from inhouse.gateway.edge.providers.gemini import gemini_url
from inhouse.gateway.edge.providers.gemini import headers_of as gemini_headers
from inhouse.gateway.edge.providers.http import HttpClient, HttpPage, base_url
from inhouse.gateway.fleet import Model, chats
from inhouse.gateway.profiles import Capability
from inhouse.kernel.errors import EngineBroke

__all__ = ["cloud_models"]

T = TypeVar("T")

SEES: frozenset[Capability] = frozenset({"completion", "tools", "vision", "thinking"})
EMBEDS: frozenset[Capability] = frozenset({"embedding"})


async def cloud_models(
    http: HttpClient, kind: Literal["anthropic", "gemini"], url: str, *, key: str, timeout_s: float
) -> tuple[Model, ...]:
    """The models on offer.

    Raises:
        EngineError: if there is no answer, or the key is not good.
    """
    if kind == "anthropic":
        address = f"{base_url(url)}/v1/models?limit=1000"
        page = await http.get(address, headers=anthropic_headers(key), timeout_s=timeout_s)
        if page.status != 200:
            raise anthropic.read_error(page.status, page.body)
        listed = _read(anthropic.read_models, page)
        return tuple(
            Model(each.id, context_tokens=each.max_input_tokens, capabilities=SEES)
            for each in listed
            if each.lifecycle != "retired"
        )
    address = f"{gemini_url(url)}/v1beta/models?pageSize=1000"
    page = await http.get(address, headers=gemini_headers(key), timeout_s=timeout_s)
    if page.status != 200:
        raise gemini.read_error(page.status, page.body)
    return tuple(_gemini_model(each) for each in _read(gemini.read_models, page))


def _read(read: Callable[[bytes], list[T]], page: HttpPage) -> list[T]:
    try:
        return read(page.body)
    except UNREADABLE as error:
        raise EngineBroke(f"its list of models cannot be read: {error}") from None


def _gemini_model(listed: gemini.WireModel) -> Model:
    name = listed.name.removeprefix("models/")
    methods = listed.supported_generation_methods
    talks = "generateContent" in methods and chats(name)
    embeds = any(each in methods for each in ("embedContent", "batchEmbedContents"))
    return Model(
        name,
        context_tokens=listed.input_token_limit,
        chats=talks,
        capabilities=SEES if talks else EMBEDS if embeds else None,
    )
