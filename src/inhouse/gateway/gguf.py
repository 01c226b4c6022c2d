"""What a GGUF file says about the model inside: shape, size, words. Knows nothing of files or memory.

Source: gguf.md of the ggml repository (version 3) and `llama_ftype` in llama.h, 2026-11.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import TypeGuard

__all__ = ["GgufFacts", "read_facts"]

Scalar = int | float | bool | str

_MAGIC = b"GGUF"
_NUMBERS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_STRING, _ARRAY = 8, 9
_MOST_ENTRIES, _MOST_TENSORS, _MOST_ITEMS = 100_000, 100_000, 4_000_000
_MOST_TEXT_BYTES = 1 << 26
_MOST_PARAMETERS = 1 << 60
"""Far above any real file, counted over all of it; a hostile one must not keep us counting or fill the
memory."""

_FILE_TYPES = {
    0: "F32",
    1: "F16",
    2: "Q4_0",
    3: "Q4_1",
    7: "Q8_0",
    8: "Q5_0",
    9: "Q5_1",
    10: "Q2_K",
    11: "Q3_K_S",
    12: "Q3_K_M",
    13: "Q3_K_L",
    14: "Q4_K_S",
    15: "Q4_K_M",
    16: "Q5_K_S",
    17: "Q5_K_M",
    18: "Q6_K",
    19: "IQ2_XXS",
    20: "IQ2_XS",
    21: "Q2_K_S",
    22: "IQ3_XS",
    23: "IQ3_XXS",
    24: "IQ1_S",
    25: "IQ4_NL",
    26: "IQ3_S",
    27: "IQ3_M",
    28: "IQ2_S",
    29: "IQ2_M",
    30: "IQ4_XS",
    31: "IQ1_M",
    32: "BF16",
    36: "TQ1_0",
    37: "TQ2_0",
    38: "MXFP4",
}
_EMBEDDING_FAMILIES = ("bert", "nomic-bert", "jina-bert", "t5encoder", "gemma-embedding", "modern-bert")


@dataclass(frozen=True, slots=True)
class GgufFacts:
    """A model's shape. `kv_bytes_per_token` is one token's part of the key-value cache at 16 bits.

    `context_tokens` is what the model was trained for; 0 where the file does not say.
    """

    family: str = ""
    name: str = ""
    parameters: int = 0
    quantization: str = ""
    layers: int = 0
    embedding_length: int = 0
    vocabulary: int = 0
    context_tokens: int = 0
    kv_bytes_per_token: int = 0
    chat_template: str = ""
    embeds_only: bool = False

    @property
    def parameter_size(self) -> str:
        """`7.6B`, `134.5M`; empty where unknown."""
        for unit, size in (("B", 10**9), ("M", 10**6), ("K", 10**3)):
            if self.parameters >= size:
                return f"{self.parameters / size:.1f}{unit}"
        return ""

    @property
    def calls_tools(self) -> bool:
        """True when the model's own template knows of tools; else engines drop them without a word."""
        return "tools" in self.chat_template

    @property
    def thinks(self) -> bool:
        """True when the model's own template has a place for thinking aloud."""
        return "<think>" in self.chat_template or "enable_thinking" in self.chat_template


def read_facts(data: bytes | memoryview) -> GgufFacts:
    """The facts in the head of a file. `data` is the file, or as much of its beginning as holds the head.

    Raises:
        ValueError: if this is no GGUF file, or its head is damaged or longer than `data`.
    """
    try:
        return _facts(_Cursor(data))
    except (struct.error, IndexError, OverflowError) as error:
        raise ValueError(f"the head of the file is damaged or cut: {error}") from None


class _Cursor:
    """A place in the data that moves on with every read."""

    def __init__(self, data: bytes | memoryview) -> None:
        self.data = data
        self.place = 0
        self._text_left = _MOST_TEXT_BYTES
        self._items_left = _MOST_ITEMS

    def number(self, form: str) -> int | float | bool:
        value: int | float | bool
        (value,) = struct.unpack_from("<" + form, self.data, self.place)
        self.place += struct.calcsize(form)
        return value

    def count(self, most: int, *, form: str = "Q") -> int:
        value = int(self.number(form))
        if value > most:
            raise ValueError(f"the head of the file is damaged: {value} where at most {most} are likely")
        return value

    def take(self, length: int) -> bytes:
        if self.place + length > len(self.data):
            raise IndexError(f"{length} bytes wanted at {self.place}")
        self.place += length
        return bytes(self.data[self.place - length : self.place])

    def text(self) -> str:
        length = self.count(self._text_left)
        self._text_left -= length
        return self.take(length).decode("utf-8", "replace")

    def items(self) -> int:
        """The length of an array."""
        length = self.count(self._items_left)
        self._items_left -= length
        return length

    def skip_text(self) -> None:
        self.place += 8 + struct.unpack_from("<Q", self.data, self.place)[0]


