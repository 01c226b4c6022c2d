"""A real loopback server that makes vectors and judges passages, well or badly.

`good` vectors are hashed letter groups: they know both languages, each by itself. `english` is such a model
that sees no Cyrillic letter. `bilingual` knows the Russian words of `MEANS` by their English ones, `random`
nothing at all. Each fault counts how often it fired.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

from inhouse.knowledge.selfcheck_pairs import PAIRS

Knows = Literal["good", "english", "bilingual", "random"]
Fault = Literal["none", "nan", "zero", "dimension", "few", "lying", "html", "500", "close", "hang"]

_ENGLISH_OF = {russian.lower(): english.lower() for english, russian in PAIRS}


@dataclass
class FakeLegs:
    """`seen` are the texts that vectors were asked for; `before` is called with them first."""

    knows: Knows = "good"
    fault: Fault = "none"
    dimension: int = 1024
    means: Mapping[str, str] = field(default_factory=dict)
    before: Callable[[Sequence[str]], None] = lambda _texts: None
    seen: list[str] = field(default_factory=list)
    judged: int = 0
    fired: int = 0
    port: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def running(self) -> AsyncIterator[FakeLegs]:
        """Listen for the length of the block."""
        self._tasks: set[asyncio.Task[None]] = set()
        server = await asyncio.start_server(self._take, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            await server.wait_closed()

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                path = head.split(" ")[1]
                length = re.search(r"content-length: (\d+)", head.lower())
                body = await reader.readexactly(int(length[1]) if length else 0)
                if self.fault in ("close", "hang") and body:
                    self.fired += 1
                    if self.fault == "hang":
                        await asyncio.Event().wait()
                    return
                status, reply = self._reply(path, json.loads(body) if body else {})
                said = f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"
                writer.write(f"{said}Content-Length: {len(reply)}\r\n\r\n".encode() + reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # closed between two requests
        finally:
            writer.close()

    def _reply(self, path: str, asked: dict[str, object]) -> tuple[int, bytes]:
        if not asked:
            return 200, json.dumps(
                {"object": "list", "data": [{"id": "fake-embed", "object": "model"}]}
            ).encode()
        if self.fault == "500":
            self.fired += 1
            return 500, b'{"error":{"message":"out of memory"}}'
        if self.fault == "html":
            self.fired += 1
            return 200, b"<html>sign in</html>"
        if path.endswith("/embeddings"):
            return 200, self._embeddings(asked)
        return 200, self._judgement(asked)

    def _embeddings(self, asked: dict[str, object]) -> bytes:
        given = asked["input"]
        texts = [given] if isinstance(given, str) else [str(one) for one in given]  # type: ignore[attr-defined]
        self.before(texts)
        self.seen += texts
        rows: list[list[float]] = [self.vector(text) for text in texts]
        if self.fault in ("nan", "zero", "dimension", "few", "lying"):
            self.fired += 1
        if self.fault == "nan":
            rows = [[math.nan] * self.dimension for _ in rows]
        if self.fault == "zero":
            rows = [[0.0] * self.dimension for _ in rows]
        if self.fault == "dimension":
            rows = [row[: self.dimension - 1 - self.fired % 7] for row in rows]
        if self.fault == "few":
            rows = rows[:-1]
        data = [{"object": "embedding", "index": at, "embedding": row} for at, row in enumerate(rows)]
        return json.dumps({"object": "list", "data": data, "usage": {"prompt_tokens": 1}}).encode()

    def _judgement(self, asked: dict[str, object]) -> bytes:
        texts = asked.get("documents") or asked.get("texts")
        assert isinstance(texts, list)
        self.judged += 1
        query = self.vector(str(asked["query"]))
        scores: list[float] = [_dot(query, self.vector(str(text))) for text in texts]
        if self.fault == "nan":
            self.fired += 1
            scores[0] = math.nan
        named = [{"index": at, "relevance_score": score} for at, score in enumerate(scores)]
        if self.fault == "lying":
            self.fired += 1
            named[0]["index"] = len(texts) + 7
        if self.fault == "few":
            self.fired += 1
            named = named[:-1]
        if "texts" in asked:
            return json.dumps(
                [{"index": one["index"], "score": one["relevance_score"]} for one in named]
            ).encode()
        return json.dumps({"results": sorted(named, key=lambda one: -one["relevance_score"])}).encode()

    def vector(self, text: str) -> list[float]:
        """The vector of a text; a model that knows nothing of it gives one that says nothing."""
        words = re.findall(r"\w+", text.lower().replace("ё", "е"))
        if self.knows == "random":
            digest = hashlib.sha256(text.encode()).digest() * (self.dimension // 32 + 1)
            return [byte - 127.5 for byte in digest[: self.dimension]]
        if self.knows == "english":
            words = [word for word in words if not re.search("[а-я]", word)] or ["unknown"]
        if self.knows == "bilingual":
            whole = _ENGLISH_OF.get(text.lower())
            words = re.findall(r"\w+", whole) if whole else [self._english(word) for word in words]
        row = [0.0] * self.dimension
        for word in sorted(set(words)):
            padded = f"<{word}>"
            groups = {padded[at : at + size] for size in (3, 4, 5) for at in range(len(padded) - size + 1)}
            for group in groups:
                digest = hashlib.blake2b(group.encode(), digest_size=4).digest()
                row[int.from_bytes(digest[:3], "big") % self.dimension] += 1 if digest[3] & 1 else -1
        return row

    def _english(self, word: str) -> str:
        return next((english for russian, english in self.means.items() if word.startswith(russian)), word)


def _dot(left: Sequence[float], right: Sequence[float]) -> float:
    lengths = math.hypot(*left) * math.hypot(*right)
    return sum(a * b for a, b in zip(left, right, strict=True)) / lengths if lengths else 0.0
