import pytest

from holdfast.registry.server.ciphers import KeyKind, check_cipher_suites
from holdfast.registry.server.tls import TLSError, TLSVersion

_RSA = [
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
]
_ECDSA = [name.replace("RSA", "ECDSA") for name in _RSA]


@pytest.mark.parametrize(
    ("allowed", "minimum", "kind"),
    [
        ([], "tls1.2", "RSA"),
        (_RSA, "tls1.2", "RSA"),
        (_RSA, "tls1.0", "RSA"),
        (_ECDSA, "tls1.2", "ECDSA"),
        ([*_RSA, *_ECDSA, "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_AES_128_GCM_SHA256"], "tls1.2", "ECDSA"),
        (["TLS_RSA_WITH_AES_128_CBC_SHA"], "tls1.3", "RSA"),
    ],
)
def test_list_that_allows_what_is_used_is_kept_to(allowed: list[str], minimum: TLSVersion, kind: KeyKind) -> None:
    """No list, a list with all that the server uses, and any list where TLS 1.3 is the lowest, are honoured."""
    assert None is check_cipher_suites(allowed, minimum=minimum, kind=kind)  # type: ignore[func-returns-value]


def test_list_that_lacks_what_is_used_is_an_error() -> None:
    """The suites that the server would use all the same are named, and what to do."""
    with pytest.raises(TLSError) as caught:
        check_cipher_suites(_RSA[:2], minimum="tls1.2", kind="RSA")

    assert (
        "http.tls.ciphersuites: with this certificate the server uses TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, too, and"
        " can't be told not to; add what is missing, leave the list out, or set minimumtls to tls1.3"
    ) == str(caught.value)


def test_list_for_the_other_kind_of_certificate_is_an_error() -> None:
    """A list of suites that don't go with the certificate allows none of those used."""
    with pytest.raises(TLSError, match="TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256"):
        check_cipher_suites(_RSA, minimum="tls1.2", kind="ECDSA")


@pytest.mark.parametrize("minimum", ["tls1.2", "tls1.3"])
def test_unknown_name_is_an_error(minimum: TLSVersion) -> None:
    """A typo isn't taken for a suite that is merely not used."""
    with pytest.raises(TLSError, match=r"'TLS_ECDHE_RSA_WITH_AES' isn't the name of a cipher suite"):
        check_cipher_suites([*_RSA, "TLS_ECDHE_RSA_WITH_AES"], minimum=minimum, kind="RSA")
