"""No key, prompt or answer reaches a log."""

from __future__ import annotations

import pytest

from inhouse.ops.redact import redact, redact_text


@pytest.mark.parametrize(
    "event",
    [
        {"api_key": "canary"},
        {"OPENAI-API-KEY": "canary"},
        {"token": "canary"},
        {"headers": {"authorization": "Bearer canary"}},
        {"question": "canary"},
        {"messages": ["canary"]},
        {"error": "asked with sk-canary-canary"},
        {"error": "header was Bearer canarycanary"},
        {"path": "/v1/x?key=ih_0123456789ab_cafe0123"},
        {"error": ["nested", ("sk-canary-canary",)]},
        {"reply": b"sk-canary-canary"},
        {"url": "http://x/?k=canary-from-the-environment"},
    ],
)
def test_secrets_and_texts_are_left_out(event: dict[str, object]) -> None:
    """By the name of the field, by the shape of the value, or because the value is known."""
    shown = repr(redact(event, ["canary-from-the-environment"]))
    assert "canary" not in shown
    assert "cafe0123" not in shown


def test_ordinary_fields_stay() -> None:
    """The control: numbers, names, paths and short words are untouched."""
    event = {
        "event": "request",
        "message": "it is down",
        "path": "/app/ask",
        "ms": 1.5,
        "ok": True,
        "none": None,
    }
    assert redact(event, ["ok"]) == event
    assert redact_text("task-force and risk-averse", ["ask"]) == "task-force and risk-averse"
