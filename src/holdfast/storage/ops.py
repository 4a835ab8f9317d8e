"""Functions over the contract, for those who use a driver and for those who write one.

For users: `exists`, `delete_if_there`, `opened_writer`, `close_writer`, `put_stream`, `throw_away`, `copy_content`,
`read_exactly`. For a driver's author, ready bodies of optional abilities, called by name so that the choice shows in
the driver's own source:

    async def move(self, source, destination):
        await ops.move_by_copy(self, source, destination)

Nobody overrides these.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from operator import itemgetter
from typing import TYPE_CHECKING

from anyio import CancelScope

from holdfast.storage.errors import (
    BatchDeleteError,
    IncompleteReadError,
    PathNotFoundError,
    StorageError,
    UnsupportedOperationError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Sequence

    from holdfast.storage.driver import Buffer, FileInfo, FileWriter, Precondition, StorageDriver, UploadInfo

__all__ = [
    "close_writer",
    "copy_content",
    "delete_files_one_by_one",
    "delete_if_there",
    "exists",
    "is_below",
    "move_by_copy",
    "no_local_path",
    "no_redirect",
    "no_uploads",
    "opened_writer",
    "put_stream",
    "read_exactly",
    "refuse_abort",
    "refuse_precondition",
    "refuse_resume_token",
    "throw_away",
    "walk_by_listing",
]


# For users -------------------------------------------------------------------------------------


async def exists(driver: StorageDriver, path: str) -> bool:
    """Whether a file or directory is at the path. Any failure but a mapped not-found is raised."""
    try:
        await driver.stat(path)
    except PathNotFoundError:
        return False
    return True


async def delete_if_there(driver: StorageDriver, path: str) -> bool:
    """Delete a file, or a directory with all in it, and tell whether there was anything.

    Raises:
        StorageError: Any failure but a mapped not-found.
    """
    try:
        await driver.delete(path)
    except PathNotFoundError:
        return False
    return True


@asynccontextmanager
async def opened_writer(
    driver: StorageDriver, path: str, *, append: bool = False, resume_token: str | None = None
) -> AsyncIterator[FileWriter]:
    """Open a writer that is closed on leaving, whatever happens. What wasn't committed is kept to be appended to."""
    writer = await driver.writer(path, append=append, resume_token=resume_token)
    try:
        yield writer
    finally:
        await close_writer(writer)


async def close_writer(writer: FileWriter) -> None:
    """Close a writer, in a task that is being cancelled too.

    If that fails, or is cancelled, it is tried once more: a writer that stays open keeps everybody from the upload.

    Raises:
        BaseException: Of the first try: what was written may not all be there.
    """
    with CancelScope(shield=True):  # a cancelled task still owes the close
        try:
            await writer.close()
        except BaseException as error:
            try:
                await writer.close()
            except StorageError as again:
                error.add_note(f"closing it again failed as well: {again}")
            raise


async def put_stream(driver: StorageDriver, path: str, chunks: AsyncIterable[Buffer]) -> int:
    """Write a stream of any length to a path, visible only once it is whole.

    Returns:
        The bytes written.

    Raises:
        BaseException: What the stream or the driver raises; what was written until then is thrown away, and
            where that fails as well, a note of the exception says so.
    """
    writer = await driver.writer(path)
    try:
        async for chunk in chunks:
            await writer.write(chunk)
        await writer.commit()
    except BaseException as error:
        with CancelScope(shield=True):  # a cancelled task still owes the clearing up
            await throw_away(writer, error)
        raise
    return writer.size


async def throw_away(writer: FileWriter, reason: BaseException) -> None:
    """Cancel and close a writer because of an exception; what fails in doing so becomes a note of the exception."""
    for end in (writer.cancel, writer.close):
        try:
            await end()
        except StorageError as failure:
            reason.add_note(f"throwing away what was written failed as well: {failure}")


async def copy_content(
    source: StorageDriver, path: str, destination: StorageDriver, to_path: str, *, offset: int = 0
) -> int:
    """Copy a file, between drivers too, in bounded memory. Returns the bytes copied."""
    async with source.reader(path, offset=offset) as chunks:
        return await put_stream(destination, to_path, chunks)


