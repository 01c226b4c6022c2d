"""Looks at one address: which engine answers there, and which models it offers.

Ports prove nothing (8080 is llama.cpp and MLX, 8000 is vLLM and anything), so an unknown address must
show the fingerprint of an engine before anything else is believed of it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Literal

from inhouse.dialects import llamacpp, lmstudio, ollama, openai
from inhouse.dialects.status import UNREADABLE
from inhouse.gateway.edge.look_cloud import cloud_models
from inhouse.gateway.edge.providers.http import HttpClient, HttpPage, base_url
from inhouse.gateway.fleet import Model, chats
from inhouse.gateway.profiles import CAPABILITIES, Capability, EngineKind
from inhouse.kernel.errors import EngineBroke, EngineError, EngineRefused

__all__ = ["Found", "look"]

RELAYS: Mapping[str, str] = MappingProxyType(
    {"x-inhouse-": "inhouse", "x-litellm-": "LiteLLM", "x-portkey-": "Portkey", "x-bifrost-": "Bifrost"}
)
"""How the headers of gateways begin, which answer like an engine and ask others."""
FAR_AWAY = 7_258_118_400.0
"""The year 2200."""


@dataclass(frozen=True, slots=True)
class Found:
    """An engine that answered. `relay`: it is a gateway, of that make, which may send words anywhere."""

    kind: EngineKind
    models: tuple[Model, ...]
    relay: str = ""


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
    if kind in ("anthropic", "gemini"):
        return Found(kind, await cloud_models(http, kind, url, key=key, timeout_s=timeout_s))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    address = _Address(http, base_url(url), timeout_s, headers)
    if kind == "ollama":
        return await _ollama(address)
    if kind == "auto":
        root = await address.page("/")
        if root.status == 200 and root.body.strip() == b"Ollama is running":
            return await _ollama(address)
    page = await address.page("/v1/models")
    listed = _listed(page)
    if kind == "auto":
        kind = await _kind_of(address, page, listed)
    return Found(kind, await _openai_models(address, kind, listed), _relay_of(page))


def _relay_of(page: HttpPage) -> str:
    """The make of a gateway that marks its replies, empty for an engine."""
    return next((make for mark, make in RELAYS.items() if any(n.startswith(mark) for n in page.headers)), "")


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
        return await _llamacpp_models(address, models)
    if kind in ("vllm", "sglang"):
        return tuple(replace(each, loaded=True) for each in models)
    if kind == "lmstudio":
        return _with_details(models, await _lmstudio_models(address))
    return models


async def _llamacpp_models(address: _Address, models: tuple[Model, ...]) -> tuple[Model, ...]:
    """What `/props` adds: the context of one slot, and whether the model sees pictures and knows of tools."""
    props = await address.page_if_there("/props")
    try:
        about = llamacpp.read_about(props.body) if props is not None else llamacpp.About()
    except UNREADABLE:
        about = llamacpp.About()
    found: set[Capability] = {"completion"}
    if about.calls_tools:
        found.add("tools")
    if about.modalities is not None and about.modalities.vision:
        found.add("vision")
    told = about.calls_tools is not None or about.modalities is not None
    return tuple(
        replace(
            each,
            loaded=True,
            context_tokens=about.slot_tokens or each.context_tokens,
            capabilities=frozenset(found) if told and each.chats else None,
        )
        for each in models
    )


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
                family=detail.family,
                parameter_size=detail.params_string or "",
                quantization=detail.quantization_name,
                capabilities=_known(detail.can),
            )
        told.append(model)
    return tuple(told)


async def _ollama(address: _Address) -> Found:
    page = await address.page("/api/tags")
    if page.status != 200:
        raise EngineBroke(f"is no Ollama: /api/tags gives HTTP {page.status}")
    try:
        tagged = ollama.read_tags(page.body)
        running = await address.page_if_there("/api/ps")
        loaded = {each.name: each for each in ollama.read_loaded(running.body)} if running else {}
    except UNREADABLE as error:
        raise EngineBroke(f"is no Ollama: its list of models cannot be read: {error}") from None
    models = tuple(_ollama_model(each, loaded.get(each.name)) for each in tagged)
    return Found("ollama", models, _relay_of(page))


def _ollama_model(each: ollama.TaggedModel, loaded: ollama.LoadedModel | None) -> Model:
    details = each.details
    return Model(
        each.name,
        context_tokens=details.context_length if details else None,
        size_bytes=each.size,
        loaded=loaded is not None,
        remote=bool(each.remote_host) or each.name.endswith((":cloud", "-cloud")),
        chats="completion" in each.capabilities if each.capabilities else chats(each.name),
        digest=each.digest or "",
        family=(details.family if details else None) or "",
        parameter_size=(details.parameter_size if details else None) or "",
        quantization=(details.quantization_level if details else None) or "",
        modified_at=_unix(each.modified_at),
        expires_at=_expiry(loaded.expires_at) if loaded is not None else None,
        memory_bytes=loaded.size if loaded is not None else None,
        gpu_bytes=loaded.size_vram if loaded is not None else None,
        capabilities=_known(each.capabilities) if each.capabilities else None,
    )


def _known(words: Iterable[str]) -> frozenset[Capability]:
    """Those of the words that we know."""
    told = set(words)
    return frozenset(each for each in CAPABILITIES if each in told)


def _unix(text: str | None) -> float | None:
    """UNIX seconds of an RFC 3339 time; None where there is none, or none that can be read."""
    try:
        moment = datetime.fromisoformat(text or "").timestamp()
    except (ValueError, OverflowError):
        return None
    return moment if moment > 0 else None


def _expiry(text: str | None) -> float | None:
    """When a loaded model goes; Ollama writes `never` as a time in some hundred years."""
    moment = _unix(text)
    return math.inf if moment is not None and moment > FAR_AWAY else moment
