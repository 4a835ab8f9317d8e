import time
from typing import Literal

import pytest

from holdfast.storage import InvalidParameterError
from holdfast.storage.middleware.alicdn import AliCDN, signed_url
from holdfast.storage.options import parse
from tests.services.cdn import alibaba
from tests.storage.fakes import ScriptedDriver

pytestmark = pytest.mark.anyio

_URL = "https://example.com/a?foo=bar"
_OPTIONS = {"baseurl": "cdn.example.com/files/", "authtype": "a", "privatekey": "12345678"}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("a", f"{_URL}&auth_key=1541064730-0-0-f9dd5ed1e274ab4b1d5f5745344bf28b"),
        ("b", "https://example.com/201811011732/3a19d83a89ccb00a73212420791b0123/a?foo=bar"),
        ("c", "https://example.com/7d6b308ce87beb16d9dba32d741220f6/5bdac81a/a?foo=bar"),
    ],
)
def test_signatures_are_those_of_distributions_library(kind: Literal["a", "b", "c"], expected: str) -> None:
    """The examples of https://github.com/denverdino/aliyungo/blob/master/cdn/auth/sign_url_test.go."""
    assert expected == signed_url(_URL, kind=kind, key="12345678", expires=1541064730, nonce="0")


@pytest.mark.parametrize("kind", ["A", "B", "C", "a", "b", "c"])
async def test_a_url_is_taken_by_who_verifies_it(kind: str) -> None:
    """The path, with what the base URL has before it, comes out of the CDN's check; without a scheme it is https."""
    driver = AliCDN(ScriptedDriver(), parse("alicdn", AliCDN.Options, _OPTIONS | {"authtype": kind}))
    url = await driver.redirect_url("/docker/blob")
    assert url is not None

    assert url.startswith("https://cdn.example.com/")
    assert "/files/docker/blob" == alibaba(kind.lower(), "12345678")(url)


async def test_the_duration_is_in_the_url() -> None:
    """The time in it is so much later than now."""
    driver = AliCDN(ScriptedDriver(), parse("alicdn", AliCDN.Options, _OPTIONS | {"duration": "3h"}))
    url = await driver.redirect_url("/a")
    assert url is not None
    expires = int(url.partition("auth_key=")[2].partition("-")[0])

    assert 3 * 3600 - 60 <= expires - time.time() <= 3 * 3600 + 60


async def test_no_two_urls_of_type_a_are_the_same() -> None:
    """Each has a random part."""
    driver = AliCDN(ScriptedDriver(), parse("alicdn", AliCDN.Options, _OPTIONS))

    assert 2 == len({await driver.redirect_url("/a") for _ in range(2)})


def test_the_key_is_no_part_of_what_is_shown() -> None:
    """Neither the options nor the driver tell it."""
    options = parse("alicdn", AliCDN.Options, _OPTIONS)

    assert "12345678" not in repr(options) + repr(AliCDN(ScriptedDriver(), options))


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"authtype": "d"}, "authtype"),
        ({"privatekey": ""}, "privatekey"),
        ({"duration": "20"}, "duration"),
        ({"duration": "0s"}, "duration"),
    ],
)
def test_a_wrong_option_is_refused(options: dict[str, str], key: str) -> None:
    """By its key."""
    with pytest.raises(InvalidParameterError) as caught:
        parse("alicdn", AliCDN.Options, _OPTIONS | options)

    assert key == caught.value.key
