"""Trying again: a bucket around a vendor's that repeats what can succeed the next time."""

from __future__ import annotations

import random
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

import structlog
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception

from holdfast.storage.drivers._objectstore.bucket import (
    Bucket,
    BucketLimits,
    ObjectInfo,
    OpenObject,
    OpenUpload,
    Page,
    Part,
    UnknownUploadError,
)
from holdfast.storage.errors import PathNotFoundError, PreconditionFailedError, StorageError, ThrottledError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from holdfast.storage.driver import Buffer, Precondition

__all__ = ["RetryingBucket", "again", "is_retryable", "pause", "tell"]

_log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS: Final = 6
_SECONDS: Final = 90
"""Nothing is begun again after so long: a client waits behind it."""

_FIRST_PAUSE: Final = 0.2
_LONGEST_PAUSE: Final = 10.0


def is_retryable(error: BaseException) -> bool:
    """Whether the same request may succeed later: what its class says, never its text."""
    return isinstance(error, StorageError) and error.retryable


def tell(error: BaseException | None, attempt: int, seconds: float) -> None:
    """Log that a store is asked again, since an operator who finds it slow can't see that otherwise.

    Args:
        error: What failed.
        attempt: How often it was tried, from 1.
        seconds: How long is waited now.
    """
    told = f"{type(error).__name__}: {error}"
    _log.info("the store failed, and is asked again", error=told, attempt=attempt, wait=round(seconds, 2))


def pause(error: BaseException | None, attempt: int) -> float:
    """How many seconds to wait before trying again.

    A random part of a bound that doubles ("full jitter": clients that failed together don't come back together), and
    at least what the store asks for (`Retry-After`), up to a limit.

    Args:
        error: What failed.
        attempt: How often it was tried, from 1.
    """
    bound = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (attempt - 1))
    asked = error.retry_after if isinstance(error, ThrottledError) and error.retry_after else 0.0
    return min(_LONGEST_PAUSE, max(0.0, asked)) + random.uniform(0, bound)  # noqa: S311 - spreads clients, protects nothing


