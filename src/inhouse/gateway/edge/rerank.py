"""Asks a reranker, which is no engine of the fleet: it writes nothing and knows one page."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlsplit

from inhouse.dialects import rerank
from inhouse.dialects.rerank import Form
from inhouse.gateway.edge.providers.http import HttpClient, HttpPost
from inhouse.kernel.errors import EngineBroke, EngineOverloaded

__all__ = ["HttpReranker"]

NAME = "reranker"
BUSY = frozenset({429, 503})
LONGEST_TEXT, LONGEST_QUERY = 4_000, 2_000
"""Cross-encoders read 512 to 8,192 tokens and cut the rest themselves; what they would cut is not sent."""


class HttpReranker:
    """`url` is the server's address or that of its page; `key` is sent as a bearer token, "" for none."""

    def __init__(
        self, http: HttpClient, url: str, *, model: str, form: Form, key: str, timeout_s: float
    ) -> None:
        self._http = http
        self._url = _page(url)
        self._form = form
        self._key = key
        self._timeout_s = timeout_s
        self._name = model
        self.model = model or urlsplit(url).netloc
        """What examinations are noted under."""

    async def scores(self, question: str, texts: Sequence[str]) -> tuple[float, ...]:
        """One score for each text, higher is better; their scale is the model's own.

        Raises:
            EngineError: if it cannot be reached, is too slow, refuses, or answers with something else.
        """
        cut = [text[:LONGEST_TEXT] for text in texts]
        body = rerank.write_request(self._form, self._name, question[:LONGEST_QUERY], cut)
        headers = {"content-type": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        post = HttpPost(NAME, self._url, body, headers, whole=True)
        page = await self._http.page(post, timeout_s=self._timeout_s)
        if page.status != 200:
            wrong = EngineOverloaded if page.status in BUSY else EngineBroke
            raise wrong(f"the reranker answers with status {page.status}")
        return rerank.read_reply(page.body, len(cut))


def _page(url: str) -> str:
    bare = url.rstrip("/")
    return bare if urlsplit(bare).path.endswith("/rerank") else f"{bare}/rerank"
