"""The driver: every method of the contract, waited for."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from anyio.from_thread import start_blocking_portal

from holdfast.storage import factory
from holdfast.storage.blocking._files import RawReader, RawWriter, ReadingFile, WritingFile
from holdfast.storage.errors import StorageError
from holdfast.storage.layers._iterators import close_iterator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

    from anyio.from_thread import BlockingPortal

    from holdfast.storage.driver import (
        Buffer,
        Capabilities,
        FileInfo,
        LocalFile,
        Paths,
        Precondition,
        StorageDriver,
        UploadInfo,
    )

__all__ = ["BlockingDriver", "create", "wrap"]

T = TypeVar("T")

_ITEMS_AT_A_TIME = 256
"""How many of an iterator's items cross from the loop's thread at once: a crossing costs as much as many steps."""


@contextmanager
def create(
    name: str,
    parameters: Mapping[str, Any] | None = None,
    *,
    middleware: Iterable[tuple[str, Mapping[str, Any]]] = (),
) -> Iterator[BlockingDriver]:
    """Make a driver as `holdfast.storage.create` does, for a `with` block: it is closed on leaving.

    Raises:
        ConfigurationError: As `holdfast.storage.create`, before any thread is started.
    """
    with wrap(factory.create(name, parameters, middleware=middleware)) as driver:
        yield driver


@contextmanager
def wrap(driver: StorageDriver) -> Iterator[BlockingDriver]:
    """Run a driver, best one made by `holdfast.storage.create`, for a `with` block: it is closed on leaving.

    Files still open are closed first, and what was being written to them is thrown away.
    """
    with start_blocking_portal(name="holdfast-storage") as portal, ExitStack() as stack:
        stack.callback(portal.call, driver.aclose)
        blocking = BlockingDriver(driver, portal)
        stack.callback(blocking.close_streams)
        yield blocking


class BlockingDriver:
    """A driver whose methods wait. Made by `create` and `wrap`; for what each does, see `StorageDriver`.

    Any thread may call any method; a file or iterator is for one thread at a time.
    """

    def __init__(self, driver: StorageDriver, portal: BlockingPortal) -> None:
        self._driver = driver
        self._portal = portal
        self._files: set[RawReader | RawWriter] = set()
        self._iterators: set[AsyncIterator[Any]] = set()

    def __repr__(self) -> str:
        """`BlockingDriver(ChecksLayer(...))`."""
        return f"{type(self).__name__}({self._driver!r})"

    @property
    def name(self) -> str:
        """The driver's registered name."""
        return self._driver.name

    @property
    def capabilities(self) -> Capabilities:
        """What the driver can do."""
        return self._driver.capabilities

    @overload
    def open(self, path: str, mode: Literal["rb"] = "rb", *, offset: int = 0) -> ReadingFile: ...

    @overload
    def open(self, path: str, mode: Literal["wb", "ab"]) -> WritingFile: ...

    def open(self, path: str, mode: str = "rb", *, offset: int = 0) -> ReadingFile | WritingFile:
        """Open a file, as Python's `open` does, binary and buffered; for text, put `io.TextIOWrapper` around it.

        Behaviour:
            - `rb` reads from `offset` on, and seeks; each seek to elsewhere opens the content anew, as it is then.
            - `wb` starts anew; `ab` continues the unfinished write, or else the committed content. Nothing shows at
              the path before the file is closed, and nothing ever does if the `with` block raises: then what
              was written is thrown away, with `ab` the unfinished write that it continued included.

        Raises:
            PathNotFoundError: There is nothing to read, or to append to.
            ValueError: Another mode, or an offset to write at.
        """
        if mode not in {"rb", "wb", "ab"} or (offset and mode != "rb"):
            raise ValueError(f"a mode is 'rb', 'wb' or 'ab', and an offset goes with 'rb': {mode!r}, {offset}")
        if mode == "rb":
            return ReadingFile(RawReader(self._driver, self._portal, path, offset=offset, opened=self._files))
        return WritingFile(RawWriter(self._driver, self._portal, path, append=mode == "ab", opened=self._files))

    def get_content(self, path: str) -> bytes:
        """Wait for `StorageDriver.get_content`."""
        return self._portal.call(self._driver.get_content, path)

    def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Wait for `StorageDriver.put_content`."""
        return self._portal.call(partial(self._driver.put_content, path, content, precondition=precondition))

    def stat(self, path: str) -> FileInfo:
        """Wait for `StorageDriver.stat`."""
        return self._portal.call(self._driver.stat, path)

    def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """Wait for `StorageDriver.list`."""
        return self._portal.call(partial(self._driver.list, path, start_after=start_after, limit=limit))

    def walk(self, path: str, *, start_after: str | None = None) -> Iterator[FileInfo]:
        """Iterate over `StorageDriver.walk`, which may run some hundred files ahead."""
        return self._iterate(partial(self._driver.walk, path, start_after=start_after))

    def move(self, source: str, destination: str) -> None:
        """Wait for `StorageDriver.move`."""
        self._portal.call(self._driver.move, source, destination)

    def delete(self, path: str) -> None:
        """Wait for `StorageDriver.delete`."""
        self._portal.call(self._driver.delete, path)

    def delete_files(self, paths: Sequence[str]) -> None:
        """Wait for `StorageDriver.delete_files`."""
        self._portal.call(self._driver.delete_files, paths)

    def list_uploads(self, path: str) -> Iterator[UploadInfo]:
        """Iterate over `StorageDriver.list_uploads`, which may run some hundred uploads ahead."""
        return self._iterate(partial(self._driver.list_uploads, path))

    def abort_upload(self, upload: UploadInfo) -> None:
        """Wait for `StorageDriver.abort_upload`."""
        self._portal.call(self._driver.abort_upload, upload)

    def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Wait for `StorageDriver.redirect_url`."""
        return self._portal.call(partial(self._driver.redirect_url, path, method=method))

    def local_path(self, path: str) -> LocalFile | None:
        """Wait for `StorageDriver.local_path`."""
        return self._portal.call(self._driver.local_path, path)

    def close_streams(self) -> None:
        """Close what is still open: files, of which those being written are thrown away, and iterators."""
        with ExitStack() as stack:
            for file in tuple(self._files):
                stack.callback(file.abandon)
            for iterator in tuple(self._iterators):
                stack.callback(self._close_iterator, iterator)

    def _iterate(self, make: Callable[[], AsyncIterator[T]]) -> Iterator[T]:
        iterator = self._portal.call(make)
        self._iterators.add(iterator)
        try:
            while True:
                items, error = self._portal.call(_take, iterator)
                yield from items
                if error is not None:
                    raise error
                if not items:
                    return
        finally:
            self._close_iterator(iterator)

    def _close_iterator(self, iterator: AsyncIterator[Any]) -> None:
        if iterator in self._iterators:
            self._iterators.discard(iterator)
            self._portal.call(close_iterator, iterator)


async def _take(iterator: AsyncIterator[T]) -> tuple[list[T], StorageError | None]:
    """Some items, and the error that came after them; no items and no error at the end."""
    items: list[T] = []
    try:
        async for item in iterator:
            items.append(item)
            if len(items) == _ITEMS_AT_A_TIME:
                break
    except StorageError as error:
        return items, error
    return items, None
