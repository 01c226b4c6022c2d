"""What Ollama's dialect says about models: what is there, what is loaded, what is on its way.

Source: ollama/ollama v0.33.0-rc2, api/types.go and server/routes.go (2026-10).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec

from inhouse.dialects.ollama_request import decode_body
from inhouse.kernel.errors import BadRequest

__all__ = [
    "Listed",
    "LoadedModel",
    "Moment",
    "NameAsked",
    "TaggedModel",
    "Told",
    "is_cloud_name",
    "plain_name",
    "read_loaded",
    "read_moment",
    "read_named",
    "read_show",
    "read_tags",
    "rfc3339",
    "tagged",
    "write_loaded",
    "write_moment",
    "write_show",
    "write_tags",
]

_encode = msgspec.json.Encoder().encode
NEVER = "0001-01-01T00:00:00Z"
"""Go's zero time: what Ollama's own clients show as `never`."""


class _Details(msgspec.Struct):
    context_length: int | None = None
    embedding_length: int | None = None
    family: str | None = None
    parameter_size: str | None = None
    quantization_level: str | None = None


class TaggedModel(msgspec.Struct):
    """One entry of `/api/tags`. `remote_host` is set when the model runs in Ollama's cloud."""

    name: str
    size: int | None = None
    digest: str | None = None
    modified_at: str | None = None
    details: _Details | None = None
    capabilities: list[str] | None = None
    remote_host: str | None = None


class LoadedModel(msgspec.Struct):
    """One entry of `/api/ps`."""

    name: str
    size: int | None = None
    size_vram: int | None = None
    digest: str | None = None
    expires_at: str | None = None
    context_length: int | None = None


class _Tags(msgspec.Struct):
    models: list[TaggedModel] | None = None


class _Loaded(msgspec.Struct):
    models: list[LoadedModel] | None = None


@dataclass(frozen=True, slots=True)
class Listed:
    """A model to be listed. Empty and None where not known; times are UNIX seconds.

    `source` tells two models apart whose digest nobody knows.
    """

    name: str
    source: str = ""
    size_bytes: int | None = None
    digest: str = ""
    family: str = ""
    parameter_size: str = ""
    quantization: str = ""
    context_tokens: int | None = None
    modified_at: float = 0.0
    expires_at: float | None = None
    capabilities: tuple[str, ...] = ()
    parameters: int | None = None
    embedding_length: int | None = None
    format: str = ""
    memory_bytes: int | None = None
    gpu_bytes: int | None = None
    """What it takes while it is loaded, and the part of that on a GPU."""


class Told(msgspec.Struct, frozen=True):
    """What comes with a model, in its own words; `parameters` are lines of text."""

    template: str = ""
    system: str = ""
    parameters: str = ""
    license: str = ""


NOTHING_TOLD = Told()


class Moment(msgspec.Struct, omit_defaults=True):
    """A line of progress: of a download, an upload, or a model being made."""

    status: str = ""
    digest: str = ""
    total: int = 0
    completed: int = 0
    error: str = ""


class NameAsked(msgspec.Struct):
    """A request about one model; `from_` and the rest belong to `/api/create` and `/api/copy`."""

    model: str | None = None
    name: str | None = None
    stream: bool | None = None
    source: str | None = None
    destination: str | None = None
    from_: str | None = msgspec.field(default=None, name="from")
    files: dict[str, str] | None = None
    adapters: dict[str, str] | None = None
    template: str | None = None
    license: str | list[str] | None = None
    system: str | None = None
    parameters: dict[str, msgspec.Raw] | None = None
    messages: list[msgspec.Raw] | None = None
    quantize: str | None = None

    @property
    def wanted(self) -> str:
        """The model's name; `name` is its older spelling."""
        return self.model or self.name or ""


_named = msgspec.json.Decoder(NameAsked).decode
_moment = msgspec.json.Decoder(Moment).decode
_told = msgspec.json.Decoder(Told).decode


def read_tags(body: bytes) -> list[TaggedModel]:
    """The models of `GET /api/tags`, newest first.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Tags).models or []


def read_loaded(body: bytes) -> list[LoadedModel]:
    """The models of `GET /api/ps`.

    Raises:
        ValueError: if the body is not such a list.
    """
    return msgspec.json.decode(body, type=_Loaded).models or []


def read_named(body: bytes) -> NameAsked:
    """The body of show, pull, push, copy, create and delete.

    Raises:
        BadRequest: if it cannot be understood.
    """
    return decode_body(_named, body)


def read_moment(line: bytes) -> Moment:
    """A line of progress.

    Raises:
        ValueError: if it is none.
    """
    return _moment(line)


def write_moment(moment: Moment) -> bytes:
    """A line of progress, without its line break."""
    return _encode(moment)


def tagged(name: str) -> str:
    """The name as Ollama lists it: always with a tag, `latest` where none was given.

    Raises:
        BadRequest: if there is no name.
    """
    name = name.strip()
    if not name:
        raise BadRequest("model is required")
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def plain_name(name: str) -> str:
    """What two spellings of one name have in common: no case, no default host, namespace or tag."""
    plain = name.strip().lower().removeprefix("registry.ollama.ai/").removeprefix("library/")
    return plain.removesuffix(":latest")


def is_cloud_name(name: str) -> bool:
    """True for names of models that run in Ollama's own cloud."""
    return name.strip().lower().endswith((":cloud", "-cloud"))


