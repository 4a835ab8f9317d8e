"""URLs in answers: absolute ones, as clients of Distribution get them, or paths.

Where a registry stands behind a proxy, only the proxy knows what clients call it: the configuration says so
(`http.host`), or the proxy's own header fields do: `Forwarded` (RFC 7239), else `X-Forwarded-Proto` and
`X-Forwarded-Host`. The first of several proxies counts. What isn't a scheme or a host is passed over, and a request
that names no host gets a path.

A client that sends such fields itself only changes what it is told.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from holdfast.registry.http.fields import field

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["Urls"]

_is_host = re.compile(r"(?:[A-Za-z0-9._~-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?\Z").match
_PAIR = re.compile(r"""\s*([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*=\s*("(?:[^"\\]|\\.)*"|[^\s",;]*)\s*(;|,|\Z)""")
_SCHEMES = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Urls:
    """How answers name the registry's own resources.

    Attributes:
        root: What stands before `/v2/` in what clients call the registry, such as `https://registry.example.org` or
            `https://example.org/registry`; `None` to go by each request.
        prefix: What stands before `/v2/` in the paths of requests, and of answers that have no `root`: empty, or `/`
            and more, with no `/` at its end.
        relative: Whether answers have paths, without scheme and host.
    """

    root: str | None = None
    prefix: str = ""
    relative: bool = False

    def locate(self, request: Request, path: str) -> str:
        """Return the URL of a path that begins with `/v2/`."""
        if self.root is not None:
            return (urlsplit(self.root).path if self.relative else self.root) + path
        path = self.prefix + path
        if self.relative:
            return path
        scheme, host = _origin(request)
        return f"{scheme}://{host}{path}" if host else path


def _origin(request: Request) -> tuple[str, str]:
    """The scheme and the host that the client used; the host is empty where nothing tells it."""
    forwarded = field(request, b"forwarded")
    if forwarded is not None:
        pairs = _first_element(forwarded)
        scheme, host = pairs.get("proto", ""), pairs.get("host", "")
    else:
        scheme = _first(field(request, b"x-forwarded-proto"))
        host = _first(field(request, b"x-forwarded-host"))
    scheme = scheme.lower()
    return (
        scheme if scheme in _SCHEMES else request.scope["scheme"],
        host if _is_host(host) else _own_host(request),
    )


def _own_host(request: Request) -> str:
    host = field(request, b"host") or ""
    return host if _is_host(host) else ""


def _first(value: str | None) -> str:
    return (value or "").partition(",")[0].strip()


def _first_element(forwarded: str) -> dict[str, str]:
    """The pairs of the first proxy in a `Forwarded` field; none if it isn't well-formed up to there."""
    pairs: dict[str, str] = {}
    position = 0
    while position < len(forwarded):
        match = _PAIR.match(forwarded, position)
        if match is None:
            return {}
        name, value, separator = match.groups()
        pairs.setdefault(name.lower(), _unquoted(value))
        if separator != ";":
            break
        position = match.end()
    return pairs


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
