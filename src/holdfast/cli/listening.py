"""From the section `http` of the configuration to what the server is told."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.registry.server import ServerOptions, TLSError, TLSOptions

if TYPE_CHECKING:
    from holdfast.config.http import HTTPSection
    from holdfast.config.tls import TLSSection

__all__ = ["server_options"]


def server_options(http: HTTPSection) -> ServerOptions:
    """Tell where to listen, what to speak, and how to stop.

    Raises:
        TLSError: A certificate comes without its key, or the other way round.
    """
    return ServerOptions(
        host=http.addr.host,
        port=http.addr.port,
        unix=http.unix,
        tls=_tls_options(http.tls),
        http2=not http.http2.disabled,
        h2c=http.h2c.enabled,
        drain_timeout=http.draintimeout.total_seconds(),
    )


def _tls_options(tls: TLSSection) -> TLSOptions | None:
    if tls.certificate is None and tls.key is None:
        return None
    if tls.certificate is None or tls.key is None:
        missing = "certificate" if tls.certificate is None else "key"
        raise TLSError(f"http.tls.{missing}: is missing; a certificate and its key go together")
    return TLSOptions(
        certificate=Path(tls.certificate),
        key=Path(tls.key),
        minimum=tls.minimumtls,
        client_cas=tuple(Path(each) for each in tls.clientcas),
        client_auth=tls.clientauth,
        cipher_suites=tls.ciphersuites,
    )