def rfc3339(at: float) -> str:
    """UNIX seconds as Ollama writes times; `NEVER` for 0."""
    if at <= 0:
        return NEVER
    second = int(at)
    micros = round((at - second) * 1e6)
    if micros == 1_000_000:
        second, micros = second + 1, 0
    return f"{_second(second)}.{micros:06d}Z"


@lru_cache(maxsize=64)
def _second(at: int) -> str:
    """Each piece of an answer bears the time, and a second has many."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds").removesuffix("+00:00")


def write_tags(models: Iterable[Listed]) -> bytes:
    """The reply of `GET /api/tags`, newest first."""
    entries = [
        {**_entry(each), "modified_at": rfc3339(each.modified_at), "capabilities": list(each.capabilities)}
        for each in sorted(models, key=lambda each: -each.modified_at)
    ]
    return _encode({"models": entries})


def write_loaded(models: Iterable[Listed]) -> bytes:
    """The reply of `GET /api/ps`, the one that stays longest first; one without an end stays for good."""
    entries = [
        {
            **_entry(each),
            "expires_at": rfc3339(each.expires_at or 0.0),
            # Clients show the part on a GPU as a share of this, so both are of what is loaded.
            "size": each.memory_bytes or each.size_bytes or 0,
            "size_vram": each.gpu_bytes or 0,
            "context_length": each.context_tokens or 0,
        }
        for each in sorted(models, key=lambda each: -(each.expires_at or float("inf")))
    ]
    return _encode({"models": entries})


def read_show(body: bytes) -> Told:
    """What the reply of `POST /api/show` tells in words.

    Raises:
        ValueError: if it is no such reply.
    """
    return _told(body)


def write_show(model: Listed, told: Told = NOTHING_TOLD, *, basename: str = "") -> bytes:
    """The reply of `POST /api/show`; `basename` is what Copilot Chat shows as the model's name."""
    info: dict[str, object] = {}
    family = model.family
    if family:
        info["general.architecture"] = family
    if model.parameters:
        info["general.parameter_count"] = model.parameters
    if model.context_tokens:
        info[f"{family or 'general'}.context_length"] = model.context_tokens
    if model.embedding_length:
        info[f"{family or 'general'}.embedding_length"] = model.embedding_length
    if basename:
        info["general.basename"] = basename
    body = {
        "modelfile": _modelfile(model, told),
        "parameters": told.parameters,
        "template": told.template,
        "details": _details(model),
        "model_info": info,
        "capabilities": list(model.capabilities),
        "modified_at": rfc3339(model.modified_at),
    }
    # Ollama leaves these two out where there are none.
    more = {"system": told.system, "license": told.license}
    return _encode(body | {name: text for name, text in more.items() if text})


def _modelfile(model: Listed, told: Told) -> str:
    """As Ollama writes it: texts between three quotation marks, which a text of its own cannot hold."""
    lines = [f"FROM {model.name}"]
    for word, text in (("TEMPLATE", told.template), ("SYSTEM", told.system)):
        if text and '"""' not in text:
            lines.append(f'{word} """{text}"""')
    # `/api/show` lines them up in columns, a Modelfile does not.
    lines += [" ".join(["PARAMETER", *line.split(None, 1)]) for line in told.parameters.splitlines()]
    return "\n".join(lines) + "\n"


def _entry(model: Listed) -> dict[str, Any]:  # Any: open JSON, this side of the door only
    name = tagged(model.name)
    return {
        "name": name,
        "model": name,
        "size": model.size_bytes or 0,
        "digest": _digest(model),
        "details": _details(model),
    }


def _digest(model: Listed) -> str:
    """64 hexadecimal digits: Ollama's clients cut twelve off and fail on fewer.

    Where nobody knows the digest of the file, it is one of the names, which is as stable.
    """
    known = model.digest.removeprefix("sha256:").lower()
    if len(known) == 64:
        return known
    return hashlib.sha256(f"{model.source}/{model.name}".encode()).hexdigest()


def _details(model: Listed) -> dict[str, object]:
    details: dict[str, object] = {
        "parent_model": "",
        "format": model.format,
        "family": model.family,
        "families": [model.family] if model.family else [],
        "parameter_size": model.parameter_size,
        "quantization_level": model.quantization,
    }
    if model.context_tokens:
        details["context_length"] = model.context_tokens
    if model.embedding_length:
        details["embedding_length"] = model.embedding_length
    return details
