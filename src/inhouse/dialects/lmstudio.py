"""What LM Studio says about its models beside the OpenAI dialect, in its two versions.

Source: LM Studio documentation, REST API v1 (`/api/v1/models`, since 0.4) and v0 (`/api/v0/models`), 2026-11.
"""

from __future__ import annotations

import msgspec

__all__ = ["ListedModel", "read_models"]


class _Quantization(msgspec.Struct):
    name: str | None = None


class _Capabilities(msgspec.Struct):
    vision: bool = False
    trained_for_tool_use: bool = False


class ListedModel(msgspec.Struct):
    """One model. v1 names it `key` and lists its loaded instances, v0 says `id` and `state`."""

    type: str
    key: str = ""
    id: str = ""
    state: str | None = None
    loaded_instances: list[msgspec.Raw] | None = None
    max_context_length: int | None = None
    size_bytes: int | None = None
    architecture: str | None = None
    arch: str | None = None
    params_string: str | None = None
    quantization: _Quantization | str | None = None
    capabilities: _Capabilities | list[str] | None = None

    @property
    def name(self) -> str:
        """The name that requests use."""
        return self.key or self.id

    @property
    def loaded(self) -> bool:
        """True while the model is in memory."""
        return bool(self.loaded_instances) or self.state == "loaded"

    @property
    def family(self) -> str:
        """Its architecture; v0 shortens the field's name."""
        return self.architecture or self.arch or ""

    @property
    def quantization_name(self) -> str:
        """`Q4_K_M`, `4bit`."""
        if isinstance(self.quantization, _Quantization):
            return self.quantization.name or ""
        return self.quantization or ""

    @property
    def can(self) -> frozenset[str]:
        """What it can do, in the words of Ollama."""
        if self.type in ("embedding", "embeddings"):
            return frozenset({"embedding"})
        told, found = self.capabilities, {"completion"}
        if self.type == "vlm" or (isinstance(told, _Capabilities) and told.vision):
            found.add("vision")
        if isinstance(told, _Capabilities) and told.trained_for_tool_use:
            found.add("tools")
        if isinstance(told, list) and "tool_use" in told:
            found.add("tools")
        return frozenset(found)


class _Version1(msgspec.Struct):
    models: list[ListedModel]


class _Version0(msgspec.Struct):
    data: list[ListedModel]


def read_models(body: bytes) -> list[ListedModel]:
    """The models of either version.

    Raises:
        ValueError: if the body is neither.
    """
    try:
        return msgspec.json.decode(body, type=_Version1).models
    except msgspec.ValidationError:
        return msgspec.json.decode(body, type=_Version0).data
