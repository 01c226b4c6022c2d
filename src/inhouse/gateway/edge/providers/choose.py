"""The provider of each engine in the fleet, made when it is first needed."""

from __future__ import annotations

from collections.abc import Mapping

from inhouse.gateway.edge.providers.anthropic import AnthropicProvider
from inhouse.gateway.edge.providers.embedded import EmbeddedEngine
from inhouse.gateway.edge.providers.gemini import GeminiProvider
from inhouse.gateway.edge.providers.http import HttpClient
from inhouse.gateway.edge.providers.mlx import MlxEngine
from inhouse.gateway.edge.providers.ollama import OllamaProvider
from inhouse.gateway.edge.providers.openai import OpenAIProvider
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.fleet import Engine
from inhouse.gateway.profiles import PROFILES, EngineKind
from inhouse.kernel.errors import EngineRefused

__all__ = ["Providers"]


class Providers:
    """Gives `Dispatch` its providers. `keys` are by engine name and stay here; `scripted` is for tests."""

    def __init__(
        self,
        http: HttpClient,
        *,
        keys: Mapping[str, str],
        embedded: EmbeddedEngine | None = None,
        mlx: MlxEngine | None = None,
        scripted: Mapping[str, Provider] | None = None,
    ) -> None:
        self._http = http
        self._keys = keys
        self._embedded = embedded
        self._mlx = mlx
        self._scripted = scripted or {}
        self._made: dict[tuple[str, EngineKind, str], Provider] = {}

    def of(self, engine: Engine) -> Provider:
        """The engine's provider.

        Raises:
            EngineRefused: if this version cannot talk to engines of that kind.
        """
        place = (engine.name, engine.kind, engine.url)
        provider = self._made.get(place)
        if provider is None:
            provider = self._made[place] = self._make(engine)
        return provider

    def _make(self, engine: Engine) -> Provider:
        if engine.kind == "embedded" and self._embedded is not None:
            return self._embedded
        if engine.kind == "mlx" and self._mlx is not None and not engine.url:
            return self._mlx
        if engine.kind == "scripted" and engine.name in self._scripted:
            return self._scripted[engine.name]
        key, profile = self._keys.get(engine.name, ""), PROFILES[engine.kind]
        if profile.dialect == "ollama":
            return OllamaProvider(engine.name, engine.url, self._http, key=key)
        if profile.dialect == "anthropic":
            return AnthropicProvider(engine.name, engine.url, self._http, key=key)
        if profile.dialect == "gemini":
            return GeminiProvider(engine.name, engine.url, self._http, key=key)
        if profile.dialect == "openai" and engine.url:
            return OpenAIProvider(engine.name, engine.url, profile, self._http, key=key)
        raise EngineRefused(f"`{engine.name}`: there is no way to talk to it", engine=engine.name)
