"""The house as a command sees it: typed calls over a transport, errors as exceptions."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode

from pydantic import JsonValue

from inhouse.cli.client_access import AccessCalls
from inhouse.cli.client_removal import RemovalCalls
from inhouse.cli.client_search import SearchCalls
from inhouse.cli.transport import Transport, segment
from inhouse.kernel.errors import InhouseError, InternalError, Unavailable
from inhouse.serve.compare import AnswerShape, VerdictShape
from inhouse.serve.document_shapes import DocumentDetail, DocumentRow, DocumentRows, JobId, JobShape
from inhouse.serve.evaluation import EvalRunBody, EvalRunsShape, GoldenBody, GoldensShape
from inhouse.serve.house_shapes import (
    EnginesShape,
    ErrorShape,
    LoadedShape,
    RequestShape,
    SettingsShape,
    StateShape,
    UsageShape,
)
from inhouse.serve.keys import KeyShape, KeysShape, NewKey, NewKeyShape
from inhouse.serve.money_shapes import RepricedShape, RoisShape, SavingsShape
from inhouse.serve.rollouts import NewRollout, RolloutShape, RolloutsShape
from inhouse.serve.route import ExplainedShape, OutcomesShape, RouteAskBody, SwitchShape
from inhouse.serve.shapes import Shape
from inhouse.serve.sources import NewSourceBody, RemovedSourceShape, SourceBody, SourceShape, SourcesShape

__all__ = ["HouseClient", "error_named"]

ShapeT = TypeVar("ShapeT", bound=Shape)


class HouseClient(AccessCalls, RemovalCalls, SearchCalls):
    """Asks on behalf of `user`. Every method raises the `InhouseError` that the house replied with.

    `key` is an API key of the house; models are asked with its rights then.
    """

    def __init__(self, transport: Transport, *, user: str = "", key: str = "") -> None:
        self._transport = transport
        # As bytes of UTF-8 in a header of Latin-1, which is how HTTP carries other alphabets.
        self._headers = {"x-inhouse-user": user.encode().decode("latin-1")} if user else {}
        if key:
            self._headers["authorization"] = f"Bearer {key}"

    def speaking_for(self, user: str) -> HouseClient:
        """The same house on behalf of another user; of the same one when `user` is empty."""
        if not user:
            return self
        other = HouseClient(self._transport, user=user)
        other._headers = {**self._headers, **other._headers}
        return other

    async def raw_bytes(self, method: str, target: str, content: bytes) -> bytes:
        """As `raw`, with a body that is no JSON."""
        headers = {**self._headers, "content-type": "application/octet-stream"}
        async with self._transport.send(method, target, headers=headers, body=content) as reply:
            received = await reply.body()
        if reply.status >= 400:
            raise _error_in(received)
        return received

    async def documents(
        self, *, query: str = "", source: str | None = None, status: str | None = None, offset: int = 0
    ) -> DocumentRows:
        """A window of 1,000 documents from `offset` on."""
        return await self._get(
            "/app/documents", DocumentRows, q=query, source=source, status=status, limit=1000, offset=offset
        )

    async def document_named(self, name: str) -> DocumentRow:
        """The document with that id, path or source/path."""
        return (await self._get("/app/documents", DocumentRows, name=name)).documents[0]

    async def document(self, document_id: str) -> DocumentDetail:
        return await self._get(f"/app/documents/{segment(document_id)}", DocumentDetail)

    async def remove_document(self, document_id: str) -> None:
        await self._call("DELETE", f"/app/documents/{segment(document_id)}")

    async def ingest(self, paths: Sequence[str], *, source: str | None, groups: Sequence[str]) -> str:
        """Queue absolute paths; the id of the job."""
        body = {"paths": list(paths), "source": source, "groups": list(groups)}
        reply = await self._call("POST", "/app/ingest", body)
        return JobId.model_validate_json(reply).job_id

    async def job(self, job_id: str) -> JobShape:
        return await self._get(f"/app/jobs/{segment(job_id)}", JobShape)

    async def cancel(self, job_id: str) -> None:
        await self._call("POST", f"/app/jobs/{segment(job_id)}/cancel")

    async def state(self) -> StateShape:
        return await self._get("/app/state", StateShape)

    async def engines(self, *, refresh: bool, fit: bool = False) -> EnginesShape:
        return await self._get("/app/models", EnginesShape, refresh=int(refresh), fit=int(fit))

    async def loaded_models(self) -> LoadedShape:
        """Engines with their loaded models, looked at now."""
        return await self._get("/app/models/loaded", LoadedShape, refresh=1)

    async def pull_model(
        self, model: str, *, engine: str, force: bool
    ) -> AsyncIterator[tuple[str, Mapping[str, JsonValue]]]:
        """Events as (name, data), up to `done`; an `error` event is raised."""
        body = {"model": model, "engine": engine, "force": force}
        headers = {**self._headers, "content-type": "application/json"}
        content = json.dumps(body).encode()
        async with self._transport.send("POST", "/app/models/pull", headers=headers, body=content) as reply:
            if reply.status != 200:
                raise _error_in(await reply.body())
            async for name, data in _events(reply.chunks):
                if name == "error":
                    raise error_named(str(data["code"]), str(data["message"]), str(data["hint"]))
                yield name, data
                if name == "done":
                    return
        raise Unavailable("The download ended without its end", hint="run it again: it goes on where it was")

    async def remove_model(self, model: str, *, engine: str) -> None:
        await self._call("DELETE", f"/app/models?{urlencode({'model': model, 'engine': engine})}")

    async def usage(self, **asked: str | float | None) -> UsageShape:
        """Sums and rows; `asked` are the query parameters of `GET /app/usage`."""
        return await self._get("/app/usage", UsageShape, **asked)

    async def request(self, request_id: str) -> RequestShape:
        return await self._get(f"/app/usage/{segment(request_id)}", RequestShape)

    async def reprice(self, body: Mapping[str, object]) -> RepricedShape:
        return RepricedShape.model_validate_json(await self._call("POST", "/app/usage/reprice", body))

    async def savings(self, **asked: str | float | None) -> SavingsShape:
        return await self._get("/app/savings", SavingsShape, **asked)

    async def roi(self, *, preset: Sequence[str], **figures: str) -> RoisShape:
        query = urlencode([*(("preset", name) for name in preset), *figures.items()])
        return RoisShape.model_validate_json(await self._call("GET", f"/app/roi?{query}"))

    async def keys(self) -> KeysShape:
        return await self._get("/app/admin/keys", KeysShape)

    async def add_key(self, wanted: NewKey) -> NewKeyShape:
        reply = await self._call("POST", "/app/admin/keys", wanted.model_dump())
        return NewKeyShape.model_validate_json(reply)

    async def rotate_key(self, name: str) -> NewKeyShape:
        reply = await self._call("POST", f"/app/admin/keys/{segment(name)}/rotate")
        return NewKeyShape.model_validate_json(reply)

    async def revoke_key(self, name: str) -> KeyShape:
        return KeyShape.model_validate_json(await self._call("DELETE", f"/app/admin/keys/{segment(name)}"))

    async def explain_route(self, asked: RouteAskBody) -> ExplainedShape:
        reply = await self._call("POST", "/app/route/explain", asked.model_dump())
        return ExplainedShape.model_validate_json(reply)

    async def outcomes(self) -> OutcomesShape:
        return await self._get("/app/route/outcomes", OutcomesShape)

    async def routing(self) -> SwitchShape:
        return await self._get("/app/admin/routing", SwitchShape)

    async def switch_routing(self, word: str | None) -> SwitchShape:
        return SwitchShape.model_validate_json(await self._call("PUT", "/app/admin/routing", {"local": word}))

    async def sources(self) -> SourcesShape:
        return await self._get("/app/admin/sources", SourcesShape)

    async def source(self, name: str) -> SourceShape:
        return await self._get(f"/app/admin/sources/{segment(name)}", SourceShape)

    async def add_source(self, wanted: NewSourceBody) -> SourceShape:
        reply = await self._call("POST", "/app/admin/sources", wanted.model_dump())
        return SourceShape.model_validate_json(reply)

    async def change_source(self, name: str, wanted: SourceBody) -> SourceShape:
        reply = await self._call("PATCH", f"/app/admin/sources/{segment(name)}", wanted.model_dump())
        return SourceShape.model_validate_json(reply)

    async def run_source(self, name: str) -> SourceShape:
        reply = await self._call("POST", f"/app/admin/sources/{segment(name)}/run")
        return SourceShape.model_validate_json(reply)

    async def pause_source(self, name: str, word: str) -> SourceShape:
        """`word` is `pause` or `resume`."""
        reply = await self._call("POST", f"/app/admin/sources/{segment(name)}/{word}")
        return SourceShape.model_validate_json(reply)

    async def remove_source(self, name: str, *, now: bool) -> RemovedSourceShape:
        reply = await self._call("DELETE", f"/app/admin/sources/{segment(name)}?now={int(now)}")
        return RemovedSourceShape.model_validate_json(reply)

    async def rollouts(self) -> RolloutsShape:
        return await self._get("/app/rollouts", RolloutsShape)

    async def start_rollout(self, wanted: NewRollout) -> RolloutShape:
        reply = await self._call("POST", "/app/rollouts", wanted.model_dump())
        return RolloutShape.model_validate_json(reply)

    async def promote_rollout(self, name: str) -> RolloutShape:
        reply = await self._call("POST", "/app/rollouts/promote", {"name": name})
        return RolloutShape.model_validate_json(reply)

    async def roll_back(self, name: str, reason: str) -> RolloutShape:
        reply = await self._call("POST", "/app/rollouts/rollback", {"name": name, "reason": reason})
        return RolloutShape.model_validate_json(reply)

    async def compare_answer(self, body: Mapping[str, object]) -> AnswerShape:
        return AnswerShape.model_validate_json(await self._call("POST", "/app/compare/answer", body))

    async def compare_judge(self, body: Mapping[str, object]) -> VerdictShape:
        return VerdictShape.model_validate_json(await self._call("POST", "/app/compare/judge", body))

    async def compare_pick(self, body: Mapping[str, object]) -> None:
        await self._call("POST", "/app/compare/picks", body)

    async def evaluations(self, **asked: str | int) -> EvalRunsShape:
        """Finished evaluations; `asked` are the query parameters of `GET /app/admin/evaluations`."""
        return await self._get("/app/admin/evaluations", EvalRunsShape, **asked)

    async def keep_evaluation(self, run: EvalRunBody) -> None:
        await self._call("POST", "/app/admin/evaluations", run.model_dump())

    async def golden(self) -> GoldensShape:
        return await self._get("/app/admin/golden", GoldensShape)

    async def add_golden(self, body: GoldenBody) -> GoldensShape:
        reply = await self._call("POST", "/app/admin/golden", body.model_dump())
        return GoldensShape.model_validate_json(reply)

    async def remove_golden(self, question_id: str) -> None:
        await self._call("DELETE", f"/app/admin/golden/{segment(question_id)}")

    async def settings(self) -> SettingsShape:
        return await self._get("/app/config", SettingsShape)

    async def ask(
        self, question: str, *, chat_id: str | None = None, keep: bool
    ) -> AsyncIterator[tuple[str, Mapping[str, JsonValue]]]:
        """Events as (name, data), up to `done`; an `error` event is raised."""
        body = {"question": question, "chat_id": chat_id, "keep": keep}
        headers = {**self._headers, "content-type": "application/json"}
        content = json.dumps(body).encode()
        async with self._transport.send("POST", "/app/ask", headers=headers, body=content) as reply:
            if reply.status != 200:
                raise _error_in(await reply.body())
            async for name, data in _events(reply.chunks):
                if name == "error":
                    raise error_named(str(data["code"]), str(data["message"]), str(data["hint"]))
                yield name, data
                if name == "done":
                    return
        raise Unavailable("The answer ended without its end", hint="ask again")

    async def _get(self, path: str, shape: type[ShapeT], **query: str | int | float | None) -> ShapeT:
        given = {key: value for key, value in query.items() if value is not None}
        return shape.model_validate_json(
            await self._call("GET", f"{path}?{urlencode(given, errors='replace')}")
        )

    async def _call(self, method: str, target: str, body: object = None) -> bytes:
        content = b"" if body is None else json.dumps(body).encode()
        headers = {**self._headers, "content-type": "application/json"}
        async with self._transport.send(method, target, headers=headers, body=content) as reply:
            received = await reply.body()
        if reply.status >= 400:
            raise _error_in(received)
        return received


async def _events(chunks: AsyncIterator[bytes]) -> AsyncIterator[tuple[str, Mapping[str, JsonValue]]]:
    """Server-sent events as our server writes them: `event`, one line of `data`, comments between."""
    rest = b""
    async for chunk in chunks:
        rest += chunk
        while b"\n\n" in rest:
            block, _, rest = rest.partition(b"\n\n")
            lines = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line)
            if "event" in lines:
                yield lines["event"], json.loads(lines["data"])


def _error_in(body: bytes) -> InhouseError:
    try:
        error = ErrorShape.model_validate_json(body).error
    except ValueError:
        return Unavailable("What answers there is not inhouse", hint="look at who holds the port")
    return error_named(error.code, error.message, error.hint)


def error_named(code: str, message: str, hint: str) -> InhouseError:
    """The error of our tree with that code, so that its exit code is known here too."""
    waiting: list[type[InhouseError]] = [InhouseError]
    while waiting:
        kind = waiting.pop()
        if kind.code == code:
            return kind(message, hint=hint)
        waiting += kind.__subclasses__()
    return InternalError(message, hint=hint)