async def read_exactly(driver: StorageDriver, path: str, *, offset: int, length: int) -> bytes:
    """Read a range that must be there in whole.

    Raises:
        IncompleteReadError: The file ends before `offset + length`.
    """
    async with driver.reader(path, offset=offset, length=length) as chunks:
        parts = [chunk async for chunk in chunks]
    content = b"".join(parts)
    if len(content) != length:
        message = f"{len(content)} of {length} bytes from offset {offset}"
        raise IncompleteReadError(message, path=path)
    return content


def is_below(path: str, directory: str) -> bool:
    """Whether a path is the directory itself or below it: `/a` and `/a/b` for `/a`, never `/ab`."""
    return directory in {"/", path} or path.startswith(directory + "/")


# For drivers that lack an ability --------------------------------------------------------------


async def walk_by_listing(
    driver: StorageDriver, path: str, *, start_after: str | None = None
) -> AsyncIterator[FileInfo]:
    """Walk by `list` and `stat`: one listing per directory, one stat per child; byte order of the full path."""
    for key, info in await _children_in_walk_order(driver, path):
        if not info.is_dir:
            if start_after is None or key > start_after:
                yield info
        elif start_after is None or key > start_after or start_after.startswith(key):
            try:
                async for below in walk_by_listing(driver, info.path, start_after=start_after):
                    yield below
            except PathNotFoundError:  # the directory was deleted meanwhile
                continue


async def _children_in_walk_order(driver: StorageDriver, path: str) -> list[tuple[str, FileInfo]]:
    """A directory sorts by what its files' paths go on with, a slash: `-` and `.` come before it."""
    children = []
    for child in await driver.list(path):
        try:
            info = await driver.stat(child)
        except PathNotFoundError:  # deleted meanwhile
            continue
        children.append((child + "/" if info.is_dir else child, info))
    return sorted(children, key=itemgetter(0))


async def move_by_copy(driver: StorageDriver, source: str, destination: str) -> None:
    """Move by reading, writing and deleting: for a backend that can neither rename nor copy."""
    info = await driver.stat(source)
    if info.is_dir:
        raise PathNotFoundError("is a directory", path=source)
    if source == destination:
        return
    copied = await copy_content(driver, source, driver, destination)
    if copied != info.size:
        raise IncompleteReadError(f"copied {copied} of {info.size} bytes", path=source)
    await driver.delete(source)


async def delete_files_one_by_one(driver: StorageDriver, paths: Sequence[str]) -> None:
    """Delete files with one `delete` each: for a backend without a batch request.

    Since `delete` takes unfinished writes along, so does this where a file and an unfinished write share a path.
    """
    failures: dict[str, StorageError] = {}
    for path in paths:
        try:
            if not (await driver.stat(path)).is_dir:
                await driver.delete(path)
        except PathNotFoundError:
            continue
        except StorageError as error:
            failures[path] = error
    if failures:
        raise BatchDeleteError(failures)


async def no_redirect(path: str, *, method: str = "GET") -> None:
    """Redirect nothing."""
    del path, method


async def no_local_path(path: str) -> None:
    """Have no files on this machine."""
    del path


async def no_uploads(path: str) -> AsyncIterator[UploadInfo]:
    """Know no unfinished writes."""
    del path
    nothing: tuple[UploadInfo, ...] = ()
    for upload in nothing:
        yield upload


async def refuse_abort(upload: UploadInfo) -> None:
    """Refuse to abort: the driver knows no unfinished writes."""
    raise UnsupportedOperationError("this driver knows no unfinished writes", path=upload.path)


def refuse_precondition(precondition: Precondition | None) -> None:
    """Refuse any precondition."""
    if precondition is not None:
        raise UnsupportedOperationError(f"this driver can't write under {type(precondition).__name__}")


def refuse_resume_token(resume_token: str | None) -> None:
    """Refuse any resume token."""
    if resume_token is not None:
        raise UnsupportedOperationError("this driver has no resume tokens")
