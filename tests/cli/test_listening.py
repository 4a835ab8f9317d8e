from datetime import timedelta
from pathlib import Path

import pytest

from holdfast.cli.listening import server_options
from holdfast.config.http import HTTPSection
from holdfast.registry.server import ServerOptions, TLSError, TLSOptions


def test_defaults_are_plain_http_on_loopback() -> None:
    """A configuration without a word about HTTP listens where its defaults say, without TLS."""
    assert ServerOptions(host="127.0.0.1", port=5000, drain_timeout=30) == server_options(HTTPSection())


def test_every_key_reaches_the_server() -> None:
    """What the file says about listening, versions and TLS is what the server is told."""
    section = HTTPSection.model_validate(
        {
            "addr": ":443",
            "draintimeout": "1m",
            "http2": {"disabled": True},
            "h2c": {"enabled": True},
            "tls": {
                "certificate": "/tls/certificate.pem",
                "key": "/tls/key.pem",
                "minimumtls": "tls1.3",
                "clientcas": ["/tls/one.pem", "/tls/two.pem"],
                "clientauth": "verify-client-cert-if-given",
                "ciphersuites": ["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"],
            },
        }
    )

    assert ServerOptions(
        host="",
        port=443,
        drain_timeout=timedelta(minutes=1).total_seconds(),
        http2=False,
        h2c=True,
        tls=TLSOptions(
            certificate=Path("/tls/certificate.pem"),
            key=Path("/tls/key.pem"),
            minimum="tls1.3",
            client_cas=(Path("/tls/one.pem"), Path("/tls/two.pem")),
            client_auth="verify-client-cert-if-given",
            cipher_suites=("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",),
        ),
    ) == server_options(section)


def test_unix_socket_is_listened_on_instead_of_a_port() -> None:
    """With `net: unix` the address is a path."""
    section = HTTPSection.model_validate({"net": "unix", "addr": "/run/registry.sock"})

    assert Path("/run/registry.sock") == server_options(section).unix


def test_key_without_a_certificate_is_an_error() -> None:
    """A key alone would be plain HTTP, which isn't what was meant."""
    with pytest.raises(TLSError, match=r"http\.tls\.certificate: is missing; a certificate and its key go together"):
        server_options(HTTPSection.model_validate({"tls": {"key": "/tls/file.pem"}}))
