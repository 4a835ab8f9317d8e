"""Copies by the service; what Azurite can't show, a copy in the background, is answered in its place."""

import asyncio
import secrets
import time
from collections.abc import Callable

import pytest
from aiohttp import web

from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
from holdfast.storage.drivers.azure import _copying
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageTimeoutError,
    StorageUnavailableError,
)
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.between import Between, Seen, refused
from tests.storage.drivers.azure.conftest import MakeBucket

pytestmark = pytest.mark.anyio

_COPY_ID = "11111111-2222-3333-4444-555555555555"


def _is_by_url(seen: Seen) -> bool:
    """Whether the service is to read a blob by its URL; a copy in the background it reads from within."""
    return "x-ms-requires-sync" in seen.headers or ("x-ms-copy-source" in seen.headers and "comp" in seen.query)


class Background:
    """A service behind a firewall, whose copies in the background stand as a test says.

    Args:
        container: Where they are.
        states: What each question about a copy is answered with; the last one for ever.
    """

    def __init__(self, container: AzuriteContainer, *states: str) -> None:
        self._container = container
        self._states = list(states)
        self.state = "pending"
        self.target = ""

    def __call__(self, seen: Seen) -> web.Response | None:
        """Answer what is about copies."""
        if _is_by_url(seen):
            return refused(403, "CannotVerifyCopySource")
        if "x-ms-copy-source" in seen.headers:
            self.target = seen.key
            self._container.put(seen.key, b"")
            return web.Response(status=202, headers={"x-ms-copy-status": self.state, "x-ms-copy-id": _COPY_ID})
        if seen.query.get("comp") == "copy":
            self.state = "aborted"
            return web.Response(status=204)
        if seen.method == "HEAD" and seen.key == self.target:
            if self.state == "pending" and self._states:
                self.state = self._states.pop(0)
            answer = self._container.ask("HEAD", seen.key)
            if answer.status == 200:
                told = {"x-ms-copy-status": self.state, "x-ms-copy-id": _COPY_ID, "ETag": answer.headers["etag"]}
                return web.Response(headers=told)
        return None


@pytest.fixture
async def source(bucket: AzureBucket) -> ObjectInfo:
    """A blob to be copied."""
    await bucket.put("source", b"content")
    return await bucket.head("source")


async def test_one_request(
    bucket: AzureBucket, container: AzuriteContainer, source: ObjectInfo, between: Between
) -> None:
    """A blob of ordinary size is copied by one request that ends when the copy is there."""
    between.seen.clear()
    await bucket.copy(source, "target")

    assert ["PUT"] == between.requests()
    assert b"content" == container.get("target")


class TestInBlocks:
    """Large blobs, here those of more than a few bytes."""

    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(_copying, "_ONE_REQUEST", 100)
        monkeypatch.setattr(_copying, "_BLOCK", 300)
        monkeypatch.setattr(_copying, "_MIB", 1)

    async def test_blocks_are_copied_and_committed(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between
    ) -> None:
        """As many as the size needs, each by one request; what was at the target is replaced in the end."""
        content = secrets.token_bytes(3001)
        await bucket.put("source", content)
        await bucket.put("target", b"old")
        await bucket.copy(await bucket.head("source"), "target")

        assert content == container.get("target")
        assert 11 == len(between.requests(of="PUT block")) - len(between.requests(of="PUT blocklist"))

    async def test_another_source_meanwhile(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between
    ) -> None:
        """Blocks are of one version of the source; when that goes, nothing is left at the target."""
        await bucket.put("source", bytes(1000))
        info = await bucket.head("source")

        def replace(seen: Seen) -> None:
            if seen.what == "PUT block":
                container.put("source", bytes(999))

        between.answer = replace
        with pytest.raises(PreconditionFailedError):
            await bucket.copy(info, "target")

        assert ["source"] == container.leftovers()

    async def test_cancelled(self, bucket: AzureBucket, container: AzuriteContainer, between: Between) -> None:
        """Nothing that takes space is left."""
        await bucket.put("source", bytes(1000))
        info = await bucket.head("source")
        copied = asyncio.Event()

        async def hang(seen: Seen) -> web.Response | None:
            if seen.what == "PUT blocklist":
                copied.set()
                await asyncio.sleep(30)
            return None

        between.answer = hang
        copying = asyncio.create_task(bucket.copy(info, "target"))
        await copied.wait()
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying

        assert ["source"] == container.leftovers()


