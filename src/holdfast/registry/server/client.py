"""Who sent a request, for whoever wants to know: most requests are served without anybody asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["client_address", "client_port"]

_MAPPED = "::ffff:"


def client_address(scope: Scope) -> str:
    """Return the address of the peer, without its port; empty for one on a unix socket.

    A socket that listens on IPv6 and IPv4 shows an IPv4 client in its IPv6 form, which no address list in a log or
    a rule would match: such an address is returned in its IPv4 form. A proxy in front is the peer; what it says
    about its own client is in the request's headers.
    """
    client = scope.get("client")
    if not client:
        return ""
    host: str = client[0]
    return host[7:] if host.startswith(_MAPPED) and "." in host else host


def client_port(scope: Scope) -> int:
    """Return the port of the peer, which the server gives as text where ASGI says a number; 0 on a unix socket."""
    client = scope.get("client")
    return int(client[1]) if client else 0
