"""What llama.cpp says about itself beside the OpenAI dialect.

Source: llama.cpp tools/server/README.md, `GET /props` and `GET /slots`, seen in build 10549, 2026-11.
"""

from __future__ import annotations

import msgspec

__all__ = ["About", "read_about", "read_slots"]


class _Modalities(msgspec.Struct):
    vision: bool = False
    audio: bool = False


class _Caps(msgspec.Struct):
    supports_tools: bool | None = None


class _Generation(msgspec.Struct):
    n_ctx: int | None = None


class About(msgspec.Struct):
    """`/props`. `n_ctx` of a slot is what one request has; elsewhere all slots are counted together."""

    total_slots: int | None = None
    modalities: _Modalities | None = None
    chat_template: str | None = None
    chat_template_caps: _Caps | None = None
    default_generation_settings: _Generation | None = None

    @property
    def slot_tokens(self) -> int | None:
        """The context of one slot."""
        return self.default_generation_settings.n_ctx if self.default_generation_settings else None

    @property
    def calls_tools(self) -> bool | None:
        """True when the model's template knows of tools; None when llama.cpp does not say."""
        if self.chat_template_caps is not None and self.chat_template_caps.supports_tools is not None:
            return self.chat_template_caps.supports_tools
        return "tools" in self.chat_template if self.chat_template is not None else None


class _Slot(msgspec.Struct):
    is_processing: bool


def read_about(body: bytes) -> About:
    """What `/props` says.

    Raises:
        ValueError: if the body is something else.
    """
    return msgspec.json.decode(body, type=About)


def read_slots(body: bytes) -> list[bool]:
    """For each slot, whether it is at work.

    Raises:
        ValueError: if the body is something else, such as the answer of a server without `--slots`.
    """
    return [slot.is_processing for slot in msgspec.json.decode(body, type=list[_Slot])]
