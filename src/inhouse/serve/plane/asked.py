"""One request to a wire surface, read as far as every surface needs it.

Headers of DESIGN section 6: callers may send `x-inhouse-task`, `-priority`, `-role`, `-data`, `-prefer`,
`-force`, `-strategy`, `-max-cost-micros`, `-cache`; a header only ever tightens what may leave the house.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal, cast, get_args
from urllib.parse import parse_qsl

from inhouse.kernel.caller import Grant, Scope
from inhouse.kernel.errors import BadRequest, Forbidden
from inhouse.kernel.messages import NO_WISHES, ChatRequest, DataPolicy, Priority, Strategy, Wishes
from inhouse.kernel.ports import EngineUsed
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.plane.watch import Watch
from inhouse.serve.wire import FORWARDED, Receive, Send, headers_of
from inhouse.serve.wire import Scope as AsgiScope

__all__ = ["LONGEST_NAME", "STREAMED", "Asked", "check_name", "read_asked", "secret_in", "used_headers"]

PREFIX = b"x-inhouse-"
_SPOKEN = frozenset(
    PREFIX + each
    for each in (
        b"cache",
        b"data",
        b"force",
        b"max-cost-micros",
        b"prefer",
        b"priority",
        b"role",
        b"strategy",
        b"task",
    )
)
"""The headers that change what is done with a request."""
_WITH_BODY = frozenset({"POST", "PUT", "PATCH", "DELETE"})
STREAMED = "/api/blobs/"
"""Below this, bodies are larger than memory: their route reads them from `Asked.receive` piece by piece."""


LONGEST_NAME = 1000
"""In characters; some engines call a model by the path of its file."""


class Left(Exception):
    """The caller left in the middle of its request."""


@dataclass(slots=True, eq=False)
class Asked:
    """Who asks for what. `headers` have lower-case names; of several with one name the first counts.

    Nobody changes one. It is not frozen, for that takes four times as long to make, once for each request.
    """

    parts: PlaneParts
    receive: Receive
    send: Send
    method: str
    path: str
    query: str
    headers: dict[bytes, bytes]
    body: bytes
    request_id: str
    grant: Grant
    wishes: Wishes
    data: DataPolicy
    task: str
    watch: Watch

    def header(self, name: bytes) -> str:
        """The header of that lower-case name, empty when there is none."""
        return self.headers.get(name, b"").decode("latin-1")

    def need(self, scope: Scope) -> None:
        """Raises `Forbidden` if the caller's key is not for this."""
        if scope not in self.grant.scopes:
            raise Forbidden(
                f"This key is not for `{scope}`" if self.grant.key else f"`{scope}` needs an API key",
                hint=f"`inhouse keys add --name NAME --scope {scope}` makes one that is",
            )

    def wanted(self, request: ChatRequest) -> ChatRequest:
        """The request with what the headers said; the stricter word on data wins.

        Raises:
            BadRequest: if the model's name is too long to be one.
        """
        check_name(request.model)
        if self.data == "any" and self.task == "chat" and self.wishes is NO_WISHES:
            return dataclasses.replace(request, data="any") if request.data != "any" else request
        return dataclasses.replace(request, data=self.data, task=self.task, wishes=self.wishes)


async def read_asked(
    scope: AsgiScope, receive: Receive, send: Send, parts: PlaneParts, watch: Watch
) -> Asked:
    """The request with its body, its caller and its wishes.

    Raises:
        Left: if the caller left before its request was whole.
        Unauthorized: if its key is not good.
        BadRequest: if a header of ours holds none of its words.
    """
    headers = headers_of(scope)
    client = scope.get("client")
    user = headers.get(b"x-inhouse-user")
    grant = parts.gate.grant(
        secret_in(headers) or _secret_of_query(scope),
        user=user.decode("latin-1") if user else "",
        loopback=_loopback(client) and FORWARDED.isdisjoint(headers),
    )
    method, path = scope["method"], scope["path"]
    body = b""
    # Of other methods no body is read, also not by the door, which holds the limit of its size.
    if method in _WITH_BODY and not path.startswith(STREAMED):
        message = await receive()
        body = message.get("body", b"")
        while message.get("more_body", False):
            message = await receive()
            body += message.get("body", b"")
        if message["type"] == "http.disconnect":
            raise Left
    spoke = not _SPOKEN.isdisjoint(headers)
    # By position, in the order of the class: names would take twice as long.
    return Asked(
        parts,
        receive,
        send,
        method,
        path,
        scope["query_string"].decode("latin-1"),
        headers,
        body,
        scope["state"]["request_id"],
        grant,
        _wishes(headers) if spoke else NO_WISHES,
        _data(scope) if spoke else "any",
        headers.get(b"x-inhouse-task", b"").decode("latin-1")[:64] or "chat" if spoke else "chat",
        watch,
    )


