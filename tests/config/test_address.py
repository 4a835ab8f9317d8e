import re

import pytest

from holdfast.config.address import Address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":5000", "", 5000),
        ("127.0.0.1:5000", "127.0.0.1", 5000),
        ("[::1]:5000", "::1", 5000),
        ("[::]:0", "::", 0),
        ("localhost:5000", "localhost", 5000),
        ("registry.example.com:443", "registry.example.com", 443),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
    ],
)
def test_reads_go_forms_and_writes_them_back(text: str, host: str, port: int) -> None:
    """Each of upstream's forms is taken apart, and put together as it was."""
    actual = Address.parse(text)

    assert Address(host=host, port=port) == actual
    assert text == str(actual)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "lacks a port; write for instance 127.0.0.1:5000"),
        ("5000", "lacks a port"),
        ("localhost", "lacks a port; write for instance localhost:5000"),
        ("localhost:", "needs a port from 0 to 65535"),
        ("localhost:http", "needs a port from 0 to 65535"),
        ("localhost:65536", "needs a port from 0 to 65535"),
        ("localhost:-1", "needs a port from 0 to 65535"),
        ("localhost:\u0665", "needs a port from 0 to 65535"),
        ("::1:5000", "an IPv6 address stands in brackets"),
        ("[localhost]:5000", "isn't an IPv6 address"),
        ("http://localhost:5000", "an IPv6 address stands in brackets"),
        ("//localhost:5000", "neither a host name nor an address"),
        ("a b:5000", "neither a host name nor an address"),
        ("-a:5000", "neither a host name nor an address"),
    ],
)
def test_says_what_is_wrong(text: str, reason: str) -> None:
    """What isn't an address is refused with the reason."""
    with pytest.raises(ValueError, match=re.escape(reason)):
        Address.parse(text)


@pytest.mark.parametrize(
    ("text", "loopback", "wildcard", "from_here"),
    [
        ("127.0.0.1:5000", True, False, "127.0.0.1:5000"),
        ("127.8.9.1:5000", True, False, "127.8.9.1:5000"),
        ("[::1]:5000", True, False, "[::1]:5000"),
        ("localhost:5000", True, False, "localhost:5000"),
        (":5000", False, True, "127.0.0.1:5000"),
        ("0.0.0.0:5000", False, True, "127.0.0.1:5000"),
        ("[::]:5000", False, True, "[::1]:5000"),
        ("192.0.2.7:5000", False, False, "192.0.2.7:5000"),
        ("registry.example.com:5000", False, False, "registry.example.com:5000"),
    ],
)
def test_knows_who_can_reach_it(text: str, *, loopback: bool, wildcard: bool, from_here: str) -> None:
    """Loopback, every address, or one of many: each is told apart, and a client here has an address to use."""
    address = Address.parse(text)

    assert (loopback, wildcard) == (address.is_loopback, address.is_wildcard)
    assert from_here == str(address.from_here)
