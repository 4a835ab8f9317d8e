"""Purging: uploads that nobody finishes any more are deleted, in the repositories and in the driver's own keeping.

An upload is as old as its last sign of life: when it began, as its `startedat` says, or when anything of it was last
written, whichever is later. An unreadable `startedat` says nothing, and what gives no sign at all isn't deleted.

Content that is streamed to its final path has no directory of an upload. What a crash leaves of that, only the driver
knows: `StorageDriver.list_uploads`. How old it is, too: some backends tell only when such a write began, so the age
must be longer than any upload takes.
"""

from __future__ import annotations

import random
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import structlog

from holdfast.registry.maintenance.background import repeat
from holdfast.registry.store import paths
from holdfast.registry.store.catalog import list_repositories
from holdfast.registry.store.pages import list_pages
from holdfast.registry.store.parallel import in_parallel
from holdfast.registry.store.upload_state import is_upload_id
from holdfast.storage.errors import PathNotFoundError, StorageError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from holdfast.registry.maintenance.readonly import ReadOnlyWatch
    from holdfast.storage.driver import StorageDriver, UploadInfo

__all__ = ["DEFAULT_AGE", "DEFAULT_INTERVAL", "PurgedUpload", "UploadPurging", "keep_purging", "purge_uploads"]

DEFAULT_AGE = timedelta(hours=168)
DEFAULT_INTERVAL = timedelta(hours=24)

_FIRST_WITHIN = 3600.0
_MIN_INTERVAL = 1.0
_CHUNK = 1000
_AT_ONCE = 16

_ROUNDED_UP = timedelta(seconds=1)
"""By how much a time that a store tells can be ahead: Swift rounds up to the next second."""

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadPurging:
    """How uploads are purged, as `storage.maintenance.uploadpurging` has it.

    Attributes:
        age: How long an upload must have given no sign of life.
        interval: How long to wait between two times.
        dry_run: Whether to say only what would be purged.
    """

    age: timedelta = DEFAULT_AGE
    interval: timedelta = DEFAULT_INTERVAL
    dry_run: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgedUpload:
    """An upload that was purged, or would be, or that something went wrong with.

    Attributes:
        path: Its directory; for a write that only the driver knows, the path it was meant for.
        active: Its last sign of life; `None` where an error kept it from being found.
        size: Its bytes, as far as storage tells.
        error: Why it is still there, or may be; `None` where all went well.
    """

    path: str
    active: datetime | None
    size: int = 0
    error: StorageError | None = None


async def purge_uploads(
    driver: StorageDriver, *, older_than: timedelta, dry_run: bool = False
) -> AsyncGenerator[PurgedUpload, None]:
    """Purge what has given no sign of life for long, and yield it, one by one.

    An error with one upload doesn't keep the others from being purged.

    Args:
        driver: The storage.
        older_than: How long; no time at all takes everything there is, and what begins within the second after.
        dry_run: Whether to delete nothing.

    Raises:
        StorageError: The repositories, or the driver's unfinished writes, can't be listed any further.
    """
    before = datetime.now(UTC) - older_than
    if not older_than:
        before += _ROUNDED_UP
    told: set[str] = set()  # only a dry run meets the same upload twice, as its directory and as a write
    async for name in list_repositories(driver, having="_uploads"):
        async for upload in _purge_repository(driver, name, before, dry_run=dry_run):
            if dry_run:
                told.add(upload.path)
            yield upload
    if not driver.capabilities.list_uploads:
        return
    async for unfinished in driver.list_uploads(paths.REGISTRY):
        if unfinished.path.rpartition("/")[0] in told:
            continue
        if unfinished.started is not None and unfinished.started < before:
            aborted = await _abort(driver, unfinished, before=before, dry_run=dry_run)
            if aborted is not None:
                yield aborted


async def _purge_repository(
    driver: StorageDriver, name: str, before: datetime, *, dry_run: bool
) -> AsyncGenerator[PurgedUpload, None]:
    directory = paths.uploads(name)
    judge = partial(_purge_one, driver, before=before, dry_run=dry_run)
    try:
        async for found in list_pages(driver, directory, size=_CHUNK):
            uploads = [path for path in found if is_upload_id(path.rpartition("/")[2])]
            for upload in await in_parallel(judge, uploads, at_once=_AT_ONCE):
                if upload is not None:
                    yield upload
    except StorageError as error:
        yield PurgedUpload(path=directory, active=None, error=error)


