"""Where to listen, what to speak, and how to stop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from holdfast.registry.server.tls import TLSOptions

__all__ = ["ServerOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Where to listen, what to speak, and how to stop.

    Attributes:
        host: An IPv4 or IPv6 address or a name (of a name with several addresses, an IPv4 one); empty means every
            address of the machine, IPv6 included where there is IPv6.
        port: 0 to 65535; 0 takes a free one.
        unix: The path of a unix socket to listen on; then `host` and `port` mean nothing. A socket that nobody
            listens on any more is replaced; it is removed at the end.
        tls: The certificate and who may connect; `None` serves plain HTTP.
        http2: Offer HTTP/2 to clients of a server with TLS (the opposite of Distribution's `http.http2.disabled`).
        h2c: Also speak HTTP/2 without TLS (Distribution's `http.h2c.enabled`, off there too). Of HTTP/2 in either way:
            a client with small frames, as curl, uploads at a third of HTTP/1's speed; an answer before the end of an
            upload reaches curl as a stream error; a connection that never sends a byte is never closed, because which
            version it will speak is still to be read; and a client that cancels an upload of unknown length makes it
            look complete, so that only the digest tells. A client that holds a connection of HTTP/2 open and doesn't
            read what comes holds a stop up for `drain_timeout`.
        drain_timeout: Seconds that running requests get to finish after a stop signal. 0 cuts them off at once, as
            Distribution does without `http.draintimeout`, but they are still told and may still clean up.
        cleanup_timeout: Seconds that cut-off requests get to clean up.
        max_connections: Connections served at the same time; more wait in the kernel's queue. At most half of the
            files that the process may open, so that there is always one to open for a request.
        backlog: Length of the kernel's queue of connections not yet accepted.
    """

    host: str = "127.0.0.1"
    port: int = 0
    unix: Path | None = None
    tls: TLSOptions | None = None
    http2: bool = True
    h2c: bool = False
    drain_timeout: float
    cleanup_timeout: float = 5.0
    max_connections: int = 16_384
    backlog: int = 1024

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise ValueError(f"port {self.port} is not between 0 and 65535")
        if self.drain_timeout < 0 or self.cleanup_timeout < 0:
            raise ValueError("a timeout is 0 seconds or more")
        if self.max_connections < 1 or self.backlog < 1:
            raise ValueError("max_connections and backlog are 1 or more")

    @property
    def speaks_http2(self) -> bool:
        """Whether a client can get HTTP/2 in any way."""
        return self.http2 if self.tls is not None else self.h2c
