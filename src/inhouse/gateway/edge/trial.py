"""One short prompt to one engine, to see whether it really answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from inhouse.dialects.status import error_of
from inhouse.gateway.edge.providers.port import Provider
from inhouse.gateway.fleet import Engine, Fleet, Model, same_model
from inhouse.kernel.errors import EngineError, EngineRefused, EngineUnreachable
from inhouse.kernel.messages import ChatMessage, ChatRequest, Failed, TextDelta, Usage, UsageSeen
from inhouse.kernel.ports import Accounts, EngineUsed

__all__ = ["TEST_TASK", "Trial"]

TEST_TASK = "test"
PROMPT = "Say hello in one short sentence."
MAX_TOKENS = 16


class Trial:
    """Asks past the routing, because it is this engine and no other that is to be tried."""

    def __init__(
        self,
        provider_of: Callable[[Engine], Provider],
        accounts: Accounts,
        *,
        stopwatch: Callable[[], float],
    ) -> None:
        self._provider_of = provider_of
        self._accounts = accounts
        self._stopwatch = stopwatch

    async def ask(self, fleet: Fleet, name: str, *, cloud_allowed: bool) -> tuple[str, float]:
        """The engine's words and the seconds they took; leaves a row in the accounts.

        Raises:
            EngineError: if the engine is unknown, down, not allowed, or fails.
        """
        engine = fleet.engine(name)
        if engine is None:
            names = ", ".join(f"`{each.name}`" for each in fleet.engines) or "none"
            raise EngineUnreachable(f"There is no engine `{name}`", engine=name, hint=f"known are {names}")
        if engine.state != "up":
            raise EngineUnreachable(f"`{name}`: {engine.reason or engine.state}", engine=name)
        model = _model_of(engine, cloud_allowed=cloud_allowed)
        account = self._accounts.open(request_id=f"test-{secrets.token_hex(8)}", user="", task=TEST_TASK)
        where = "cloud" if model.remote else engine.where
        used = EngineUsed(name, model.name, where, "a test prompt")
        started, text, usage = self._stopwatch(), "", Usage(len(PROMPT) // 4, 0, estimated=True)
        request = ChatRequest((ChatMessage("user", PROMPT),), task=TEST_TASK, max_tokens=MAX_TOKENS)
        try:
            async for event in self._provider_of(engine).stream(request, model.name):
                if isinstance(event, Failed):
                    raise error_of(event, engine=name)
                text += event.text if isinstance(event, TextDelta) else ""
                usage = event.usage if isinstance(event, UsageSeen) and event.usage.possible else usage
        except EngineError as error:
            account.close("failed", used, usage, code=error.code)
            raise
        account.close("ok", used, usage)
        return text.strip(), self._stopwatch() - started


def _model_of(engine: Engine, *, cloud_allowed: bool) -> Model:
    """The model to try: the chosen one, else a loaded one, else the first that may be used."""
    usable = [
        each
        for each in engine.models
        if each.chats and (cloud_allowed or not (each.remote or engine.where == "cloud"))
    ]
    if not usable:
        raise EngineRefused(f"`{engine.name}` offers no model that may be used", engine=engine.name)
    chosen = [each for each in usable if engine.default_model and same_model(engine.default_model, each.name)]
    loaded = [each for each in usable if each.loaded]
    return (chosen or loaded or usable)[0]
