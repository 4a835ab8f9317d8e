"""A real client pushes a real image through Holdfast with each middleware around its storage, and pulls it back.

One table says what there is; a middleware of any kind gets a row, and all tests.
"""

import base64
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.services.cdn import CDN, Gate, alibaba, cloudfront, unsigned
from tests.services.holdfast_server import HoldfastServer
from tests.services.images import Layout
from tests.services.server import Server
from tests.services.skopeo import Skopeo
from tests.services.stores.s3 import S3Bucket

pytestmark = pytest.mark.e2e

_ROOT = "some/where"
"""The root directory in the bucket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a row can make its options of.

    Attributes:
        storage: `filesystem` or `ceph`.
        folder: An empty folder of the test's own.
        cdn: The URL of the CDN in front of the storage, without a slash at its end.
        key: An RSA key, whose file is `key.pem` in the folder.
        bucket: The bucket; `None` where the storage is a folder.
    """

    storage: str
    folder: Path
    cdn: str
    key: RSAPrivateKey
    bucket: S3Bucket | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A middleware, or several around each other.

    Attributes:
        name: What the test is called.
        entries: The list `middleware.storage` of the configuration.
        gate: Which URLs the CDN takes, and the path of the file that each means; none where there is no CDN.
        redirected: On which storages clients are sent to the CDN for blobs.
        origin: Whether what the gate lets through is asked of the store itself, at its own endpoint.
    """

    name: str
    entries: Callable[[Place], Sequence[Mapping[str, Any]]]
    gate: Callable[[Place], Gate] | None = None
    redirected: frozenset[str] = field(default_factory=frozenset)
    origin: bool = False


_BOTH = frozenset({"filesystem", "ceph"})


def _entry(name: str, **options: Any) -> dict[str, Any]:
    return {"name": name, "options": options}


def _redirect(place: Place) -> dict[str, Any]:
    return _entry("redirect", baseurl=f"{place.cdn}/files")


def _rewrite(place: Place) -> dict[str, Any]:
    prefix = f"/{place.bucket.name}" if place.bucket else ""
    return _entry("rewrite", host=urlsplit(place.cdn).netloc, trimpathprefix=prefix)


def _cloudfront(place: Place) -> dict[str, Any]:
    return _entry("cloudfront", baseurl=place.cdn, privatekey=str(place.folder / "key.pem"), keypairid="APKAEXAMPLE")


def _in_root(gate: Gate, place: Place) -> Gate:
    """The keys that it lets through are those of the bucket's root directory."""
    root = f"/{_ROOT}" if place.bucket else ""
    return lambda url: gate(url).removeprefix(root)


def _alicdn(kind: str) -> Row:
    return Row(
        name=f"alicdn-{kind}",
        entries=lambda place: [_entry("alicdn", baseurl=place.cdn, authtype=kind, privatekey="a secret of many")],
        gate=lambda _: alibaba(kind, "a secret of many"),
        redirected=_BOTH,
    )


def _encrypt(place: Place) -> dict[str, Any]:
    keys = place.folder / "keys"
    keys.write_text(f"one {base64.b64encode(b'k' * 32).decode()}\n")
    return _entry("encrypt", keyfile=str(keys))


def _readcache(place: Place) -> dict[str, Any]:
    return _entry("readcache", rootdirectory=str(place.folder / "cache"))


def _mirror(place: Place, required: str) -> dict[str, Any]:
    second = {"filesystem": {"rootdirectory": str(place.folder / "second")}}
    return _entry("mirror", storage=second, required=required)


TABLE = (
    Row(
        name="redirect",
        entries=lambda place: [_redirect(place)],
        gate=lambda _: unsigned("/files"),
        redirected=_BOTH,
    ),
    Row(
        # A folder gives no URL that could be rewritten.
        name="rewrite",
        entries=lambda place: [_rewrite(place)],
        gate=lambda _: lambda url: url,
        redirected=frozenset({"ceph"}),
        origin=True,
    ),
    Row(
        name="cloudfront",
        entries=lambda place: [_cloudfront(place)],
        gate=lambda place: _in_root(cloudfront(place.key.public_key(), "APKAEXAMPLE"), place),
        redirected=_BOTH,
    ),
    _alicdn("a"),
    _alicdn("b"),
    _alicdn("c"),
    Row(
        # The first is the innermost, so that the second rewrites what it gives; the third is left out.
        name="redirect-rewrite",
        entries=lambda place: [
            _entry("redirect", baseurl="https://elsewhere.example/one/files"),
            _entry("rewrite", scheme="http", host=urlsplit(place.cdn).netloc, trimpathprefix="/one"),
            _entry("redirect", baseurl="https://elsewhere.example") | {"disabled": True},
        ],
        gate=lambda _: unsigned("/files"),
        redirected=_BOTH,
    ),
    # From here on none has a CDN, and those that change or keep what they read send nobody to the store.
    Row(name="encrypt", entries=lambda place: [_encrypt(place)]),
    Row(name="readcache", entries=lambda place: [_readcache(place)]),
    Row(name="mirror-both", entries=lambda place: [_mirror(place, "both")]),
    Row(name="mirror-primary", entries=lambda place: [_mirror(place, "primary")]),
    Row(name="all-three", entries=lambda place: [_mirror(place, "both"), _encrypt(place), _readcache(place)]),
)