async def _purge_one(driver: StorageDriver, directory: str, *, before: datetime, dry_run: bool) -> PurgedUpload | None:
    """Purge an upload, if it is old enough."""
    upload = PurgedUpload(path=directory, active=None)
    try:
        started = await _started(driver, directory)
        if started is not None and started >= before:
            return None
        upload = await _signs_of_life(driver, replace(upload, active=started))
        if upload.active is None or upload.active >= before:
            return None
        if not dry_run:
            await driver.delete(directory)
    except PathNotFoundError:
        return None  # finished or cancelled just now
    except StorageError as error:
        return replace(upload, error=error)
    return upload


async def _started(driver: StorageDriver, directory: str) -> datetime | None:
    """When an upload says that it began; `None` where that can't be read or can't be."""
    try:
        content = await driver.get_content(f"{directory}/startedat")
    except PathNotFoundError:
        return None
    try:
        started = datetime.fromisoformat(content.decode("ascii").strip())
    except ValueError:
        return None
    now = datetime.now(UTC)
    return started if started.tzinfo is not None and started <= now + timedelta(days=1) else None


async def _signs_of_life(driver: StorageDriver, upload: PurgedUpload) -> PurgedUpload:
    """Add what the files and unfinished writes of an upload tell."""
    times = [upload.active]
    size = 0
    try:
        async for info in driver.walk(upload.path):
            times.append(info.modified)
            size += info.size
    except PathNotFoundError:
        pass
    if driver.capabilities.list_uploads:
        async for unfinished in driver.list_uploads(upload.path):
            times.append(unfinished.started)
            size += unfinished.size or 0
    return replace(upload, active=max(filter(None, times), default=None), size=size)


async def _abort(
    driver: StorageDriver, unfinished: UploadInfo, *, before: datetime, dry_run: bool
) -> PurgedUpload | None:
    """Abort an old unfinished write, unless it is a part of an upload that still shows life otherwise."""
    upload = PurgedUpload(path=unfinished.path, active=unfinished.started, size=unfinished.size or 0)
    directory = _upload_of(unfinished.path)
    try:
        if directory is not None:
            whole = PurgedUpload(path=directory, active=await _started(driver, directory))
            active = (await _signs_of_life(driver, whole)).active
            if active is not None and active >= before:
                return None
        if not dry_run:
            await driver.abort_upload(unfinished)
    except StorageError as error:
        return replace(upload, error=error)
    return upload


def _upload_of(path: str) -> str | None:
    """The directory of the upload that a path is a part of; `None` for any other path."""
    directory = path.rpartition("/")[0]
    above, _, upload_id = directory.rpartition("/")
    return directory if above.endswith("/_uploads") and is_upload_id(upload_id) else None


async def keep_purging(driver: StorageDriver, purging: UploadPurging, read_only: ReadOnlyWatch) -> None:
    """Purge again and again, until cancelled; not while the registry is read-only.

    The first time comes within the first hour, at random: replicas that start together don't purge together.
    """
    interval = max(purging.interval.total_seconds(), _MIN_INTERVAL)
    first = random.uniform(0, min(interval, _FIRST_WITHIN))  # noqa: S311 - nothing secret
    await repeat("purge uploads", partial(_purge_and_log, driver, purging, read_only), first=first, interval=interval)


async def _purge_and_log(driver: StorageDriver, purging: UploadPurging, read_only: ReadOnlyWatch) -> None:
    if read_only.is_on:
        _log.info("uploads aren't purged, the registry is read-only")
        return
    purged = failed = size = 0
    async with aclosing(purge_uploads(driver, older_than=purging.age, dry_run=purging.dry_run)) as uploads:
        async for upload in uploads:
            if upload.error is not None:
                failed += 1
                _log.warning("an old upload can't be purged", path=upload.path, error=str(upload.error))
                continue
            purged += 1
            size += upload.size
            _log.info("old upload purged", path=upload.path, active=str(upload.active), dry_run=purging.dry_run)
    _log.info("uploads purged", purged=purged, failed=failed, size=size, dry_run=purging.dry_run)
