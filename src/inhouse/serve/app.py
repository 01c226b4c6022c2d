"""The one ASGI application: raw routes first, FastAPI for `/app`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inhouse.kernel.errors import BadRequest, InhouseError, InternalError, NotFound
from inhouse.serve.access import access_routes
from inhouse.serve.ask import ask_routes
from inhouse.serve.chats import chat_routes
from inhouse.serve.compare import compare_routes
from inhouse.serve.documents import document_routes
from inhouse.serve.evaluation import evaluation_routes
from inhouse.serve.health import HealthPages
from inhouse.serve.house import house_routes
from inhouse.serve.ids import new_ids
from inhouse.serve.keys import key_routes
from inhouse.serve.llm import llm_routes
from inhouse.serve.middleware import Door
from inhouse.serve.models import model_routes
from inhouse.serve.money import money_routes
from inhouse.serve.parts import Parts
from inhouse.serve.plane.front import Front
from inhouse.serve.plane.parts import PlaneParts
from inhouse.serve.plane.surfaces import open_front
from inhouse.serve.removal import removal_routes
from inhouse.serve.rollouts import rollout_routes
from inhouse.serve.route import route_routes
from inhouse.serve.search import search_routes
from inhouse.serve.sources import source_routes
from inhouse.serve.static import StaticFiles
from inhouse.serve.uploads import RecentJobs, upload_routes
from inhouse.serve.wire import App, Receive, Scope, Send, error_body, retry_after

__all__ = ["build_api", "build_app"]

DESCRIPTION = "openapi.json"

Maker = Callable[[], APIRouter]


def build_app(parts: Parts, *, stopping: asyncio.Event) -> Door:
    """The application over an open house. Setting `stopping` ends its streams."""
    front = _front(parts, stopping)
    router = _Router(
        api=_Api(parts, stopping),
        health=HealthPages(parts, stopping, front.refusals if front else None),
        front=front,
    )
    limits = parts.limits
    return Door(
        router,
        max_body_bytes=limits.max_body_bytes,
        allowed_hosts=limits.allowed_hosts,
        doors=limits.doors,
        words=front.words if front else None,
    )


def build_api(parts: Parts, *, stopping: asyncio.Event) -> FastAPI:
    """The whole `/app` API in one piece, as `/app/openapi.json` describes it."""
    return _api(parts, [make() for _words, make in _groups(parts, stopping)])


def _groups(parts: Parts, stopping: asyncio.Event) -> tuple[tuple[str, Maker], ...]:
    """What makes each group of routes, behind the words after `/app/` that belong to it."""
    jobs = RecentJobs(parts.ingest)
    return (
        ("state usage config", lambda: house_routes(parts, jobs)),
        ("models", lambda: model_routes(parts, stopping)),
        ("usage savings roi", lambda: money_routes(parts)),
        ("ask", lambda: ask_routes(parts, stopping)),
        ("search documents", lambda: document_routes(parts)),
        ("search glossary admin", lambda: search_routes(parts)),
        ("uploads ingest jobs", lambda: upload_routes(parts, jobs, stopping)),
        ("chats", lambda: chat_routes(parts)),
        ("rollouts", lambda: rollout_routes(parts)),
        ("route admin", lambda: route_routes(parts)),
        ("compare", lambda: compare_routes(parts)),
        ("admin", lambda: key_routes(parts)),
        ("admin", lambda: evaluation_routes(parts)),
        ("admin", lambda: access_routes(parts)),
        ("admin", lambda: source_routes(parts)),
        ("documents admin", lambda: removal_routes(parts)),
        ("llm", lambda: llm_routes(parts, stopping)),
    )


def _api(parts: Parts, groups: Sequence[APIRouter]) -> FastAPI:
    """These groups with our errors. The interactive pages are off: they would load foreign scripts."""
    api = FastAPI(
        title="inhouse",
        version=parts.version,
        openapi_url="/app/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    api.state.people = parts.people
    for routes in groups:
        api.routes.extend(routes.routes)
    api.add_exception_handler(InhouseError, _inhouse_error)
    api.add_exception_handler(RequestValidationError, _validation_error)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _unknown_error)
    return api


class _Api:
    """`/app`, of which a group is made when the first request comes for it.

    FastAPI takes about 100 ms to read the signatures of all routes, and a command or a gateway in front of
    engines wants one group or none.
    """

    def __init__(self, parts: Parts, stopping: asyncio.Event) -> None:
        self._parts = parts
        self._groups = _groups(parts, stopping)
        self._words = frozenset(word for words, _make in self._groups for word in words.split())
        self._made: dict[str, App] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        word = scope["path"].removeprefix("/app/").partition("/")[0]
        if word not in self._words and word != DESCRIPTION:
            word = ""  # nothing is there, whatever its name: one entry for all of them
        if word not in self._made:
            groups = [make() for words, make in self._groups if word in {*words.split(), DESCRIPTION}]
            self._made[word] = _api(self._parts, groups)
        await self._made[word](scope, receive, send)


def _front(parts: Parts, stopping: asyncio.Event) -> Front | None:
    """The wire surfaces; None in a house that has no gateway to stand behind them."""
    if parts.chat is None or parts.embedder is None or parts.catalogue is None or parts.gate is None:
        return None
    assert parts.accounts is not None
    plane = PlaneParts(
        version=parts.version,
        chat=parts.chat,
        embedder=parts.embedder,
        accounts=parts.accounts,
        catalogue=parts.catalogue,
        gate=parts.gate,
        models=parts.models,
        stopping=stopping,
        clock=parts.clock,
        new_id=new_ids(),
        express=parts.express,
    )
    return open_front(plane, parts.repeats)


class _Router:
    """Chooses by the path; whatever is not ours may belong to a wire surface."""

    def __init__(self, *, api: App, health: App, front: Front | None) -> None:
        self._api = api
        self._health = health
        self._front = front
        self._static = StaticFiles()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path: str = scope["path"]
        if path.startswith("/app/"):
            await self._api(scope, receive, send)
        elif path == "/health" or path.startswith("/health/"):
            await self._health(scope, receive, send)
        elif path == "/" or path.startswith("/static/"):
            await self._static(scope, receive, send)
        elif self._front is None or not await self._front(scope, receive, send):
            raise NotFound(f"There is nothing at {path[:200]}", hint="the page is at /, the API below /app/")


def _reply(error: InhouseError, status: int | None = None) -> Response:
    headers = {name.decode(): value.decode() for name, value in retry_after(error)}
    return Response(error_body(error), status or error.status, headers, media_type="application/json")


def _inhouse_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, InhouseError):
        raise error
    return _reply(error)


def _validation_error(_request: Request, error: Exception) -> Response:
    """Name the first wrong field; the value is not repeated, it may be a question."""
    if not isinstance(error, RequestValidationError):
        raise error
    first = error.errors()[0]
    place = (
        ".".join(str(part) for part in first["loc"] if part not in ("body", "query", "path")) or "the body"
    )
    wrong = BadRequest(f"The request is wrong at `{place}`: {first['msg']}", hint="see /app/openapi.json")
    return _reply(wrong)


def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    path = request.url.path[:200]
    if error.status_code == 404:
        return _reply(NotFound(f"There is nothing at {path}", hint="see /app/openapi.json"))
    if error.status_code == 405:
        wrong = BadRequest(f"{request.method} is not possible at {path}", hint="see /app/openapi.json")
        return _reply(wrong, 405)
    return _reply(BadRequest(str(error.detail), hint="see /app/openapi.json"), error.status_code)


def _unknown_error(_request: Request, _error: Exception) -> Response:
    """The framework raises the error again after this reply, so the door logs and counts it."""
    hint = "the log line with this request id says more"
    return _reply(InternalError("Something went wrong inside inhouse", hint=hint))
