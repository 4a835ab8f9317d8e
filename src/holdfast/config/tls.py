"""The section `http.tls`."""

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from holdfast.config.scalars import URL, Word
from holdfast.config.section import Section, below

__all__ = ["CipherSuite", "ClientAuth", "LetsEncryptSection", "MinimumTLS", "TLSSection"]

ClientAuth: TypeAlias = Literal[
    "request-client-cert", "require-any-client-cert", "verify-client-cert-if-given", "require-and-verify-client-cert"
]
"""What is asked of clients where `clientcas` are given."""

MinimumTLS: TypeAlias = Literal["tls1.0", "tls1.1", "tls1.2", "tls1.3"]
"""Versions of TLS that the file can name; the first two are gone from upstream's main branch."""

CipherSuite: TypeAlias = Literal[
    "TLS_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
]
"""The names that upstream knows."""


class LetsEncryptSection(Section):
    """A certificate that the registry gets by itself."""

    cachefile: str | None = Field(default=None, description="Where certificates are kept; switches this on.")
    email: str | None = Field(default=None, description="The address that the account is opened with.")
    hosts: tuple[str, ...] = Field(default=(), description="The host names to get certificates for.")
    directoryurl: URL | None = Field(
        default=None, description="The directory of an ACME server other than Let's Encrypt."
    )


class TLSSection(Section):
    """How connections are encrypted. Without a certificate, they aren't."""

    certificate: str | None = Field(
        default=None, description="A PEM file with the certificate and those that lead to its root; switches TLS on."
    )
    key: str | None = Field(default=None, description="A PEM file with the certificate's private key.")
    clientcas: tuple[str, ...] = Field(
        default=(), description="PEM files with the authorities of client certificates; with any, clients need one."
    )
    clientauth: ClientAuth = Field(
        default="require-and-verify-client-cert",
        description="What is asked of clients; means nothing without `clientcas`.",
    )
    minimumtls: Annotated[MinimumTLS, Word] = Field(
        default="tls1.2", description="The oldest version of TLS that is spoken; never one before 1.2."
    )
    ciphersuites: tuple[CipherSuite, ...] = Field(
        default=(),
        description="Cipher suites of TLS 1.2 that may be used; empty for all that the server has. 1.3 has its own.",
    )
    letsencrypt: LetsEncryptSection = below("A certificate that the registry gets by itself.")

    @model_validator(mode="after")
    def _a_certificate_needs_its_key(self) -> Self:
        if self.certificate is not None and self.key is None:
            raise PydanticCustomError("tls", "has a certificate and no key")
        return self

    @property
    def enabled(self) -> bool:
        """Whether connections are encrypted."""
        return self.certificate is not None
