import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from botocore.signers import CloudFrontSigner
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from holdfast import storage
from holdfast.storage import Capabilities, InvalidParameterError
from holdfast.storage.client import asked_by
from holdfast.storage.middleware._aws_ranges import AddressSet, AWSRanges
from holdfast.storage.middleware.cloudfront import CloudFront, signed_url
from holdfast.storage.options import parse
from tests.services.cdn import cloudfront
from tests.storage.fakes import ABLE, ScriptedDriver

pytestmark = pytest.mark.anyio

_OURS = "https://example.invalid/a/b?GET"
"""What the scripted driver itself gives."""


@pytest.fixture
def made(rsa_key_file: Path) -> Callable[..., CloudFront]:
    """Makes one around a driver with objects below `store/`."""

    def make(inner: ScriptedDriver | None = None, **options: Any) -> CloudFront:
        given = {"baseurl": "d111.cloudfront.net", "privatekey": str(rsa_key_file), "keypairid": "APKA"} | options
        inner = inner or ScriptedDriver(capabilities=replace(ABLE, object_prefix="store/"))
        return CloudFront(inner, parse("cloudfront", CloudFront.Options, given))

    return make


def test_a_signed_url_is_that_of_amazons_own_library(rsa_key: rsa.RSAPrivateKey) -> None:
    """Signatures of this kind have no random part, so the URLs are the same to the last character."""
    theirs = CloudFrontSigner("APKA", lambda message: rsa_key.sign(message, padding.PKCS1v15(), SHA1()))
    expires = 1767225600
    for number in range(20):
        url = f"https://d111.cloudfront.net/docker/registry/v2/blobs/{number}/data"

        assert theirs.generate_presigned_url(url, date_less_than=datetime.fromtimestamp(expires, UTC)) == signed_url(
            url, key=rsa_key, key_pair_id="APKA", expires=expires
        )


async def test_a_url_leads_to_the_objects_key(made: Callable[..., CloudFront], rsa_key: rsa.RSAPrivateKey) -> None:
    """Below the root directory of the bucket, good for twenty minutes, and for both methods."""
    driver = made()
    verify = cloudfront(rsa_key.public_key(), "APKA")
    for method in ("GET", "HEAD"):
        url = await driver.redirect_url("/a/b", method=method)
        assert url is not None
        expires = int(url.partition("Expires=")[2].partition("&")[0])

        assert url.startswith("https://d111.cloudfront.net/store/a/b?")
        assert "/store/a/b" == verify(url)
        assert 1140 <= expires - time.time() <= 1260
    assert None is await driver.redirect_url("/a/b", method="PUT")


async def test_what_a_url_cannot_have_is_percent_encoded(
    made: Callable[..., CloudFront], rsa_key: rsa.RSAPrivateKey
) -> None:
    """A root directory may have any name; what is signed is the URL as it is sent."""
    driver = made(ScriptedDriver(capabilities=Capabilities(object_prefix="my files/é/")))
    url = await driver.redirect_url("/a")
    assert url is not None

    assert url.startswith("https://d111.cloudfront.net/my%20files/%C3%A9/a?")
    assert "/my%20files/%C3%A9/a" == cloudfront(rsa_key.public_key(), "APKA")(url)


@pytest.mark.parametrize("name", ["filesystem", "inmemory"])
async def test_it_is_for_storage_that_others_can_read(
    name: str, made: Callable[..., CloudFront], tmp_path: Path
) -> None:
    """A folder can be served by a web server; memory can't, and stays as it is."""
    inner = storage.create(name, {"rootdirectory": str(tmp_path)} if name == "filesystem" else {})
    driver = made(inner)

    assert (name == "filesystem") == driver.capabilities.redirect_get
    assert (name == "filesystem") == (await driver.redirect_url("/a") is not None)
    await driver.aclose()


