"""Large ranges of a store without TLS, which are read by signed URLs: when they are, and what happens otherwise."""

import os
from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from holdfast.storage.drivers._objectstore.bucket import PastEndError
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import AccessDeniedError, PathNotFoundError, PreconditionFailedError
from tests.services.stores.s3 import S3Service
from tests.storage.drivers.objectstore.contract_base import MIB, read
from tests.storage.drivers.s3.fake_web import FakeWeb, Request, error, fake_web

pytestmark = pytest.mark.anyio

Make = Callable[..., S3Bucket]

_LARGE = os.urandom(3 * MIB)
_DATE = "Wed, 25 Nov 2026 02:02:43 GMT"


@pytest.fixture
async def store() -> AsyncIterator[FakeWeb]:
    """A store that has one object, and knows ranges."""
    async with fake_web() as fake:
        fake.answer = _answer
        yield fake


def _answer(request: Request) -> web.Response:
    if "Range" not in request.headers:
        return web.Response(body=_LARGE, headers={"ETag": '"1"', "Last-Modified": _DATE})
    first, _, last = request.headers["Range"].removeprefix("bytes=").partition("-")
    piece = _LARGE[int(first) : int(last) + 1]
    told = f"bytes {first}-{int(first) + len(piece) - 1}/{len(_LARGE)}"
    return web.Response(status=206, body=piece, headers={"ETag": '"1"', "Last-Modified": _DATE, "Content-Range": told})


def _by_url(store: FakeWeb) -> list[Request]:
    return [request for request in store.requests if "X-Amz-Signature" in request.query]


@pytest.mark.parametrize("offset", [0, 1, 2 * MIB])
async def test_ranges_of_a_real_store(ceph: S3Service, open_bucket: Make, offset: int) -> None:
    """What is read by a URL is the range, of the version asked for; it is told as the other readers tell it."""
    fresh = ceph.new_bucket()
    fresh.put("a", _LARGE)
    bucket = open_bucket(**fresh.parameters(profile="ceph"))
    info = await bucket.head("a")
    opened = await bucket._plain.open("a", offset=offset, length=MIB, version=info.version)

    assert opened is not None
    assert info == opened.info
    assert _LARGE[offset : offset + MIB] == b"".join([chunk async for chunk in opened.chunks])
    await opened.chunks.aclose()  # type: ignore[attr-defined]
    assert _LARGE[offset:] == await read(bucket, "a", offset=offset, length=100 * MIB)


async def test_what_a_real_store_refuses(ceph: S3Service, open_bucket: Make) -> None:
    """A large range of nothing, of another version and past the end is what a small one is."""
    fresh = ceph.new_bucket()
    fresh.put("a", b"content")
    bucket = open_bucket(**fresh.parameters(profile="ceph"))
    with pytest.raises(PathNotFoundError):
        await read(bucket, "b", offset=0, length=MIB)
    with pytest.raises(PreconditionFailedError):
        await read(bucket, "a", offset=0, length=MIB, version="0" * 32)
    with pytest.raises(PastEndError):
        await read(bucket, "a", offset=7, length=MIB)
    denied = open_bucket(**fresh.parameters(profile="ceph", secretkey="wrong"))
    with pytest.raises(AccessDeniedError):
        await read(denied, "a", offset=0, length=MIB)


async def test_which_reads_go_by_urls(store: FakeWeb, open_bucket: Make) -> None:
    """A range of a mebibyte does, once; one byte less, and a whole object, don't."""
    bucket = open_bucket(**store.parameters())
    assert _LARGE[:MIB] == await read(bucket, "a", offset=0, length=MIB)
    assert 1 == len(_by_url(store)) == len(store.requests)
    await read(bucket, "a", offset=0, length=MIB - 1)
    await read(bucket, "a")
    assert 1 == len(_by_url(store))


async def test_a_proxy_is_kept_to(store: FakeWeb, open_bucket: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment has a proxy for the store, nothing goes past it; that isn't worth a warning."""
    monkeypatch.setenv("http_proxy", store.url)
    monkeypatch.delenv("no_proxy", raising=False)
    bucket = open_bucket(**store.parameters(regionendpoint="http://store.example"))
    with capture_logs() as lines:
        for _ in range(6):
            assert _LARGE[:MIB] == await read(bucket, "a", offset=0, length=MIB)
    assert [] == _by_url(store)
    assert [] == [line for line in lines if line["log_level"] == "warning"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Encoding": "gzip"},
        {"Content-Range": f"bytes 1-{MIB}/{3 * MIB}"},
        {"Content-Range": f"bytes 0-{MIB - 1}/*"},
    ],
)
async def test_answers_to_something_else(store: FakeWeb, open_bucket: Make, headers: dict[str, str]) -> None:
    """An answer that isn't the range as it is kept is none; another reader is asked, with whom it was."""

    def answer(request: Request) -> web.Response:
        made = _answer(request)
        if "X-Amz-Signature" in request.query:
            made.headers.update(headers)
        return made

    store.answer = answer
    bucket = open_bucket(**store.parameters())
    assert _LARGE[:MIB] == await read(bucket, "a", offset=0, length=MIB)
    assert 1 == len(_by_url(store))


async def test_a_store_that_refuses_urls(store: FakeWeb, open_bucket: Make) -> None:
    """Where only headers may sign, URLs aren't tried for a while after five times; what is missing is no such time."""

    def answer(request: Request) -> web.Response:
        if "X-Amz-Signature" in request.query or request.path.endswith("/missing"):
            return error("AccessDenied", 403) if request.path.endswith("/a") else error("NoSuchKey", 404)
        return _answer(request)

    store.answer = answer
    bucket = open_bucket(**store.parameters())
    for _ in range(6):
        with pytest.raises(PathNotFoundError):
            await read(bucket, "missing", offset=0, length=MIB)
    assert 6 == len(_by_url(store))
    for _ in range(8):
        assert _LARGE[:MIB] == await read(bucket, "a", offset=0, length=MIB)
    assert 6 + 5 == len(_by_url(store))
