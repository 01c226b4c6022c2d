"""The one ASGI application: raw routes first, FastAPI for `/app`."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from inhouse.kernel.errors import BadRequest, InhouseError, InternalError, NotFound
from inhouse.serve.ask import ask_routes
from inhouse.serve.chats import chat_routes
from inhouse.serve.compare import compare_routes
from inhouse.serve.documents import document_routes
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
from inhouse.serve.plane.refused import NotingFront
from inhouse.serve.plane.surfaces import open_front
from inhouse.serve.rollouts import rollout_routes
from inhouse.serve.route import route_routes
from inhouse.serve.static import StaticFiles
from inhouse.serve.uploads import RecentJobs, upload_routes
from inhouse.serve.wire import App, Receive, Scope, Send, error_body, retry_after

__all__ = ["build_api", "build_app"]


def build_app(parts: Parts, *, stopping: asyncio.Event) -> Door:
    """The application over an open house. Setting `stopping` ends its streams."""
    front = _front(parts, stopping)
    router = _Router(
        api=build_api(parts, stopping=stopping),
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
    """The `/app` API. Its interactive pages are off: they would load scripts from another origin."""
    api = FastAPI(
        title="inhouse",
        version=parts.version,
        openapi_url="/app/openapi.json",
        docs_url=None,
        redoc_url=None,
    )
    jobs = RecentJobs(parts.ingest)
    for routes in (
        house_routes(parts, jobs),
        model_routes(parts, stopping),
        money_routes(parts),
        ask_routes(parts, stopping),
        document_routes(parts),
        upload_routes(parts, jobs, stopping),
        chat_routes(parts),
        rollout_routes(parts),
        route_routes(parts),
        compare_routes(parts),
        key_routes(parts),
        llm_routes(parts, stopping),
    ):
        api.routes.extend(routes.routes)
    api.add_exception_handler(InhouseError, _inhouse_error)
    api.add_exception_handler(RequestValidationError, _validation_error)
    api.add_exception_handler(HTTPException, _http_error)
    api.add_exception_handler(Exception, _unknown_error)
    return api


def _front(parts: Parts, stopping: asyncio.Event) -> NotingFront | None:
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