@pytest.fixture(params=TABLE, ids=lambda row: row.name)
def row(request: pytest.FixtureRequest) -> Row:
    """Each middleware."""
    found: Row = request.param
    return found


@pytest.fixture(params=sorted(_BOTH))
def bucket(request: pytest.FixtureRequest) -> S3Bucket | None:
    """A fresh bucket on Ceph; `None` for a folder."""
    if request.param == "filesystem":
        return None
    service: Any = request.getfixturevalue(request.param)
    made: S3Bucket = service.new_bucket()
    return made


@pytest.fixture(scope="module")
def key() -> RSAPrivateKey:
    """What CloudFront's URLs are signed with."""
    return generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def cdn(bucket: S3Bucket | None, row: Row, root: Path) -> Iterator[CDN]:
    """A CDN in front of the storage, which takes nothing yet."""

    def read(target: str) -> bytes | None:
        if bucket is None:
            file = root / target[1:]
            return file.read_bytes() if file.is_file() else None
        if not row.origin:
            return bucket.get(_ROOT + target)
        parts = urlsplit(target)
        url = f"{bucket.service.endpoint}/{bucket.name}{parts.path}?{parts.query}"
        answer = httpx.get(url)
        return answer.content if answer.is_success else None

    with CDN(unsigned(), read) as running:
        yield running


@pytest.fixture
def place(bucket: S3Bucket | None, cdn: CDN, key: RSAPrivateKey, tmp_path: Path) -> Place:
    """What the row's options are made of."""
    folder = tmp_path / "place"
    folder.mkdir()
    (folder / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    storage = "ceph" if bucket else "filesystem"
    return Place(storage=storage, folder=folder, cdn=cdn.url, key=key, bucket=bucket)


@pytest.fixture
def redirected(row: Row, place: Place) -> bool:
    """Whether clients are sent to the CDN."""
    return place.storage in row.redirected


@pytest.fixture
def server(row: Row, place: Place, cdn: CDN, root: Path, scratch: Path) -> Iterator[Server]:
    """Holdfast on the storage, with the middleware around it."""
    if row.gate is not None:
        cdn.gate = row.gate(place)
    bucket = place.bucket
    driver = None if bucket is None else {bucket.driver: bucket.parameters(rootdirectory=_ROOT)}
    config: dict[str, Any] = {
        "middleware": {"storage": list(row.entries(place))},
        "storage": {"delete": {"enabled": True}},
    }
    with HoldfastServer(root=root, scratch=scratch, driver=driver, config=config) as running:
        yield running
        assert 0 == running.stop()


def test_image_comes_back_bit_for_bit(server: Server, skopeo: Skopeo, image: Layout, tmp_path: Path, cdn: CDN) -> None:
    """What was pushed is pulled with the same bytes, and the CDN was asked for nothing that it doesn't take."""
    skopeo.push(image, f"{server.address}/debian/files:v1")
    pulled = skopeo.pull(f"{server.address}/debian/files:v1", tmp_path / "pulled")

    assert image.digest == pulled.digest
    assert image.blobs() == pulled.blobs()
    assert [] == cdn.refused


def test_each_blob_comes_from_where_it_should(
    server: Server,
    skopeo: Skopeo,
    index: Layout,
    cdn: CDN,
    redirected: bool,  # noqa: FBT001 a fixture
) -> None:
    """A client that asks for a blob is sent to the CDN, or answered; either way it gets the content."""
    skopeo.push(index, f"{server.address}/multi:v1")
    blobs = index.blobs()
    image = json.loads(blobs[index.digest])["manifests"][0]["digest"]
    digest = json.loads(blobs[image])["layers"][0]["digest"]
    answer = httpx.get(f"{server.url}/v2/multi/blobs/{digest}")
    to = urlsplit(answer.headers["location"]).netloc if answer.is_redirect else ""
    followed = httpx.get(answer.headers["location"]) if answer.is_redirect else answer

    assert (200, blobs[digest]) == (followed.status_code, followed.content)
    assert (redirected, int(redirected)) == (to == cdn.address, len(cdn.served))
    assert [] == cdn.refused


def test_index_and_deletion(server: Server, skopeo: Skopeo, index: Layout, tmp_path: Path) -> None:
    """An index with its images is pushed twice, deleted once, and what is left comes back whole."""
    for tag in ("v1", "v2"):
        skopeo.push(index, f"{server.address}/multi:{tag}")
    assert ["v1", "v2"] == skopeo.list_tags(f"{server.address}/multi")
    skopeo.push(index, f"{server.address}/other:v1")
    skopeo.delete(f"{server.address}/multi:v1")

    assert httpx.codes.NOT_FOUND == httpx.get(f"{server.url}/v2/multi/manifests/v2").status_code
    assert index.blobs() == skopeo.pull(f"{server.address}/other:v1", tmp_path / "pulled").blobs()
