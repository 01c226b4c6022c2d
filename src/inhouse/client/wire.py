"""Requests to a running server, with the standard library alone."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

__all__ = ["DEFAULT_URL", "Json", "Line", "LlmError", "Server"]

DEFAULT_URL = "http://127.0.0.1:8484"
Json = dict[str, Any]
"""Any: a JSON document, as the planning documents' callers read it."""


class LlmError(RuntimeError):
    """The server refused or failed, or does not answer.

    `code` is one of docs/reference/errors.md, `unavailable` when nobody answers; `status` is the HTTP
    status, 0 without one.
    """

    def __init__(self, message: str, *, code: str, hint: str = "", status: int = 0) -> None:
        super().__init__(f"{message}. hint: {hint}" if hint else message)
        self.message = message
        self.code = code
        self.hint = hint
        self.status = status


class Line:
    """The connection of one request, which another thread may cut."""

    def __init__(self) -> None:
        self.connection: HTTPConnection | None = None
        self.is_cut = False

    def cut(self) -> None:
        """End the request: a thread that waits for bytes wakes up with an error."""
        import contextlib
        import socket

        self.is_cut = True
        if self.connection is not None and self.connection.sock is not None:
            with contextlib.suppress(OSError):
                self.connection.sock.shutdown(socket.SHUT_RDWR)


class Server:
    """Where inhouse answers. One connection for each request; proxies of the environment are not heeded."""

    def __init__(
        self,
        url: str | None,
        api_key: str | None,
        user: str | None,
        timeout_s: float,
        line: Line | None = None,
    ) -> None:
        self._line = line
        self.url = (url or os.environ.get("INHOUSE_URL") or DEFAULT_URL).rstrip("/")
        self._key = api_key or os.environ.get("INHOUSE_API_KEY") or ""
        self._user = user or ""
        self._timeout_s = timeout_s

    def over(self, line: Line) -> Server:
        """The same server, for one request that may be cut."""
        return Server(self.url, self._key, self._user, self._timeout_s, line)

    def __repr__(self) -> str:
        return f"Server({self.url!r})"

    def call(self, method: str, path: str, body: object = None, **query: object) -> Json:
        """The JSON document that the server replies with.

        Raises:
            LlmError: if it refuses, fails or does not answer.
        """
        import json

        connection, response = self._send(method, path, body, query)
        try:
            found: Json = json.loads(self._read(response))
            return found
        except ValueError:
            raise self._stranger() from None
        finally:
            connection.close()

    def events(self, path: str, body: object) -> Iterator[tuple[str, Json]]:
        """Server-sent events as (name, data), as they come.

        Closing the iterator ends the answer; an `error` event is raised.

        Raises:
            LlmError: as `call`, and if the stream ends without its end.
        """
        import json
        from http.client import HTTPException

        connection, response = self._send("POST", path, body, {})
        try:
            name = ""
            for raw in response:
                line = raw.decode("utf-8").rstrip("\r\n")
                if line.startswith("event: "):
                    name = line[7:]
                elif line.startswith("data: "):
                    data: Json = json.loads(line[6:])
                    if name == "error":
                        raise LlmError(data["message"], code=data["code"], hint=data["hint"], status=200)
                    yield name, data
                    if name == "done":
                        return
        except (OSError, HTTPException) as error:
            raise self._silent(error) from None
        finally:
            connection.close()
        raise LlmError("The answer ended without its end", code="unavailable", hint="ask again")

    def _send(
        self, method: str, path: str, body: object, query: Mapping[str, object]
    ) -> tuple[HTTPConnection, HTTPResponse]:
        import json
        from http.client import HTTPConnection, HTTPException, HTTPSConnection
        from urllib.parse import urlencode, urlsplit

        place = urlsplit(self.url)
        kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
        connection = kind(place.hostname or "", place.port, timeout=self._timeout_s)
        if self._line is not None:
            self._line.connection = connection
        headers = {"content-type": "application/json"}
        if self._key:
            headers["authorization"] = f"Bearer {self._key}"
        if self._user:
            headers["x-inhouse-user"] = self._user.encode().decode("latin-1")
        target = f"{place.path}{path}{'?' + urlencode(query) if query else ''}"
        content = b"" if body is None else json.dumps(body).encode()
        try:
            connection.request(method, target, body=content, headers=headers)
            if self._line is not None and self._line.is_cut:
                raise ConnectionAbortedError("cut")
            response = connection.getresponse()
        except (OSError, HTTPException) as error:
            connection.close()
            raise self._silent(error) from None
        if response.status >= 400:
            try:
                raise self._refused(response)
            finally:
                connection.close()
        return connection, response

    def _refused(self, response: HTTPResponse) -> LlmError:
        import json

        try:
            error = json.loads(self._read(response))["error"]
            return LlmError(
                str(error["message"]),
                code=str(error["code"]),
                hint=str(error["hint"]),
                status=response.status,
            )
        except (ValueError, KeyError, TypeError):
            return self._stranger(response.status)

    def _read(self, response: HTTPResponse) -> bytes:
        from http.client import HTTPException

        try:
            return response.read()
        except (OSError, HTTPException) as error:
            raise self._silent(error) from None

    def _silent(self, error: Exception) -> LlmError:
        reason = str(error) or type(error).__name__
        return LlmError(
            f"inhouse at {self.url} does not answer ({reason})",
            code="unavailable",
            hint="start it with `inhouse serve`, or set INHOUSE_URL",
        )

    def _stranger(self, status: int = 0) -> LlmError:
        return LlmError(
            f"What answers at {self.url} is not inhouse",
            code="unavailable",
            hint="look at who holds the port, or set INHOUSE_URL",
            status=status,
        )
