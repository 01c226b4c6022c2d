"""Which addresses of the web may be asked for, and which machines may answer. Pure.

An address is read once, here, and what was read is what is connected to: two readers that differ are how
others let `http://public\\@private/` through. Then every address that its name stands for is looked at, and
the connection goes to one of those. The rules hold again for each redirect.

Source: RFC 3986 (addresses), RFC 6890 (special addresses), RFC 6052 and 7050 (NAT64), RFC 3056 (6to4),
RFC 4380 (Teredo), URL standard of WHATWG on how browsers read numbers as hosts.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote, unquote, urljoin, urlsplit

from inhouse.kernel.errors import BadRequest

__all__ = [
    "MOST_REDIRECTS",
    "Scope",
    "Url",
    "address_refused",
    "document_of",
    "host_port_in",
    "linked",
    "port_refused",
    "read_url",
]

MOST_REDIRECTS = 5
LONGEST = 2_000
_AMBIGUOUS = frozenset('\\<>"{}|^`')
PORTS = (80, 443)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)")
_TRACKING = re.compile(r"(utm_[a-z]+|fbclid|gclid|yclid|msclkid|_openstat)=.*", re.IGNORECASE)
METADATA = frozenset(
    ipaddress.ip_address(address)
    for address in (
        *("169.254.169.254", "fd00:ec2::254", "fd20:ce::254"),  # most of them; Amazon and Google by IPv6
        *("169.254.170.2", "169.254.170.23", "fd00:ec2::23"),  # Amazon's containers
        *("100.100.100.200", "192.0.0.192", "169.254.0.23"),  # Alibaba, Oracle, Tencent
        "168.63.129.16",  # Azure; a public address
    )
)
"""Where clouds hand out the keys of a machine to whoever asks from it: never allowed, by no setting."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Url:
    """An address in its one spelling. `target` is path and query; `host` has no brackets."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def authority(self) -> str:
        """Host and port as a `Host` header has them."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = 443 if self.scheme == "https" else 80
        return host if self.port == usual else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a source may go: these hosts (with port when it is not the usual one), below these paths."""

    hosts: frozenset[str]
    paths: tuple[str, ...]

    def holds(self, url: Url) -> bool:
        """True when the page may be read; `/guide` holds `/guide`, `/guide/a` and not `/guidebook`."""
        return url.authority in self.hosts and any(_below(unquote(url.path), path) for path in self.paths)


def read_url(text: str, base: Url | None = None) -> Url:
    """The address in its one spelling; `base` is the page that a relative one stands on.

    Raises:
        BadRequest: if it is no address of the web, carries a user or a password, has a host that is a
            number in disguise, or holds signs that one program reads so and another one so.
    """
    shown = repr(text[:120])
    if len(text) > LONGEST or not text or any(sign in text for sign in _AMBIGUOUS) or not text.isprintable():
        raise BadRequest(f"{shown} is no address that can be asked for", hint="write it plainly")
    try:
        joined = urljoin(str(base), text) if base else text
        parts = urlsplit(joined)
        port = parts.port
    except ValueError:
        raise BadRequest(f"{shown} cannot be understood", hint="write https://host/path") from None
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise BadRequest(f"{shown} is no address of the web", hint="it begins with https:// or http://")
    if "@" in parts.netloc:
        raise BadRequest(
            "An address with a name or password before `@` is refused", hint="leave out what is before `@`"
        )
    host = _host(parts.hostname or "", bracketed="[" in parts.netloc, shown=shown)
    query = "&".join(part for part in parts.query.split("&") if part and not _TRACKING.fullmatch(part))
    path = quote(_without_dots(parts.path) or "/", safe="/%:@!$&'()*+,;=~-._")
    target = path + (f"?{quote(query, safe=_QUERY)}" if query else "")
    return Url(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


_QUERY = "%/?:@!$&'()*+,;=~-._"


def linked(page: Url, links: Iterable[str]) -> list[Url]:
    """Where the links of a page lead, each once, in their order; what is none of the web is left out."""
    found: dict[str, Url] = {}
    for link in links:
        try:
            url = read_url(link.strip().partition("#")[0], page) if link.strip().partition("#")[0] else page
        except BadRequest:
            continue
        found.setdefault(str(url), url)
    return list(found.values())


def host_port_in(text: str) -> tuple[str, int]:
    """`intranet.example.com:8080` as its parts; the exact pairs of `sources.private_hosts`.

    Raises:
        BadRequest: if a port is missing or it is no host.
    """
    host, separator, port = text.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65_536:
        raise BadRequest(f"{text[:80]!r} is no host with its port", hint="write intranet.example.com:443")
    return _host(host.strip("[]").lower(), bracketed="[" in host, shown=repr(text[:80])), int(port)


def port_refused(url: Url, private: Collection[tuple[str, int]]) -> str:
    """Why this port may not be asked, empty when it may: 80, 443, and the exact pairs that were allowed."""
    if url.port in PORTS or (url.host, url.port) in private:
        return ""
    return f"port {url.port} of {url.host} is not one of 80 and 443"


def address_refused(url: Url, addresses: Sequence[str], private: Collection[tuple[str, int]]) -> str:
    """Why a host with these addresses may not be asked, empty when it may.

    One inner address among several is enough to refuse: who answers next time is for the name's owner to say.
    """
    if not addresses:
        return f"{url.host} has no address"
    found = [_unwrapped(ipaddress.ip_address(address.partition("%")[0])) for address in addresses]
    if any(address in METADATA for address in found):
        return f"{url.host} leads to a place where machines get their keys"
    if (url.host, url.port) in private:
        return ""
    inner = next((address for address in found if not _is_public(address)), None)
    if inner is not None:
        return f"{url.host} leads to {inner}, an address inside a network"
    return ""


def document_of(url: Url, *, html: bool) -> str:
    """The page as a path below its source: host, then path, with a name for what ends in `/`."""
    path, _, query = url.target.partition("?")
    shown = unquote(path, errors="replace").strip("/")
    parts = [part for part in shown.split("/") if part not in ("", ".", "..")]
    if not parts or path.endswith("/"):
        parts.append("index")
    name = parts[-1] + (f"?{unquote(query, errors='replace').replace('/', '⁄')}" if query else "")
    if html and not name.lower().endswith((".html", ".htm", ".xhtml")):
        name += ".html"
    printable = "/".join([url.authority, *parts[:-1], name])
    return "".join(sign if sign.isprintable() else "?" for sign in printable)


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _host(host: str, *, bracketed: bool, shown: str) -> str:
    if bracketed:
        try:
            if "%" in host:  # the name of a network card of this machine
                raise ValueError(host)
            return str(ipaddress.IPv6Address(host))
        except ValueError:
            raise BadRequest(f"{shown} has no address in its brackets", hint="check it") from None
    try:
        name = (
            host.rstrip(".").encode("idna").decode("ascii").lower()
            if not host.isascii()
            else host.rstrip(".")
        )
    except UnicodeError:
        raise BadRequest(f"{shown} names no host", hint="check its spelling") from None
    labels = name.lower().split(".")
    if not all(_LABEL.fullmatch(label) for label in labels) or len(name) > 253:
        raise BadRequest(f"{shown} names no host", hint="check its spelling")
    if _NUMBER.fullmatch(labels[-1]):
        # `2130706433`, `0x7f.1`, `0177.0.0.1`: numbers that some programs read as an address.
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            hint = "write it as four numbers without leading zeros"
            raise BadRequest(f"{shown} is an address in disguise", hint=hint) from None
    return name.lower()


def _without_dots(path: str) -> str:
    """RFC 3986 section 5.2.4, with `%2e` as a dot, as browsers have it; `//` is kept as one `/`."""
    kept: list[str] = []
    parts = re.sub(r"%2e", ".", path, flags=re.IGNORECASE).split("/")
    for part in parts:
        if part == "..":
            del kept[-1:]
        elif part not in ("", "."):
            kept.append(part)
    tail = "/" if parts[-1] in ("", ".", "..") and kept else ""
    return "/" + "/".join(kept) + tail


def _unwrapped(address: Address) -> Address:
    """The address inside an address: mapped, 6to4, Teredo, NAT64, and the old compatible form."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    if address.ipv4_mapped:
        return address.ipv4_mapped
    if address.sixtofour:
        return address.sixtofour
    if address.teredo:
        return address.teredo[1]
    number = int(address)
    prefix = number >> 32
    if prefix == 0x0064FF9B_00000000_00000000 or (prefix == 0 and number > 0xFFFF):
        return ipaddress.IPv4Address(number & 0xFFFF_FFFF)
    return address


def _is_public(address: Address) -> bool:
    special = address.is_multicast or address.is_reserved or address.is_unspecified or address.is_loopback
    local_nat64 = isinstance(address, ipaddress.IPv6Address) and int(address) >> 80 == 0x0064_FF9B_0001
    site_local = isinstance(address, ipaddress.IPv6Address) and address.is_site_local
    return address.is_global and not special and not local_nat64 and not site_local
