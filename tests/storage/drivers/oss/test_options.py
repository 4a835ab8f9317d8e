from typing import Any

import pytest

from holdfast.storage.drivers.oss import OSSOptions
from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.options import parse

_KEYS = {"accesskeyid": "LTAI", "accesskeysecret": "secret"}
_LEAST = {**_KEYS, "region": "oss-cn-beijing", "bucket": "images"}


def _parse(**parameters: Any) -> OSSOptions:
    return parse("oss", OSSOptions, {**_LEAST, **parameters})


def test_defaults_are_upstreams() -> None:
    """Who gives what upstream's page calls required gets what it says of the others."""
    options = _parse()

    assert (False, None, True, "") == (options.encrypt, options.encryptionkeyid, options.secure, options.rootdirectory)
    assert (False, 10 * 1024**2) == (options.internal, options.chunksize)


def test_all_of_upstreams_parameters() -> None:
    """A configuration of Distribution 2.8 is taken as it is."""
    options = _parse(
        endpoint="images.oss-cn-beijing.aliyuncs.com",
        internal="false",
        encrypt="true",
        encryptionkeyid="9468da86-3509-4f8d-a61e-6eab1eac****",
        secure="false",
        chunksize="10485760",
        rootdirectory="/production",
    )

    assert ("http://images.oss-cn-beijing.aliyuncs.com", True) == options.address
    assert options.encrypt


@pytest.mark.parametrize(
    ("parameters", "endpoint", "is_buckets"),
    [
        ({}, "https://oss-cn-beijing.aliyuncs.com", False),
        ({"region": "cn-beijing"}, "https://oss-cn-beijing.aliyuncs.com", False),
        ({"secure": False}, "http://oss-cn-beijing.aliyuncs.com", False),
        ({"internal": True}, "https://oss-cn-beijing-internal.aliyuncs.com", False),
        ({"endpoint": "oss-cn-beijing-internal.aliyuncs.com"}, "https://oss-cn-beijing-internal.aliyuncs.com", False),
        ({"endpoint": "oss-accelerate.aliyuncs.com"}, "https://oss-accelerate.aliyuncs.com", False),
        ({"endpoint": "cn-beijing.oss.aliyuncs.com"}, "https://cn-beijing.oss.aliyuncs.com", False),
        ({"endpoint": "images.oss-cn-beijing.aliyuncs.com"}, "https://images.oss-cn-beijing.aliyuncs.com", True),
        ({"endpoint": "images.example.com", "internal": True}, "https://images.example.com", True),
        ({"endpoint": "http://images.example.com/"}, "http://images.example.com", True),
        ({"endpoint": "http://127.0.0.1:9000"}, "http://127.0.0.1:9000", False),
        ({"endpoint": ""}, "https://oss-cn-beijing.aliyuncs.com", False),
    ],
)
def test_addresses(parameters: dict[str, Any], endpoint: str, *, is_buckets: bool) -> None:
    """An endpoint of a region has a host for each bucket below it; any other stands for the bucket, as upstream's."""
    assert (endpoint, is_buckets) == _parse(**parameters).address


def test_public_address() -> None:
    """URLs for clients are on the registry's own address, if no other is given."""
    inner = _parse(internal=True)
    outer = _parse(internal=True, redirectendpoint="oss-cn-beijing.aliyuncs.com")

    assert inner.address == inner.public_address
    assert ("https://oss-cn-beijing.aliyuncs.com", False) == outer.public_address


@pytest.mark.parametrize("region", ["oss-cn-beijing", "cn-beijing"])
def test_signing_region(region: str) -> None:
    """Signatures have the region without what upstream's name of it begins with."""
    assert "cn-beijing" == _parse(region=region).signing_region


def test_credentials_may_be_found_elsewhere() -> None:
    """Nothing but region and bucket has to be given; empty text, as of an unset variable, is not given."""
    options = parse("oss", OSSOptions, {"region": "cn-beijing", "bucket": "images", "accesskeyid": ""})

    assert (None, None) == (options.accesskeyid, options.accesskeysecret)


@pytest.mark.parametrize(
    ("parameters", "reason"),
    [
        ({"accesskeyid": None}, "accesskeysecret is given without accesskeyid"),
        ({"accesskeysecret": None}, "accesskeyid is given without accesskeysecret"),
        ({"accesskeyid": None, "accesskeysecret": None, "securitytoken": "t"}, "securitytoken is given without"),
        ({"ramrole": "registry"}, "exclude each other"),
        ({"region": None}, "is required"),
        ({"region": "Beijing!"}, "must be the name of a region"),
        ({"bucket": ""}, "at least 1 character"),
        ({"chunksize": 5 * 1024**2 - 1}, "greater than or equal to 5242880"),
        ({"endpoint": "ftp://images"}, "must be a host"),
        ({"endpoint": "https://images.example.com/registry"}, "without path"),
        ({"redirectendpoint": "https://images.example.com/?a"}, "without path"),
        ({"accesskey": "x"}, "did you mean 'accesskeyid'"),
    ],
)
def test_what_is_refused(parameters: dict[str, Any], reason: str) -> None:
    """Each in words that say what to write instead."""
    with pytest.raises(InvalidParameterError, match=reason):
        _parse(**parameters)


def test_secrets_are_masked() -> None:
    """Neither the keys nor the token show."""
    text = repr(_parse(securitytoken="temporary"))

    assert "secret'" not in text
    assert "temporary" not in text
    assert "LTAI" not in text


def test_numbers_for_names() -> None:
    """YAML makes numbers of names that look like one."""
    assert "42" == _parse(rootdirectory=42).rootdirectory