class RetryingBucket(Bucket):
    """A bucket whose calls are repeated, at most 6 times within 90 seconds, where the error's class allows it.

    A write whose answer was lost may have happened. Repeating it is harmless, but for a precondition that then fails on
    our own content, and for an upload that is unknown because it is completed: so what is there is looked at first.
    """

    def __init__(self, inner: Bucket) -> None:
        self._inner = inner

    @property
    def limits(self) -> BucketLimits:
        """See `Bucket.limits`."""
        return self._inner.limits

    async def get(self, key: str) -> bytes:
        """See `Bucket.get`."""
        return await again(self._inner.get, key)

    @asynccontextmanager
    async def read(
        self, key: str, *, offset: int = 0, length: int | None = None, version: str | None = None
    ) -> AsyncIterator[OpenObject]:
        """See `Bucket.read`. Only opening is repeated: who reads knows where it broke off."""

        async def enter() -> tuple[Any, OpenObject]:
            opened = self._inner.read(key, offset=offset, length=length, version=version)
            return opened, await opened.__aenter__()

        manager, opened = await again(enter)
        try:
            yield opened
        finally:
            await manager.__aexit__(None, None, None)

    async def head(self, key: str) -> ObjectInfo:
        """See `Bucket.head`."""
        return await again(self._inner.head, key)

    async def put(self, key: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """See `Bucket.put`."""
        lost = False

        async def put() -> str | None:
            nonlocal lost
            try:
                return await self._inner.put(key, content, precondition=precondition)
            except PreconditionFailedError:
                if not lost:
                    raise
                there = await self._found(key)
                if there is None or there.size != len(content) or await self._inner.get(key) != bytes(content):
                    raise
                return there.version
            except StorageError as error:
                lost = lost or error.retryable
                raise

        return await again(put)

    async def copy(self, source: ObjectInfo, key: str) -> None:
        """See `Bucket.copy`."""
        await again(self._inner.copy, source, key)

    async def delete(self, key: str) -> None:
        """See `Bucket.delete`."""
        await again(self._inner.delete, key)

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """See `Bucket.delete_many`. Only those that may succeed are tried again."""
        failures: dict[str, StorageError] = {}
        left: Mapping[str, StorageError] | None = None

        async def delete() -> None:
            nonlocal left
            told = await self._inner.delete_many(keys if left is None else [*left])
            failures.update((key, error) for key, error in told.items() if not error.retryable)
            left = {key: error for key, error in told.items() if error.retryable}
            for error in left.values():
                raise error

        try:
            await again(delete)
        except StorageError:
            if left is None:
                raise
        return {**failures, **(left or {})}

    async def list_page(
        self,
        prefix: str,
        *,
        delimiter: bool = False,
        start_after: str | None = None,
        cursor: str | None = None,
        limit: int | None = None,
    ) -> Page:
        """See `Bucket.list_page`."""
        return await again(
            self._inner.list_page, prefix, delimiter=delimiter, start_after=start_after, cursor=cursor, limit=limit
        )

    async def sign(self, key: str, *, method: str) -> str | None:
        """See `Bucket.sign`."""
        return await again(self._inner.sign, key, method=method)

    async def begin_upload(self, key: str) -> str:
        """See `Bucket.begin_upload`. One whose answer was lost stays open, and is found by `list_uploads`."""
        return await again(self._inner.begin_upload, key)

    async def put_part(self, key: str, upload_id: str, number: int, content: Buffer) -> Part:
        """See `Bucket.put_part`."""
        return await again(self._inner.put_part, key, upload_id, number, content)

    async def copy_part(
        self, key: str, upload_id: str, number: int, source: ObjectInfo, *, offset: int, length: int
    ) -> Part:
        """See `Bucket.copy_part`."""
        return await again(self._inner.copy_part, key, upload_id, number, source, offset=offset, length=length)

    async def complete_upload(self, key: str, upload_id: str, parts: Sequence[Part]) -> None:
        """See `Bucket.complete_upload`."""
        lost = False

        async def complete() -> None:
            nonlocal lost
            try:
                await self._inner.complete_upload(key, upload_id, parts)
            except UnknownUploadError as error:
                there = await self._found(key) if lost or error.maybe_completed else None
                if there is None or there.size != sum(part.size for part in parts):
                    raise
            except StorageError as error:
                lost = lost or error.retryable
                raise

        await again(complete)

    async def abort_upload(self, key: str, upload_id: str) -> None:
        """See `Bucket.abort_upload`."""
        await again(self._inner.abort_upload, key, upload_id)

    async def list_uploads(self, prefix: str) -> AsyncGenerator[OpenUpload]:
        """See `Bucket.list_uploads`. Where it broke off it begins anew, and passes over what was yielded."""
        seen: set[tuple[str, str]] = set()
        uploads: AsyncIterator[OpenUpload] | None = None

        async def step() -> OpenUpload | None:
            nonlocal uploads
            uploads = uploads or self._inner.list_uploads(prefix)
            try:
                async for upload in uploads:
                    if (upload.key, upload.upload_id) not in seen:
                        return upload
            except StorageError:
                uploads = None
                raise
            return None

        try:
            while (upload := await again(step)) is not None:
                seen.add((upload.key, upload.upload_id))
                yield upload
        finally:
            if isinstance(uploads, AsyncGenerator):
                await uploads.aclose()

    async def identify(self) -> str:
        """See `Bucket.identify`."""
        return await self._inner.identify()

    async def aclose(self) -> None:
        """See `Bucket.aclose`."""
        await self._inner.aclose()

    async def _found(self, key: str) -> ObjectInfo | None:
        try:
            return await self._inner.head(key)
        except PathNotFoundError:
            return None


async def again(call: Callable[P, Awaitable[T]], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """Await a call, again where its error's class allows it; what goes well costs nothing more.

    A bucket uses this by itself only in a method that takes many requests: all of them again is more than the last one.
    """
    started = time.monotonic()
    try:
        return await call(*args, **kwargs)
    except StorageError as error:
        if not error.retryable:
            raise
        first: StorageError | None = error

    def is_over(state: RetryCallState) -> bool:
        return state.attempt_number >= _ATTEMPTS or time.monotonic() + state.upcoming_sleep - started > _SECONDS

    async def attempt() -> T:
        nonlocal first
        if first is not None:  # the attempt that failed already
            error, first = first, None
            raise error
        return await call(*args, **kwargs)

    retrying = AsyncRetrying(
        retry=retry_if_exception(is_retryable),
        wait=_wait,
        stop=is_over,
        before_sleep=_tell,
        reraise=True,
    )
    return await retrying(attempt)


def _wait(state: RetryCallState) -> float:
    return pause(_error(state), state.attempt_number)


def _tell(state: RetryCallState) -> None:
    tell(_error(state), state.attempt_number, state.upcoming_sleep)


def _error(state: RetryCallState) -> BaseException | None:
    return state.outcome.exception() if state.outcome is not None else None