class TestInTheBackground:
    """Where the service can't read its own blobs by URL."""

    async def test_done_at_once(self, bucket: AzureBucket, source: ObjectInfo, between: Between) -> None:
        """As copies within an account mostly are: nobody is asked. The next copy doesn't try the other ways."""
        between.answer = lambda seen: (
            refused(403, "CannotVerifyCopySource")
            if _is_by_url(seen)
            else web.Response(status=202, headers={"x-ms-copy-status": "success"})
        )
        between.seen.clear()
        await bucket.copy(source, "target")
        await bucket.copy(source, "target-2")

        assert ["PUT", "PUT", "PUT"] == between.requests()
        assert "x-ms-copy-source" in between.seen[-1].headers

    async def test_waiting(
        self, bucket: AzureBucket, container: AzuriteContainer, source: ObjectInfo, between: Between
    ) -> None:
        """A pending copy is asked about until it is there."""
        between.answer = Background(container, "pending", "success")
        between.seen.clear()
        await bucket.copy(source, "target")

        assert ["PUT", "PUT", "HEAD", "HEAD"] == between.requests()
        assert ["source", "target"] == container.keys()

    @pytest.mark.parametrize("states", [("pending",), ("failed",), ("aborted",)])
    async def test_never_done(
        self,
        bucket: AzureBucket,
        container: AzuriteContainer,
        source: ObjectInfo,
        between: Between,
        states: tuple[str, ...],
    ) -> None:
        """A copy that isn't there in time, or fails, is aborted and an error; the empty blob that it was is gone."""
        between.answer = Background(container, *states * 100)
        with pytest.raises(StorageTimeoutError if states == ("pending",) else StorageUnavailableError):
            await bucket.copy(source, "target")

        assert "PUT copy" in between.requests()
        assert ["source"] == container.keys()

    async def test_not_waiting(
        self, make_azure: MakeBucket, container: AzuriteContainer, source: ObjectInfo, between: Between
    ) -> None:
        """With `max_retries` -1 a pending copy is aborted at once, and never counts as done."""
        impatient = make_azure(**container.parameters(serviceurl=between.url, max_retries=-1))
        between.answer = Background(container, "success")
        try:
            with pytest.raises(StorageTimeoutError):
                await impatient.copy(source, "target")
        finally:
            await impatient.aclose()

        assert ["source"] == container.keys()

    async def test_time_is_scaled_by_size(
        self, bucket: AzureBucket, container: AzuriteContainer, between: Between, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A larger blob has more time than `max_retries` and `retry_delay` give all."""
        monkeypatch.setattr(_copying, "_BYTES_PER_SECOND", 1000)
        await bucket.put("source", bytes(300))
        between.answer = Background(container, *["pending"] * 1000)
        started = time.monotonic()
        with pytest.raises(StorageTimeoutError, match=r"300 bytes .* 0\.3 s"):
            await bucket.copy(await bucket.head("source"), "target")

        assert 0.3 <= time.monotonic() - started

    async def test_cancelled(
        self, bucket: AzureBucket, container: AzuriteContainer, source: ObjectInfo, between: Between
    ) -> None:
        """A copy that nobody waits for any more is aborted, and the empty blob that it was is gone."""
        background = Background(container)
        asked = asyncio.Event()

        def note(seen: Seen) -> web.Response | None:
            if seen.method == "HEAD" and background.target:
                asked.set()
            return background(seen)

        between.answer = note
        copying = asyncio.create_task(bucket.copy(ObjectInfo(source.key, 100 * 1024**2), "target"))
        await asked.wait()
        copying.cancel()
        with pytest.raises(asyncio.CancelledError):
            await copying

        assert ["source"] == container.keys()

    async def test_written_over_meanwhile(
        self, bucket: AzureBucket, container: AzuriteContainer, source: ObjectInfo, between: Between
    ) -> None:
        """Somebody else's content at the target isn't deleted with the copy."""
        background = Background(container)

        def write_over(seen: Seen) -> web.Response | None:
            if seen.method == "HEAD" and background.target:
                container.put("target", b"theirs")
                background.target = ""
            return background(seen)

        between.answer = write_over
        with pytest.raises(StorageUnavailableError):
            await bucket.copy(source, "target")

        assert b"theirs" == container.get("target")

    async def test_missing_source(self, bucket: AzureBucket, between: Between) -> None:
        """It is missing, however the service says so."""
        for answer in (refused(404, "CannotVerifyCopySource"), None):
            between.answer = _once_by_url(answer)
            with pytest.raises(PathNotFoundError):
                await bucket.copy(ObjectInfo("missing", 5), "target")

    async def test_refused_for_another_reason(self, bucket: AzureBucket, source: ObjectInfo, between: Between) -> None:
        """Who may not write is told so, and nothing else is tried."""
        between.answer = lambda _: refused(403, "AuthorizationPermissionMismatch")
        between.seen.clear()
        with pytest.raises(AccessDeniedError):
            await bucket.copy(source, "target")

        assert 1 == len(between.seen)

    async def test_parts(self, bucket: AzureBucket, container: AzuriteContainer, between: Between) -> None:
        """A part that the service can't copy goes through here, of the same version only."""
        await bucket.put("source", b"0123456789")
        info = await bucket.head("source")
        between.answer = lambda seen: refused(403, "CannotVerifyCopySource") if _is_by_url(seen) else None
        upload_id = await bucket.begin_upload("target")
        parts = [
            await bucket.copy_part("target", upload_id, number, info, offset=offset, length=3)
            for number, offset in ((1, 2), (2, 7))
        ]
        await bucket.complete_upload("target", upload_id, parts)
        container.put("source", b"9876543210")
        with pytest.raises(PreconditionFailedError):
            await bucket.copy_part("target", await bucket.begin_upload("target"), 1, info, offset=0, length=3)

        assert b"234789" == container.get("target")


def _once_by_url(answer: web.Response | None) -> Callable[[Seen], web.Response | None]:
    return lambda seen: answer if _is_by_url(seen) else None