def check_name(model: str | None) -> None:
    """Names are compared, remembered and written down many times over; one of a megabyte took a second.

    Raises:
        BadRequest: if the name is too long to be that of a model.
    """
    if model is not None and len(model) > LONGEST_NAME:
        raise BadRequest(
            f"The model's name is over {LONGEST_NAME} characters",
            hint="GET /v1/models lists the names of this house",
        )


def used_headers(used: EngineUsed) -> tuple[tuple[bytes, bytes], ...]:
    """The `x-inhouse-*` headers of an answer."""
    # Cut before they are remembered: a reason may quote all that an engine said.
    return _used_headers(used.engine, used.model, used.where, used.reason[:1000])


@lru_cache(maxsize=256)
def _used_headers(engine: str, model: str | None, where: str, reason: str) -> tuple[tuple[bytes, bytes], ...]:
    return (
        (b"x-inhouse-engine", _one_line(engine)),
        (b"x-inhouse-model", _one_line(model or "")),
        (b"x-inhouse-where", where.encode()),
        (b"x-inhouse-reason", _one_line(reason)[:1000]),
    )


def _one_line(text: str) -> bytes:
    """Fit for a header: an engine may list a model of any name, and quote anything in its errors."""
    line = text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)
    return line.encode("ascii", "backslashreplace")


def secret_in(headers: dict[bytes, bytes]) -> str:
    """The API key as each of the four protocols sends it."""
    given = headers.get(b"authorization", b"")
    if given.startswith(b"Bearer ") or given[:7].lower() == b"bearer ":
        return given[7:].strip().decode("latin-1")
    found = headers.get(b"x-api-key") or headers.get(b"x-goog-api-key") or b""
    return found.strip().decode("latin-1")


def _secret_of_query(scope: AsgiScope) -> str:
    """The API key as `?key=`, which Google's examples use; the query is never logged."""
    query: bytes = scope["query_string"]
    if b"key=" not in query or not scope["path"].startswith(("/v1beta/", "/v1/models")):
        return ""
    return dict(parse_qsl(query.decode("latin-1"))).get("key", "").strip()


def _loopback(client: tuple[str, int] | None) -> bool:
    host = client[0] if client else ""
    return host.startswith("127.") or host == "::1"


def _wishes(headers: dict[bytes, bytes]) -> Wishes:
    most = headers.get(b"x-inhouse-max-cost-micros", b"").decode("latin-1")
    if most and not (most.isascii() and most.isdigit() and len(most) < 19):
        raise BadRequest(
            "x-inhouse-max-cost-micros is not a whole number", hint="micro-units of money, from 0"
        )
    place = ("local", "cloud")
    found = Wishes(
        priority=cast("Priority | None", _word(headers, b"priority", get_args(Priority))),
        role=cast("Literal['L1', 'L2', 'L3'] | None", _word(headers, b"role", ("L1", "L2", "L3"))),
        prefer=cast("Literal['local', 'cloud'] | None", _word(headers, b"prefer", place)),
        force=cast("Literal['local', 'cloud'] | None", _word(headers, b"force", place)),
        strategy=cast("Strategy", _word(headers, b"strategy", get_args(Strategy), "single")),
        max_cost_micros=int(most) if most else None,
        cache=cast("Literal['on', 'off'] | None", _word(headers, b"cache", ("on", "off"))),
    )
    return NO_WISHES if found == NO_WISHES else found


def _data(scope: AsgiScope) -> DataPolicy:
    """The strictest of all words on it: a proxy may add its own behind the caller's, in a line of its own
    or, as RFC 9110 section 5.3 allows, in one line with it."""
    found: DataPolicy = "any"
    for name, value in scope["headers"]:
        if name == b"x-inhouse-data":
            for word in value.split(b","):
                if _word({name: word}, b"data", ("local_only", "any")) == "local_only":
                    found = "local_only"
    return found


def _word(
    headers: dict[bytes, bytes], name: bytes, words: tuple[str, ...], default: str | None = None
) -> str | None:
    given = headers.get(PREFIX + name)
    if given is None:
        return default
    text = given.decode("latin-1").strip()
    for word in words:
        if text.lower() == word.lower():
            return word
    raise BadRequest(
        f"x-inhouse-{name.decode()} is {text[:40]!r}, which is none of its words",
        hint=f"one of {', '.join(words)}",
    )
