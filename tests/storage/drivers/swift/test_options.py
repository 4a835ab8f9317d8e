from typing import Any

import pytest

from holdfast.config.effective import MASK
from holdfast.storage.drivers.swift import SwiftOptions
from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.options import describe, parse

_USER = {"username": "user", "password": "the password"}


def _parse(**parameters: Any) -> SwiftOptions:
    given = {"authurl": "https://keystone.example.com/v3", "container": "c", **_USER, **parameters}
    return parse("swift", SwiftOptions, {name: value for name, value in given.items() if value is not None})


def test_names_are_upstreams() -> None:
    """Each parameter of Distribution 2.8's page is known; `rootdirectory`, which that page names too, is `prefix`."""
    upstream = (
        "authurl username password region container tenant tenantid domain domainid tenantdomain tenantdomainid trustid"
        " insecureskipverify chunksize prefix secretkey accesskey authversion endpointtype tempurlcontainerkey"
        " tempurlmethods"
    )
    assert set(upstream.split()) <= {option.name for option in describe(SwiftOptions)}


def test_defaults_are_upstreams() -> None:
    """Those of Distribution 2.8."""
    options = _parse()

    assert (20 * 1024**2, "", "public", 0, False, [], False) == (
        options.chunksize,
        options.prefix,
        options.endpointtype,
        options.authversion,
        options.tempurlcontainerkey,
        options.tempurlmethods,
        options.insecureskipverify,
    )


@pytest.mark.parametrize(
    ("url", "given", "version"),
    [
        ("https://example.com/v3", 0, 3),
        ("https://example.com/v2.0", 0, 2),
        ("https://example.com/auth/v1.0", 0, 1),
        ("https://example.com/identity", 3, 3),
        ("https://example.com/v3", 2, 2),
    ],
)
def test_version(url: str, given: int, version: int) -> None:
    """It is told by the URL, unless it is given."""
    assert version == _parse(authurl=url, authversion=given).version


@pytest.mark.parametrize(
    ("prefix", "root", "segments"),
    [
        ("", "files", "segments/"),
        ("a/b", "a/b/files", "a/b/segments/"),
        ("/a", "a/files", "a/segments/"),
        ("a/", "a//files", "a//segments/"),
    ],
)
def test_places(prefix: str, root: str, segments: str) -> None:
    """Names begin as upstream's do, odd ones too."""
    options = _parse(prefix=prefix)

    assert (root, segments) == (options.root, options.segments)


def test_text_and_numbers() -> None:
    """A tenant of digits is a number to YAML; variables of the environment have text for everything."""
    options = _parse(tenant=1234, chunksize="1048576", authversion="3", tempurlmethods="get,HEAD", region="")

    assert ("1234", 1048576, ["GET", "HEAD"], None) == (
        options.tenant,
        options.chunksize,
        options.tempurlmethods,
        options.region,
    )


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"username": None}, "'username' is required"),
        ({"password": None}, "'password' is required"),
        ({"authurl": "https://example.com"}, "'authversion' is required"),
        ({"authurl": "example.com/v3"}, "authurl"),
        ({"chunksize": 1024}, "chunksize"),
        ({"container": ""}, "container"),
        ({"endpointtype": "secret"}, "endpointtype"),
        ({"authversion": 4}, "authversion"),
        ({"applicationcredentialid": "id"}, "'applicationcredentialsecret' is required"),
        ({"applicationcredentialsecret": "s", "username": None}, "named by its id, or by its name"),
        (
            {"applicationcredentialid": "id", "applicationcredentialsecret": "s", "authversion": 2},
            "needs version 3",
        ),
        ({"trust": "x"}, "did you mean 'trustid'"),
    ],
)
def test_what_is_wrong_is_told(parameters: dict[str, Any], words: str) -> None:
    """Each by its name."""
    with pytest.raises(InvalidParameterError, match=words):
        _parse(**parameters)


def test_secrets_are_masked() -> None:
    """None shows."""
    options = _parse(secretkey="the key", applicationcredentialid="id", applicationcredentialsecret="the secret")

    assert MASK
    assert not [word for word in ("the password", "the key", "the secret") if word in repr(options)]
