"""No quote of a request stays in an engine's error, and ordinary words do."""

from __future__ import annotations

import pytest

from inhouse.gateway.discreet import hushed, unquoted
from inhouse.kernel.errors import EngineOverloaded
from inhouse.kernel.messages import ChatMessage, ChatRequest, EmbedRequest

PROMPT = "Anna's salary is 4200.\nPlease raise it to 5000, and tell nobody."


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (f"cannot parse: {PROMPT}", "cannot parse: [not shown]\n[not shown]"),
        ("bad input 'Anna's salary is 4200.' at 3", "bad input '[not shown]' at 3"),
        ("tell nobody", "tell nobody"),
        ("the model is not loaded", "the model is not loaded"),
        ("", ""),
    ],
)
def test_quotes_are_taken_out(message: str, shown: str) -> None:
    """Long stretches of the prompt go, short words and the engine's own stay."""
    assert unquoted(message, [PROMPT]) == shown


def test_the_error_stays_what_it_is() -> None:
    """Class, advice and hint stay; the message that is printed, logged and raised again is the hushed one."""
    error = EngineOverloaded(f"busy with {PROMPT[:22]}", engine="e", hint="wait", retry_after_s=3.0)
    same = hushed(error, ChatRequest((ChatMessage("user", PROMPT),)))
    assert same is error
    assert (str(error), error.retry_after_s, error.engine) == ("busy with [not shown]. hint: wait", 3.0, "e")
    assert "4200" not in repr(error)
    whole = hushed(EngineOverloaded("no: PIN 12345"), EmbedRequest(("PIN 12345",)))
    assert whole.message == "no: [not shown]"