@pytest.mark.parametrize(
    ("name", "parameters", "expected"),
    [
        ("filesystem", {"rootdirectory": "/srv/data"}, ""),
        ("inmemory", {}, None),
        ("s3", {"bucket": "b", "region": "us-east-1", "rootdirectory": "/some/where/"}, "some/where/"),
        ("gcs", {"bucket": "b"}, ""),
    ],
)
async def test_drivers_tell_where_others_find_their_files(
    name: str, parameters: dict[str, str], expected: str | None
) -> None:
    """Before each path stands the root directory in a bucket; memory is nobody else's."""
    driver = storage.create(name, parameters)

    assert expected == driver.capabilities.object_prefix
    await driver.aclose()


# Who is sent to the store instead -------------------------------------------------------------


async def test_clients_in_amazons_network_are_sent_to_the_store(
    made: Callable[..., CloudFront], monkeypatch: pytest.MonkeyPatch
) -> None:
    """They reach it faster, and traffic there costs nothing; others, and whoever has no address, get CloudFront's."""
    near = AddressSet([ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")])
    monkeypatch.setattr(AWSRanges, "contain", lambda self, address: address in near)  # noqa: ARG005 - a method
    driver = made(ipfilteredby="aws")
    for address, expected in {
        "192.0.2.7:443": True,
        "192.0.2.7": True,
        "[2001:db8::7]:443": True,
        "2001:db8::7": True,
        "[::ffff:192.0.2.7]:443": True,
        "198.51.100.7:443": False,
        "": False,
        "nonsense": False,
    }.items():
        with asked_by(lambda address=address: address):  # type: ignore[misc]
            url = await driver.redirect_url("/a/b")

        assert expected == (url == _OURS), address
    assert _OURS != await driver.redirect_url("/a/b")
    await driver.aclose()


async def test_without_the_filter_nobody_is(made: Callable[..., CloudFront]) -> None:
    """The client isn't even asked for."""

    def tell() -> str:
        raise AssertionError("nobody wants to know")

    with asked_by(tell):
        assert _OURS != await made().redirect_url("/a/b")


# Options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"baseurl": "https://"}, "baseurl"),
        ({"ipfilteredby": "gcp"}, "ipfilteredby"),
        ({"ipfilteredby": "awsregion"}, "(all)"),
        ({"ipfilteredby": "awsregion", "awsregion": " , "}, "(all)"),
        ({"iprangesurl": "ftp://a"}, "iprangesurl"),
        ({"duration": "soon"}, "duration"),
        ({"privatekey": "/nowhere/key.pem"}, "privatekey"),
    ],
)
def test_a_wrong_option_is_refused(made: Callable[..., CloudFront], options: dict[str, str], key: str) -> None:
    """By its key."""
    with pytest.raises(InvalidParameterError) as caught:
        made(**options)

    assert key == caught.value.key


def test_upstreams_old_slip_of_the_pen_is_understood(made: Callable[..., CloudFront]) -> None:
    """`updatefrenquency` was the option's name once; words are taken in any case."""
    driver = made(ipfilteredby=" AWSRegion ", awsregion="US-East-1, eu-west-3", updatefrenquency="1h")

    assert 3600 == driver._options.updatefrequency.total_seconds()
    assert {"us-east-1", "eu-west-3"} == driver._options.regions


def test_a_key_of_another_kind_is_refused(
    made: Callable[..., CloudFront], rsa_key: rsa.RSAPrivateKey, tmp_path: Path
) -> None:
    """The message names the file, and what it isn't; PKCS #8 is as good as the older form."""
    file = tmp_path / "key.pem"
    other = ec.generate_private_key(ec.SECP256R1())
    locked = BestAvailableEncryption(b"hush")
    for content, reason in {
        b"nothing": "isn't a private key in PEM",
        rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, locked): "without a passphrase",
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()): "isn't an RSA key",
    }.items():
        file.write_bytes(content)
        with pytest.raises(InvalidParameterError, match=reason):
            made(privatekey=str(file))
    file.write_bytes(rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    assert made(privatekey=str(file)).capabilities.redirect_get
