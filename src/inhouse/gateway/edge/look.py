"""Looks at one address: which engine answers there, and which models it offers.

Ports prove nothing (8080 is llama.cpp and MLX, 8000 is vLLM and anything), so an unknown address must
show the fingerprint of an engine before anything else is believed of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from inhouse.dialects import lmstudio, ollama, openai
from inhouse.dialects.status import UNREADABLE
from inhouse.gateway.edge.providers.http import HttpClient, HttpPage, base_url
from inhouse.gateway.fleet import Model, chats
from inhouse.gateway.profiles import EngineKind
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused

__all__ = ["Found", "look"]


@dataclass(frozen=True, slots=True)
class Found:
    """An engine that answered."""

    kind: EngineKind
    models: tuple[Model, ...]


@dataclass(frozen=True, slots=True)
class _Address:
    """Where to look. Each page must come within `timeout_s`."""

    http: HttpClient
    url: str
    timeout_s: float
    headers: Mapping[str, str] = field(repr=False)

    async def page(self, path: str) -> HttpPage:
        return await self.http.get(self.url + path, headers=self.headers, timeout_s=self.timeout_s)

    async def page_if_there(self, path: str) -> HttpPage | None:
        """The page, None when the engine has no such page or gives none."""
        try:
            page = await self.page(path)
        except EngineError:
            return None
        return page if page.status == 200 else None


async def look(
    http: HttpClient, url: str, kind: EngineKind | Literal["auto"], *, key: str, timeout_s: float
) -> Found:
    """What answers at `url`. A known kind is not doubted, only asked for its models.

    Raises:
        EngineError: if nothing answers, or what answers is no engine.
    """
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address = _Address(http, base_url(url), timeout_s, headers)
    if kind == "ollama":
        return Found("ollama", await _ollama_models(address))
    if kind == "auto":
        root = await address.page("/")
        if root.status == 200 and root.body.strip() == b"Ollama is running":
            return Found("ollama", await _ollama_models(address))
    page = await address.page("/v1/models")
    listed = _listed(page)
    if kind == "auto":
        kind = await _kind_of(address, page, listed)
    return Found(kind, await _openai_models(address, kind, listed))


def _listed(page: HttpPage) -> list[openai.WireModel]:
    if page.status in (401, 403):
        raise EngineRefused("asks for a key", hint="configure the key of this engine")
    if page.status != 200:
        raise EngineBroke(f"is no engine that we know: /v1/models gives HTTP {page.status}")
    try:
        return openai.read_models(page.body)
    except UNREADABLE:
        raise EngineBroke("is no engine that we know: /v1/models is no list of models") from None


async def _kind_of(address: _Address, page: HttpPage, listed: list[openai.WireModel]) -> EngineKind:
    """The fingerprints of `profiles.PROFILES`, surest first."""
    server = page.headers.get("server", "")
    owners = {each.owned_by for each in listed}
    if server.startswith("llama.cpp") or "llamacpp" in owners:
        return "llama.cpp"
    if "vllm" in owners:
        return "vllm"
    if "sglang" in owners:
        return "sglang"
    if server.startswith("BaseHTTP"):
        health, props = await address.page_if_there("/health"), await address.page_if_there("/props")
        return "mlx" if health is not None and props is None else "openai"
    if await _lmstudio_models(address):
        return "lmstudio"
    if await address.page_if_there("/get_model_info"):
        return "sglang"
    return "openai"


async def _openai_models(
    address: _Address, kind: EngineKind, listed: list[openai.WireModel]
) -> tuple[Model, ...]:
    models = tuple(
        Model(
            each.id,
            context_tokens=each.max_model_len or (each.meta.n_ctx if each.meta else None),
            size_bytes=each.meta.size if each.meta else None,
            chats=chats(each.id),
        )
        for each in listed
    )
    if kind == "llama.cpp":
        props = await address.page_if_there("/props")
        return tuple(replace(each, loaded=True, context_tokens=_slot(props, each)) for each in models)
    if kind in ("vllm", "sglang"):
        return tuple(replace(each, loaded=True) for each in models)
    if kind == "lmstudio":
        return _with_details(models, await _lmstudio_models(address))
    return models


def _slot(props: HttpPage | None, model: Model) -> int | None:
    try:
        return (openai.read_props(props.body) if props else None) or model.context_tokens
    except UNREADABLE:
        return model.context_tokens


async def _lmstudio_models(address: _Address) -> list[lmstudio.ListedModel]:
    for path in ("/api/v1/models", "/api/v0/models"):
        page = await address.page_if_there(path)
        try:
            if page is not None and (models := lmstudio.read_models(page.body)):
                return models
        except UNREADABLE:
            continue
    return []


def _with_details(models: tuple[Model, ...], details: list[lmstudio.ListedModel]) -> tuple[Model, ...]:
    known = {each.name: each for each in details}
    told: list[Model] = []
    for model in models:
        detail = known.get(model.name)
        if detail is not None:
            model = replace(  # noqa: PLW2901
                model,
                context_tokens=detail.max_context_length,
                size_bytes=detail.size_bytes,
                loaded=detail.loaded,
                chats=detail.type in ("llm", "vlm"),
            )
        told.append(model)
    return tuple(told)


async def _ollama_models(address: _Address) -> tuple[Model, ...]:
    page = await address.page("/api/tags")
    if page.status != 200:
        raise EngineBroke(f"is no Ollama: /api/tags gives HTTP {page.status}")
    try:
        tagged = ollama.read_tags(page.body)
        running = await address.page_if_there("/api/ps")
        loaded = {each.name for each in ollama.read_loaded(running.body)} if running else set()
    except UNREADABLE as error:
        raise EngineBroke(f"is no Ollama: its list of models cannot be read: {error}") from None
    return tuple(
        Model(
            each.name,
            context_tokens=each.details.context_length if each.details else None,
            size_bytes=each.size,
            loaded=each.name in loaded,
            remote=bool(each.remote_host) or each.name.endswith((":cloud", "-cloud")),
            chats="completion" in each.capabilities if each.capabilities else chats(each.name),
        )
        for each in tagged
    )
