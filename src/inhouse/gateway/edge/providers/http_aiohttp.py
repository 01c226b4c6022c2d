"""The transport for TLS, proxies and everything unusual, on aiohttp."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from inhouse.gateway.edge.providers.http_port import HEADERS, HttpLimits, HttpPost, Waits
from inhouse.kernel.errors import BadRequest, EngineBroke, EngineError, EngineUnreachable

if TYPE_CHECKING:
    import aiohttp

__all__ = ["AiohttpTransport"]

T = TypeVar("T")

_OTHER_NAME = "write the name that it is for into the engine's address"
_CERTIFICATES = {
    9: "the clock of this machine may be wrong",
    10: "renew it, or set the clock of this machine",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}
"""What helps, where trusting another authority does not. Source: OpenSSL, x509_vfy.h, X509_V_ERR_*."""


class AiohttpTransport:
    """See `http_port.Transport`. aiohttp (0.1 s, 12 MB) is loaded with the first request.

    Proxies of the environment are not used: a request goes to the configured address, through `proxy`
    when one is configured, or nowhere. `ca_file` replaces the authorities that this machine trusts.
    """

    def __init__(self, limits: HttpLimits, *, proxy: str = "", ca_file: Path | None = None) -> None:
        self._limits = limits
        self._proxy = proxy or None
        self._trust = _trust(ca_file) if ca_file else None
        self._sessions: dict[bool, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """See `Transport.close`."""
        while self._sessions:
            await self._sessions.popitem()[1].close()

    async def send(self, post: HttpPost, waits: Waits) -> _Reply:
        """See `Transport.send`."""
        wait_s = waits.now()  # before there is anything that would have to be awaited
        request = self._session(post.url).request(
            post.method,
            post.url,
            data=post.body or None,
            headers={**HEADERS, **post.headers},
            allow_redirects=False,
            proxy=self._proxy,
        )
        return _Reply(await _guarded(request, wait_s, waits, self._limits))

    def _session(self, url: str) -> aiohttp.ClientSession:
        """Connections without TLS are used once, which costs 0.1 ms on one's own network.

        llama.cpp closes a connection after a stream without saying so: the next request would be written
        into it and lost, and may not be repeated blindly.
        """
        import aiohttp

        kept = url.startswith("https:")
        session = self._sessions.get(kept)
        if session is None:
            trust: ssl.SSLContext | bool = True if self._trust is None else self._trust
            connector = (
                aiohttp.TCPConnector(limit=0, keepalive_timeout=self._limits.keepalive_s, ssl=trust)
                if kept
                else aiohttp.TCPConnector(limit=0, force_close=True)
            )
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect_timeout_s)
            session = self._sessions[kept] = aiohttp.ClientSession(
                connector=connector, timeout=timeout, trust_env=False, cookie_jar=aiohttp.DummyCookieJar()
            )
        return session


class _Reply:
    """See `http_port.Reply`."""

    def __init__(self, reply: aiohttp.ClientResponse) -> None:
        self._reply = reply
        self.status = reply.status
        self.media_type = reply.content_type

    def headers(self) -> Mapping[str, str]:
        return {name.lower(): value for name, value in self._reply.headers.items()}

    async def read(self, waits: Waits) -> bytes:
        wait_s = waits.now()
        return await _guarded(self._reply.content.readany(), wait_s, waits, None)

    def close(self, *, ended: bool = False) -> None:
        if self._reply.content.at_eof():
            self._reply.release()
        else:
            self._reply.close()


def _trust(ca_file: Path) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise BadRequest(
            f"Setting engines.ca_file is {str(ca_file)!r}, which holds no certificates: {error}",
            hint="give the path of a PEM file",
        ) from None


async def _guarded(step: Awaitable[T], wait_s: float, waits: Waits, limits: HttpLimits | None) -> T:
    """The step's result, within that wait and with its faults in our words.

    `limits` are given for the step that connects.
    """
    import aiohttp

    try:
        async with asyncio.timeout(wait_s):
            return await step
    except aiohttp.ConnectionTimeoutError as error:
        wait_s = limits.connect_timeout_s if limits else 0.0
        raise EngineUnreachable(f"no connection within {wait_s:g} s") from error
    except TimeoutError:
        raise waits.over() from None
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise _fault(error, answered=limits is None) from error


def _untrusted(error: Exception) -> EngineUnreachable:
    """What is wrong with a certificate, and what to do about just that."""
    words, hint = str(error), "engines.ca_file names the PEM file of an authority of your own"
    if isinstance(error, ssl.SSLCertVerificationError):
        words = error.verify_message.rstrip(".")
        hint = _CERTIFICATES.get(error.verify_code, hint)
    return EngineUnreachable(f"its certificate is not trusted: {words}", hint=hint)


def _fault(error: Exception, *, answered: bool) -> EngineError:
    """What a fault of the connection is in the words of the kernel."""
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return _untrusted(error.certificate_error)
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return EngineUnreachable(f"the proxy cannot be reached: {error.os_error or error}")
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return EngineUnreachable(f"the proxy refused: HTTP {error.status} {error.message}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return EngineUnreachable(f"no connection: {error.os_error or error}")
    if isinstance(error, aiohttp.InvalidURL):
        return EngineUnreachable(f"not an address: {error}")
    words = str(error) or type(error).__name__
    if isinstance(error, aiohttp.ClientConnectionError | OSError) and not answered:
        return EngineUnreachable(f"the connection was lost before any answer: {words}")
    return EngineBroke(f"the connection was lost: {words}")
