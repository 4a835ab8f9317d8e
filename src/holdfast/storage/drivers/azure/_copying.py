"""Copying a blob within the container, by the service itself.

Three ways, the first of which that can be gone is:

1. up to 256 MiB, one request that ends when the copy is there (Copy Blob From URL);
2. blocks, copied several at a time, then committed at once (Put Block From URL);
3. a copy in the background (Copy Blob), where the account's firewall keeps the service from reading its blobs by URL.
   While it goes on the target is an empty blob. Aborted, it stays one, so it is deleted then.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.drivers.azure._answers import if_match, told_version
from holdfast.storage.drivers.azure._replacing import replacing
from holdfast.storage.drivers.azure._uploads import is_staged
from holdfast.storage.drivers.azure.errors import answer_code
from holdfast.storage.errors import (
    AccessDeniedError,
    PathNotFoundError,
    PreconditionFailedError,
    StorageError,
    StorageTimeoutError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo, Part
    from holdfast.storage.drivers.azure._service import Service
    from holdfast.storage.drivers.azure._signing import Signer
    from holdfast.storage.drivers.azure._uploads import Uploads

__all__ = ["Copier", "Patience"]

_MIB: Final = 1024 * 1024
_ONE_REQUEST: Final = 256 * _MIB
_BLOCK: Final = 64 * _MIB
_BLOCKS: Final = 50_000
_AT_ONCE: Final = 8
_BYTES_PER_SECOND: Final = 4 * _MIB
"""A copy in the background that is slower than that is stuck."""

_log = structlog.get_logger(__name__)


class Patience:
    """How a copy in the background is waited for: upstream's `max_retries` and `retry_delay`, and its size.

    Args:
        questions: How often to ask before the size counts; 0 for upstream's default, 5, and -1 for not at all.
        delay: Seconds before the first question; before the others as many times that.

    Attributes:
        questions: How often to ask at least.
    """

    def __init__(self, questions: int, delay: float) -> None:
        self.questions = questions or 5
        self._delay = delay

    def seconds(self, size: int) -> float:
        """How long to wait for a copy of so many bytes."""
        if self.questions < 0:
            return 0.0
        return self._delay * self.questions * (self.questions + 1) / 2 + size / _BYTES_PER_SECOND

    def pause(self, question: int) -> float:
        """Seconds before a question, which are counted from 1."""
        return self._delay * min(question, max(1, self.questions))


class Copier:
    """Copies blobs.

    Args:
        service: The container.
        signer: Makes URLs of sources.
        uploads: Where blocks are collected.
        patience: How copies in the background are waited for.
    """

    def __init__(self, service: Service, signer: Signer, uploads: Uploads, patience: Patience) -> None:
        self._service = service
        self._signer = signer
        self._uploads = uploads
        self._patience = patience
        self._readable_by_url = True

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`."""
        if self._readable_by_url:
            try:
                await (self._at_once(source, key) if source.size <= _ONE_REQUEST else self._in_blocks(source, key))
            except AccessDeniedError as error:
                self._require_unreadable(error)
            else:
                return
        await replacing(self._service, key, lambda _: self._in_background(source, key))

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """See `Bucket.copy_part`. Where the service can't read by URL, the content goes through here, unbuffered."""
        if self._readable_by_url:
            headers = await self._source(source.key, source.version)
            try:
                return await self._uploads.put_from(key, upload_id, number, headers, offset=offset, length=length)
            except AccessDeniedError as error:
                self._require_unreadable(error)
        pinned = if_match(source.version) if source.version else {}
        wanted = pinned | {"x-ms-range": f"bytes={offset}-{offset + length - 1}"}
        async with self._service.stream(source.key, wanted) as answer:
            return await self._uploads.put(key, upload_id, number, answer.iter_raw(), length)

    async def _source(self, key: str, version: str | None) -> dict[str, str]:
        """The headers that name a source, and let the service read it."""
        headers = {"x-ms-copy-source": await self._signer.source(key)}
        if (bearer := await self._service.bearer()) is not None:
            headers["x-ms-copy-source-authorization"] = bearer
        if version is not None:
            headers["x-ms-source-if-match"] = f'"{version}"'
        return headers

    async def _at_once(self, source: ObjectInfo, key: str) -> None:
        headers = await self._source(source.key, None) | {"x-ms-requires-sync": "true"}
        await replacing(self._service, key, lambda _: self._service.send("PUT", key, headers=headers))

    async def _in_blocks(self, source: ObjectInfo, key: str) -> None:
        """Copy blocks of one version of the source, and commit them; failed or cancelled, they are discarded."""
        upload_id = await self._uploads.begin(key)
        if is_staged(upload_id):
            # A blob of another type is there, which has to go before its successor comes in any case.
            await replacing(self._service, key, lambda _: self._in_background(source, key))
            return
        try:
            parts = await self._copy_blocks(source, key, upload_id)
            await self._uploads.complete(key, upload_id, parts)
        except BaseException:
            await whole(self._uploads.abort(key, upload_id))
            raise
        self._uploads.end(upload_id)

    async def _copy_blocks(self, source: ObjectInfo, key: str, upload_id: str) -> list[Part]:
        size = max(_BLOCK, -(-source.size // _BLOCKS // _MIB) * _MIB)
        offsets = iter(enumerate(range(0, source.size, size), 1))
        parts: list[Part] = []

        async def copy_some() -> None:
            for number, offset in offsets:
                length = min(size, source.size - offset)
                headers = await self._source(source.key, source.version)
                parts.append(
                    await self._uploads.put_from(key, upload_id, number, headers, offset=offset, length=length)
                )

        await together(*(copy_some() for _ in range(_AT_ONCE)))
        return sorted(parts, key=lambda part: part.number)

    async def _in_background(self, source: ObjectInfo, key: str) -> None:
        # A source of the same account needs no more proof than the request itself has, but for a signature in the URL.
        signature = self._service.access.signature
        url = self._service.url(source.key) + (f"?{signature}" if signature else "")
        answer = await self._service.send("PUT", key, headers={"x-ms-copy-source": url})
        if answer.headers.get("x-ms-copy-status") == "success":
            return
        copy_id = answer.headers.get("x-ms-copy-id", "")
        try:
            await self._wait(key, copy_id, source.size)
        except BaseException:
            await whole(self._give_up(key, copy_id))
            raise

    async def _wait(self, key: str, copy_id: str, size: int) -> None:
        """Wait until a copy is there.

        Raises:
            StorageTimeoutError: It isn't in the time that it deserves.
            StorageUnavailableError: It failed, or somebody else has written to the target.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience.seconds(size)
        question = 0
        while question < self._patience.questions or loop.time() < deadline:
            question += 1
            await asyncio.sleep(self._patience.pause(question))
            state, description = await self._state(key, copy_id)
            if state == "success":
                return
            if state != "pending":
                raise StorageUnavailableError(f"copying {state or 'was interrupted by another write'} {description}")
        raise StorageTimeoutError(
            f"a copy of {size} bytes wasn't there after {self._patience.seconds(size):.1f} s and was aborted;"
            " max_retries and retry_delay allow more time"
        )

    async def _state(self, key: str, copy_id: str) -> tuple[str, str]:
        """How a copy stands, and what the service says about it; empty where the target isn't of that copy."""
        try:
            headers = (await self._service.send("HEAD", key)).headers
        except StorageError as error:
            if error.retryable:
                return "pending", ""
            raise
        if headers.get("x-ms-copy-id") != copy_id:
            return "", ""
        return headers.get("x-ms-copy-status", ""), headers.get("x-ms-copy-status-description", "")

    async def _give_up(self, key: str, copy_id: str) -> None:
        """Abort a copy, and delete the empty blob that it leaves, unless that is another one now."""
        query = {"comp": "copy", "copyid": copy_id}
        try:
            await self._service.send("PUT", key, query=query, headers={"x-ms-copy-action": "abort"}, expect={204})
        except StorageError as error:
            _log.debug("a copy can't be aborted, as when it has ended", key=key, error=str(error))
        try:
            headers = (await self._service.send("HEAD", key)).headers
            version = told_version(headers)
            if headers.get("x-ms-copy-id") == copy_id and headers.get("x-ms-copy-status") != "success" and version:
                await self._service.send("DELETE", key, headers=if_match(version))
        except (PathNotFoundError, PreconditionFailedError):
            return

    def _require_unreadable(self, error: AccessDeniedError) -> None:
        """Go on if what was refused is reading by URL, and note it; otherwise raise the error."""
        if answer_code(error) != "CannotVerifyCopySource":
            raise error
        self._readable_by_url = False
        _log.info("the service can't read its own blobs by URL, so it copies in the background", error=str(error))