def _facts(cursor: _Cursor) -> GgufFacts:
    if cursor.take(4) != _MAGIC:
        raise ValueError("this is no GGUF file")
    if cursor.number("I") not in (2, 3):
        raise ValueError("this version of GGUF is unknown")
    tensors, entries = cursor.count(_MOST_TENSORS), cursor.count(_MOST_ENTRIES)
    said = dict(_entry(cursor) for _ in range(entries))
    parameters = sum(_tensor_size(cursor) for _ in range(tensors))
    if cursor.place > len(cursor.data):
        raise IndexError(f"{cursor.place - len(cursor.data)} bytes are missing")
    if parameters > _MOST_PARAMETERS:
        raise ValueError("the head of the file is damaged: no model has so many parameters")
    return _told(said, parameters)


def _entry(cursor: _Cursor) -> tuple[str, Scalar | list[int]]:
    """A key and its value; of an array only short ones of whole numbers, of the others their length."""
    key, kind = cursor.text(), int(cursor.number("I"))
    if kind == _STRING:
        return key, cursor.text()
    if kind != _ARRAY:
        return key, cursor.number(_number_form(kind))
    kind, length = int(cursor.number("I")), cursor.items()
    if kind == _STRING:
        for _ in range(length):
            cursor.skip_text()
        return key, length
    form = _number_form(kind)
    if length <= 1024:
        return key, [int(cursor.number(form)) for _ in range(length)]
    cursor.place += length * struct.calcsize(form)
    return key, length


def _number_form(kind: int) -> str:
    if kind not in _NUMBERS:
        raise ValueError(f"the head of the file is damaged: there is no type {kind}")
    return _NUMBERS[kind]


def _tensor_size(cursor: _Cursor) -> int:
    cursor.skip_text()
    dimensions = cursor.count(8, form="I")
    size = math.prod(int(cursor.number("Q")) for _ in range(dimensions))
    cursor.place += 12
    return size


def _told(said: dict[str, Scalar | list[int]], parameters: int) -> GgufFacts:
    family = _text(said.get("general.architecture"))

    def number(name: str, default: int = 0) -> int:
        value = said.get(f"{family}.{name}")
        return int(value) if _is_number(value) else default

    layers, heads = number("block_count"), number("attention.head_count", 1)
    width = number("embedding_length")
    head_width = width // max(1, heads)
    key_width = number("attention.key_length", head_width)
    value_width = number("attention.value_length", head_width)
    kv_heads = _kv_heads(said.get(f"{family}.attention.head_count_kv"), layers, heads)
    file_type = said.get("general.file_type")
    tokens = said.get("tokenizer.ggml.tokens")
    return GgufFacts(
        family=family,
        name=_text(said.get("general.name")),
        parameters=parameters,
        quantization=_FILE_TYPES.get(int(file_type), "") if _is_number(file_type) else "",
        layers=layers,
        embedding_length=width,
        vocabulary=int(tokens) if _is_number(tokens) else 0,
        context_tokens=number("context_length"),
        kv_bytes_per_token=2 * kv_heads * (key_width + value_width),
        chat_template=_text(said.get("tokenizer.chat_template")),
        embeds_only=family in _EMBEDDING_FAMILIES or f"{family}.pooling_type" in said,
    )


def _kv_heads(value: Scalar | list[int] | None, layers: int, heads: int) -> int:
    """Key-value heads summed over the layers; hybrid models have a number per layer."""
    if isinstance(value, list):
        return sum(value)
    return layers * (int(value) if _is_number(value) else heads)


def _is_number(value: Scalar | list[int] | None) -> TypeGuard[int | float]:
    return isinstance(value, int | float)


def _text(value: Scalar | list[int] | None) -> str:
    return value if isinstance(value, str) else ""
