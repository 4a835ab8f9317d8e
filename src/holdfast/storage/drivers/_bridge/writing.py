"""Making content whole: at once in a flat backend, beside its place and then renamed in a tree.

In a tree the directory of a file is made before the file, and removed after the last one in it. Both may meet: then
the directory is made again. A directory is removed only where that can't take with it what somebody else has just put
there.
"""

from __future__ import annotations

import secrets
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

import structlog

from holdfast.storage.drivers._bridge.names import RESERVED, beside, path_of, paths_of
from holdfast.storage.drivers._tasks import together, whole
from holdfast.storage.errors import (
    InvalidPathError,
    PathNotFoundError,
    StorageError,
    StorageFullError,
    StorageUnavailableError,
)

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping

    from holdfast.storage.drivers._bridge.backend import Backend
    from holdfast.storage.drivers._bridge.listing import Listings

__all__ = ["Writing", "one_chunk"]

_AT_ONCE: Final = 16
_TRIES: Final = 20
"""How often a directory is made again because whoever deleted its last file removed it."""

_log = structlog.get_logger(__name__)


async def one_chunk(content: bytes) -> AsyncGenerator[bytes]:
    """Content that is in memory, as a stream."""
    if content:
        yield content


class Writing:
    """Writes, renames and removes files of one backend.

    Args:
        backend: Where they are.
        listings: Tell what is in a directory.
    """

    def __init__(self, backend: Backend, listings: Listings) -> None:
        self._backend = backend
        self._listings = listings
        self._traits = backend.traits
        self._path = paths_of(backend.traits)

    async def write(
        self, key: str, chunks: Callable[[], AsyncGenerator[bytes]], *, size: int, create_only: bool = False
    ) -> None:
        """Make a stream the content of a key. Once begun it is done as a whole, or fails.

        Args:
            key: Where it goes.
            chunks: Begins the stream; again, where it has to be sent again.
            size: Its length.
            create_only: Only where nothing is.

        Raises:
            InvalidPathError: In a tree: the path, or a part of it, is taken by the other kind.
            StorageFullError: It is larger than the backend takes in one piece.
        """
        if self._traits.max_piece is not None and size > self._traits.max_piece:
            raise StorageFullError(f"this backend takes one piece of {self._traits.max_piece} bytes at most")
        if not self._traits.tree:
            await whole(self._save_once(key, chunks, size, create_only=create_only))
        elif self._traits.rename:
            await whole(self._write_beside(key, chunks, size))
        else:
            await whole(self._write_in_place(key, chunks, size))

    async def write_part(self, key: str, content: bytes) -> None:
        """Write what nobody reads before it is known to be there; its directory is made, if it is missing."""
        await whole(self._save(self._path(key), lambda: one_chunk(content), len(content)))

    async def rename(self, source: str, key: str) -> None:
        """Rename a file of a tree over what is at a key.

        Raises:
            PathNotFoundError: The source isn't there.
            InvalidPathError: The path, or a part of it, is taken by the other kind.
        """
        await whole(self._rename(source, key))

    async def require_name(self, key: str) -> None:
        """In a tree: refuse a key that is a directory's, or below a file.

        Raises:
            InvalidPathError: It is.
        """
        directory = key.rpartition("/")[0]
        while directory:
            try:
                entry = await self._backend.stat(path_of(directory))
            except PathNotFoundError:
                directory = directory.rpartition("/")[0]
                continue
            if not entry.is_dir:
                raise InvalidPathError(f"{directory} is a file")
            break
        await self._require_no_directory(key)

    async def remove(self, key: str) -> None:
        """Delete a file, and in a tree the directories that are left empty."""
        if not self._traits.tree:
            await self._backend.remove(key)
            return
        await whole(self._remove(path_of(key)))

    async def remove_all(self, keys: Iterable[str]) -> Mapping[str, StorageError]:
        """Delete many files, some at a time, and return those that couldn't be, with why."""
        failures: dict[str, StorageError] = {}
        paths = [(key, self._path(key)) for key in keys]
        left = iter(paths)
        try:
            await together(*(self._remove_from(left, failures) for _ in range(min(_AT_ONCE, len(paths)))))
        finally:
            if self._traits.tree:
                await whole(self._prune_all({path.rpartition("/")[0] for _, path in paths}))
        return failures

    # How ------------------------------------------------------------------------------------------

    async def _write_beside(self, key: str, chunks: Callable[[], AsyncGenerator[bytes]], size: int) -> None:
        path = path_of(beside(key, secrets.token_hex(16)))
        try:
            await self._save(path, chunks, size)
            await self._require_size(path, size)
            await self._place(path, key)
        except PathNotFoundError as error:
            raise StorageUnavailableError("what was written was thrown away meanwhile") from error
        except BaseException as error:
            try:
                await self._backend.remove(path)
            except StorageError as failure:
                error.add_note(f"removing what was written failed as well: {failure}")
            raise

    async def _require_size(self, path: str, size: int) -> None:
        """See to it that all was written: some libraries pass over what goes wrong when a file is closed."""
        written = (await self._backend.stat(path)).size
        if written != size:
            raise StorageUnavailableError(f"{written} of {size} bytes were written")

    async def _write_in_place(self, key: str, chunks: Callable[[], AsyncGenerator[bytes]], size: int) -> None:
        if not key.startswith(RESERVED):
            await self.require_name(key)
        await self._save(path_of(key), chunks, size)

    async def _save(self, path: str, chunks: Callable[[], AsyncGenerator[bytes]], size: int) -> None:
        missing: PathNotFoundError | None = None
        for _ in range(_TRIES):
            try:
                await self._save_once(path, chunks, size)
            except PathNotFoundError as error:
                missing = error
            else:
                return
            if not self._traits.tree:
                raise missing
            try:
                await self._make(path.rpartition("/")[0])
            except PathNotFoundError as error:
                missing = error
        raise StorageUnavailableError("its directory is removed again and again") from missing

    async def _save_once(
        self, path: str, chunks: Callable[[], AsyncGenerator[bytes]], size: int, *, create_only: bool = False
    ) -> None:
        async with aclosing(chunks()) as stream:
            await self._backend.save(path, stream, size=size, create_only=create_only)

    async def _place(self, path: str, key: str) -> None:
        """Rename a file to where a key's is; that it isn't there itself is `PathNotFoundError`."""
        target = path_of(key)
        missing: PathNotFoundError | None = None
        for _ in range(_TRIES):
            try:
                await self._make(target.rpartition("/")[0])
                if not key.startswith(RESERVED):
                    await self._require_no_directory(key)
                await self._backend.rename(path, target)
            except PathNotFoundError as error:
                missing = error
            else:
                return
            await self._backend.stat(path)  # it is the directory that wasn't there
        raise StorageUnavailableError("its directory is removed again and again") from missing

    async def _rename(self, source: str, key: str) -> None:
        path = path_of(source)
        await self._place(path, key)
        await self._prune(path)

    async def _make(self, directory: str) -> None:
        """See to it that a directory is there, and all above it."""
        if directory:
            try:
                entry = await self._backend.stat(directory)
            except PathNotFoundError:
                await self._make(directory.rpartition("/")[0])
            else:
                if not entry.is_dir:
                    raise InvalidPathError(f"{directory} is a file")
                return
        await self._backend.make_directory(directory)

    async def _require_no_directory(self, key: str) -> None:
        try:
            entry = await self._backend.stat(path_of(key))
        except PathNotFoundError:
            return
        if not entry.is_dir:
            return
        if await self._listings.any_below(f"{key}/"):
            raise InvalidPathError("is a directory")
        # Nothing is in it: it is left from something that was interrupted, and no name is taken by it.
        if not (self._traits.removes_empty and await self._backend.remove_directory(key)):
            raise InvalidPathError("an empty directory is there, and this backend can't remove it safely")

    async def _remove(self, path: str) -> None:
        await self._backend.remove(path)
        await self._prune(path)

    async def _prune_all(self, directories: set[str]) -> None:
        for directory in sorted(directories, key=len, reverse=True):
            await self._prune(f"{directory}/")

    async def _prune(self, path: str) -> None:
        """Remove the directories above a path that are empty."""
        if not self._traits.removes_empty:
            return
        directory = path.rpartition("/")[0]
        while directory and directory != RESERVED.rstrip("/"):
            try:
                gone = await self._backend.remove_directory(directory)
            except StorageError as error:  # what was to be done is done: an empty directory shows nowhere
                _log.warning("an empty directory couldn't be removed", directory=directory, error=str(error))
                return
            if not gone:
                return
            directory = directory.rpartition("/")[0]

    async def _remove_from(self, left: Iterator[tuple[str, str]], failures: dict[str, StorageError]) -> None:
        for key, path in left:
            try:
                await self._backend.remove(path)
            except StorageError as error:
                failures[key] = error
