"""A row for every request to a model that is turned away before the gateway hears of it.

Limits, scopes and the names of Ollama's cloud are looked at in front of the gateway, which writes down
whatever reaches it. A request asks a model for something, can be read, and is of a caller who is known:
lists, malformed bodies (400, 413) and strangers leave a line in the log. Strangers are counted as well
(`Refusals.strangers`); rows of theirs would let anybody fill the disk.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from inhouse.kernel.caller import Grant
from inhouse.kernel.errors import BadRequest, InhouseError, RateLimited, Unauthorized
from inhouse.kernel.ports import Accounts, EngineUsed
from inhouse.ops.health import Check
from inhouse.serve.plane.asked import Asked, secret_in
from inhouse.serve.plane.ollama_names import CloudName
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.plane.requests import before_gateway, requested_in, right_of, write_row
from inhouse.serve.wire import FORWARDED, Scope, headers_of

__all__ = ["Refusals", "write_refusal"]


def write_refusal(
    accounts: Accounts,
    error: InhouseError,
    grant: Grant,
    *,
    request_id: str,
    task: str,
    requested: str | None,
) -> None:
    """One row of outcome `refused`, without an engine and without cost."""
    layer = "limits" if isinstance(error, RateLimited) else "data" if isinstance(error, CloudName) else "key"
    used = EngineUsed("none", None, "none", f"{layer}: {error.message}")
    write_row(
        accounts,
        grant,
        "refused",
        used,
        code=error.code,
        request_id=request_id,
        task=task,
        requested=requested,
    )


class Refusals:
    """Writes down who was turned away, and counts strangers. For the event loop only."""

    def __init__(self, parts: PlaneParts) -> None:
        self._parts = parts
        self.strangers = 0
        """Requests without a good key where one is needed, since the start."""

    def note(self, asked: Asked, error: InhouseError) -> None:
        """Write the refusal down, unless the gateway did."""
        right = right_of(asked.path)
        if right is not None and asked.method == "POST" and before_gateway(error, right, asked.grant):
            self._write(
                error,
                asked.grant,
                request_id=asked.request_id,
                task=asked.task if right == "chat" else right,
                requested=requested_in(asked.path, asked.body),
            )

    def at_door(self, scope: Scope, error: RateLimited) -> None:
        """The same for what was turned away before its body was read."""
        right = right_of(scope["path"])
        if right is None or scope["method"] != "POST":
            return
        headers = headers_of(scope)
        try:
            grant = self._grant(scope, headers)
        except Unauthorized:
            self.strangers += 1
        except BadRequest:
            return
        else:
            task = headers.get(b"x-inhouse-task", b"").decode("latin-1")[:64] or "chat"
            self._write(
                error,
                grant,
                request_id=scope["state"]["request_id"],
                task=task if right == "chat" else right,
                requested=requested_in(scope["path"], b""),
            )

    def check(self) -> Check:
        """What `/health` says of them."""
        return Check("ok", required=False, message=f"{self.strangers} requests came without a good key")

    def _grant(self, scope: Scope, headers: dict[bytes, bytes]) -> Grant:
        """Who asks; the same as `asked.read_asked` finds."""
        client = scope.get("client") or ("",)
        host = str(client[0])
        query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
        return self._parts.gate.grant(
            secret_in(headers) or query.get("key", "").strip(),
            user=headers.get(b"x-inhouse-user", b"").decode("latin-1"),
            loopback=(host.startswith("127.") or host == "::1") and headers.keys().isdisjoint(FORWARDED),
        )

    def _write(
        self, error: InhouseError, grant: Grant, *, request_id: str, task: str, requested: str | None
    ) -> None:
        write_refusal(
            self._parts.accounts, error, grant, request_id=request_id, task=task, requested=requested
        )
