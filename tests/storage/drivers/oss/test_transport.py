"""Connections: https as in production, one that is used again, and a store that takes nothing."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from holdfast.storage.drivers.oss import _transport
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.drivers.oss.options import OSSOptions
from holdfast.storage.errors import StorageTimeoutError, StorageUnavailableError, UnexpectedStorageError
from tests.services.stores.oss.access import AccessKey
from tests.services.stores.oss.fake import FakeOss
from tests.services.stores.oss.place import Bucket
from tests.storage.drivers.oss.conftest import MakeOptions

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """Signs the store's certificate."""
    return trustme.CA()


@pytest.fixture
def secure(authority: trustme.CA) -> Iterator[FakeOss]:
    """The fake, over https."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    with FakeOss({"LTAIgood": AccessKey(secret="good-secret")}, tls) as fake:
        fake.buckets["bucket"] = Bucket()
        yield fake


async def test_https(
    secure: FakeOss, make_options: MakeOptions, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One connection serves requests that follow one another."""
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    async with aclosing(OSSBucket(make_options(endpoint=secure.url))) as bucket:
        for _ in range(3):
            await bucket.put("a", bytes(1_000_000))
            async with bucket.read("a") as opened:
                assert 1_000_000 == sum([len(chunk) async for chunk in opened.chunks])

    assert 1 == secure.connections


async def test_untrusted_certificate(secure: FakeOss, make_options: MakeOptions) -> None:
    """Nothing is sent to somebody who isn't who he should be, and it isn't tried again."""
    async with aclosing(OSSBucket(make_options(endpoint=secure.url))) as bucket:
        with pytest.raises(UnexpectedStorageError, match="certificate isn't trusted"):
            await bucket.put("a", b"")

    assert [] == secure.requests


async def test_a_store_that_takes_nothing(make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch) -> None:
    """It isn't waited for without end."""
    monkeypatch.setattr(_transport, "READ_SECONDS", 0.3)
    taken: list[asyncio.StreamWriter] = []

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader._transport.pause_reading()  # type: ignore[attr-defined]  # nothing else stops it from reading
        taken.append(writer)

    async with await asyncio.start_server(hold, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with aclosing(OSSBucket(make_options(endpoint=f"http://127.0.0.1:{port}"))) as bucket:
            with pytest.raises(StorageTimeoutError):
                await bucket.put("a", bytes(50_000_000))
        for writer in taken:
            writer.transport.abort()


async def test_nothing_after_closing(make_options: MakeOptions) -> None:
    """A closed bucket connects to nobody."""
    bucket = OSSBucket(make_options())
    await bucket.aclose()
    with pytest.raises(StorageUnavailableError, match="closed"):
        await bucket.get("a")


async def test_errors_that_are_not_of_oss() -> None:
    """A proxy's page, in whatever letters and without a date, counts by its status."""
    page = b"<html>caf\xe9</html>"

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        options = OSSOptions(
            accesskeyid=SecretStr("LTAI"),
            accesskeysecret=SecretStr("secret"),
            region="oss-cn-beijing",
            bucket="bucket",
            endpoint=f"http://127.0.0.1:{port}",
        )
        async with aclosing(OSSBucket(options)) as bucket:
            with pytest.raises(StorageUnavailableError, match="failing"):
                await bucket.get("a")
