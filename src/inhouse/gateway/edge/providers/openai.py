"""Engines that speak the OpenAI dialect: llama.cpp, MLX, vLLM, SGLang, LM Studio, OpenAI."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from functools import partial
from urllib.parse import urlsplit

from inhouse.dialects import openai, openai_embeddings, openai_pass
from inhouse.dialects.openai_pass import PassedReply, PlainChat
from inhouse.dialects.status import error_of
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost, Road, Wire, base_url, located
from inhouse.gateway.profiles import Profile
from inhouse.kernel.errors import EngineBroke, EngineUnfit
from inhouse.kernel.messages import ChatEvent, ChatRequest, Embeddings, EmbedRequest, Failed

__all__ = ["WIRE", "OpenAIProvider", "ShortRoad", "is_official"]

WIRE = Wire(openai.EventReader, openai.read_reply, openai.read_error)


class OpenAIProvider:
    """One such engine at `url` (with or without `/v1`); see `providers.port.Provider`.

    `official` is OpenAI's own service, which refuses what other engines of its dialect take; None: told
    by the address.
    """

    def __init__(
        self,
        name: str,
        url: str,
        profile: Profile,
        http: HttpClient,
        *,
        key: str = "",
        official: bool | None = None,
    ) -> None:
        self._name = name
        self._url = base_url(url) + "/v1/chat/completions"
        self._embed_url = base_url(url) + "/v1/embeddings"
        self._profile = profile
        self._http = http
        self._headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._official = is_official(url) if official is None else official

    def stream(self, request: ChatRequest, model: str) -> AsyncGenerator[ChatEvent]:
        """See `Provider.stream`. An answer that is read in one piece is asked for in one piece."""
        return self._http.events(*self.asked(request, model))

    def batches(self, request: ChatRequest, model: str) -> AsyncGenerator[Sequence[ChatEvent]]:
        """As `stream`, with those events together that came together."""
        return self._http.batches(*self.asked(request, model))

    def asked(self, request: ChatRequest, model: str) -> tuple[HttpPost, Wire]:
        """What the engine is sent, and how its answer is read."""
        passing = self._passing(request, model) if request.original is not None else None
        if passing is not None:
            return passing
        body = openai.write_request(
            request,
            model=model,
            stream=request.stream,
            ask_usage=self._profile.usage_in_stream,
            official=self._official,
        )
        return HttpPost(self._name, self._url, body, self._headers, whole=not request.stream), WIRE

    def _passing(self, request: ChatRequest, model: str) -> tuple[HttpPost, Wire] | None:
        """The request as it came and a reader that leaves the answer as it comes; None to translate both.

        OpenAI itself refuses what others of its dialect take, so requests to it are always written anew.
        """
        if self._official or request.original is None or not openai_pass.may_pass(request):
            return None
        ask_usage = request.stream and self._profile.usage_in_stream
        passed = openai_pass.write_passed_request(request.original.body, model=model, ask_usage=ask_usage)
        if passed is None:
            return None
        body, with_usage = passed
        name = request.model or model
        # An engine may answer in the other form than the one it was asked for: that cannot go on as it is.
        if request.stream:
            reader = partial(openai_pass.PassReader, model=name, with_usage=with_usage)
            wire = Wire(reader, openai.read_reply, openai.read_error)
        else:
            read_reply = partial(openai_pass.read_passed_reply, model=name)
            wire = Wire(openai.EventReader, read_reply, openai.read_error)
        return HttpPost(self._name, self._url, body, self._headers, whole=not request.stream), wire

    def short_road(self, model: str) -> ShortRoad | None:
        """The way of ordinary requests to that model, None where there is no short one."""
        post = HttpPost(self._name, self._url, b"", self._headers)
        road = None if self._official else self._http.road(post)
        if road is None:
            return None
        return ShortRoad(self, self._http, road, post, model=model, ask_usage=self._profile.usage_in_stream)

    async def embed(self, request: EmbedRequest, model: str) -> Embeddings:
        """See `Provider.embed`."""
        body = openai_embeddings.write_request(request, model=model)
        page = await self._http.page(HttpPost(self._name, self._embed_url, body, self._headers))
        if page.status != 200:
            error = openai.read_error(page.status, page.body, retry_after=page.headers.get("retry-after"))
            error.engine = self._name
            raise error
        try:
            return openai_embeddings.read_reply(page.body, request)
        except (EngineBroke, EngineUnfit) as error:
            message = f"`{self._name}`: {error.message}"
            raise type(error)(message, engine=self._name, hint=error.hint) from None


class ShortRoad:
    """Requests on their way to one model of one engine, and its answers as they come back."""

    def __init__(
        self,
        provider: OpenAIProvider,
        http: HttpClient,
        road: Road,
        post: HttpPost,
        *,
        model: str,
        ask_usage: bool,
    ) -> None:
        self._provider = provider
        self._http = http
        self._road = road
        self._post = post
        self._model = model
        self._ask_usage = ask_usage

    def write(self, body: bytes, plain: PlainChat) -> bytes | None:
        """What the engine is sent, None where the request must be translated."""
        ask_usage = plain.stream and self._ask_usage
        return openai_pass.write_plain_request(body, plain, model=self._model, ask_usage=ask_usage)

    async def whole(self, sent: bytes, plain: PlainChat) -> PassedReply:
        """The answer to what `write` gave.

        Raises:
            OtherForm: if the engine answers with a stream.
            EngineError: see `Provider.stream`.
        """
        data = await self._http.whole(self._road, self._post, sent, WIRE)
        reply = openai_pass.read_plain_reply(data, model=plain.model)
        if isinstance(reply, Failed):
            raise located(error_of(reply, engine=self._post.engine), self._post.engine)
        return reply

    async def translated(self, request: ChatRequest) -> list[ChatEvent]:
        """All events of the answer to any request, which asks for one piece; raises as `whole` does."""
        post, wire = self._provider.asked(request, self._model)
        events = list(wire.read_reply(await self._http.whole(self._road, post, post.body, wire)))
        if isinstance(events[-1], Failed):
            raise located(error_of(events[-1], engine=post.engine), post.engine)
        return events

    def events(self, request: ChatRequest) -> AsyncGenerator[Sequence[ChatEvent]]:
        """See `OpenAIProvider.batches`."""
        return self._provider.batches(request, self._model)

    def stream(self, sent: bytes, plain: PlainChat) -> AsyncGenerator[Sequence[ChatEvent]]:
        """The events of the answer to what `write` gave; see `OpenAIProvider.batches`."""
        reader = partial(openai_pass.PassReader, model=plain.model, with_usage=plain.include_usage)
        post = HttpPost(self._post.engine, self._post.url, sent, self._post.headers)
        return self._http.batches(post, Wire(reader, openai.read_reply, openai.read_error))


def is_official(url: str) -> bool:
    """True for OpenAI's own service, at its own address or at Azure's."""
    host = (urlsplit(url).hostname or "").lower()
    return host == "api.openai.com" or host.endswith((".openai.com", ".openai.azure.com"))
