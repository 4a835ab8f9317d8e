"""The cipher suites: which the server has, and whether a configured list allows them.

rustls, which granian speaks TLS with, has the three suites of TLS 1.3 and, for TLS 1.2, three with forward secrecy
for each kind of certificate; none can be switched off. They are those that Distribution has by default. Suites of
TLS 1.3 can't be chosen in Go either, so a list is about TLS 1.2 alone.

Sources: https://docs.rs/rustls/0.23/rustls/crypto/ring/cipher_suite/index.html, https://pkg.go.dev/crypto/tls#Config.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias

from holdfast.registry.server.tls import TLSError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from holdfast.registry.server.tls import TLSVersion

__all__ = ["KeyKind", "check_cipher_suites"]

KeyKind: TypeAlias = Literal["RSA", "ECDSA"]
"""What a certificate signs with; Ed25519 goes with the suites of ECDSA."""

_CIPHERS = ("AES_128_GCM_SHA256", "AES_256_GCM_SHA384", "CHACHA20_POLY1305_SHA256")

_TLS13 = tuple(f"TLS_{cipher}" for cipher in _CIPHERS)

_TLS12: dict[KeyKind, tuple[str, ...]] = {
    "RSA": tuple(f"TLS_ECDHE_RSA_WITH_{cipher}" for cipher in _CIPHERS),
    "ECDSA": tuple(f"TLS_ECDHE_ECDSA_WITH_{cipher}" for cipher in _CIPHERS),
}

_NEVER = (
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
)
"""Suites without forward secrecy or of an older kind: Distribution knows their names, the server doesn't have them."""

_KNOWN = frozenset({*_TLS13, *_TLS12["RSA"], *_TLS12["ECDSA"], *_NEVER})


def check_cipher_suites(allowed: Iterable[str], *, minimum: TLSVersion, kind: KeyKind) -> None:
    """Check that a list of suites allows all that the server would use.

    Args:
        allowed: Go's names; none allow whatever the server has.
        minimum: The lowest version; the list is about TLS 1.2, so it means nothing from `tls1.3` up.
        kind: What the server's certificate signs with.

    Raises:
        TLSError: A name isn't a suite's, or one that the server has isn't on the list.
    """
    names = frozenset(allowed)
    if unknown := sorted(names - _KNOWN):
        raise TLSError(f"http.tls.ciphersuites: {unknown[0]!r} isn't the name of a cipher suite")
    if not names or minimum == "tls1.3":
        return
    if missing := [name for name in _TLS12[kind] if name not in names]:
        raise TLSError(
            f"http.tls.ciphersuites: with this certificate the server uses {', '.join(missing)}, too, and can't be told"
            " not to; add what is missing, leave the list out, or set minimumtls to tls1.3"
        )
