"""What TLS is served with: files, the lowest version, and which clients may connect."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ClientAuth", "TLSError", "TLSOptions", "TLSVersion"]

TLSVersion: TypeAlias = Literal["tls1.0", "tls1.1", "tls1.2", "tls1.3"]
"""The lowest version; the server starts at 1.2, so the two before it mean the same."""

ClientAuth: TypeAlias = Literal[
    "request-client-cert", "require-any-client-cert", "verify-client-cert-if-given", "require-and-verify-client-cert"
]
"""Distribution's four ways. The first two take any certificate and check nothing: the server can't, and refuses."""


class TLSError(ConfigurationError):
    """TLS can't be served with what is configured; the message says in one line which file and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TLSOptions:
    """What TLS is served with.

    Attributes:
        certificate: A PEM file with the server's certificate, then those between it and the root.
        key: A PEM file with its private key, not encrypted: RSA (2048 to 4096 bits), ECDSA (P-256 or P-384) or
            Ed25519.
        minimum: The lowest version of TLS.
        client_cas: PEM files with the certificates that sign the clients' ones. With none, clients need none.
        client_auth: Whether a client needs a certificate; means nothing without `client_cas`.
        cipher_suites: The suites of TLS 1.2 that may be used, by Go's names; empty for those that the server has.
            The server can't be told to leave one out, so a list that lacks one it has is an error.
    """

    certificate: Path
    key: Path
    minimum: TLSVersion = "tls1.2"
    client_cas: tuple[Path, ...] = ()
    client_auth: ClientAuth = "require-and-verify-client-cert"
    cipher_suites: tuple[str, ...] = ()
