"""The telemetry layer: how long operations take, how they fail, and how many bytes pass.

The histogram has the name, labels and buckets of Distribution's own and, for the operations that both have,
its label values (`registry/storage/driver/base/base.go`), so a dashboard made for the one shows the other:

    registry_storage_action_seconds{driver, action}           histogram
    registry_storage_errors_total{driver, action, error}      counter; `error` is the exception's class
    registry_storage_read_bytes_total{driver}                 counter; `get_content` and readers
    registry_storage_written_bytes_total{driver}              counter; `put_content` and writers

Actions are the contract's operations in Distribution's spelling: `GetContent`, `RedirectURL`. A stream has
several: `Reader` and `Writer` are its opening; `Read` is what a reader's chunks took together, without the
consumer's time between them; `Write`, `Commit`, `Close` and `Cancel` are a writer's calls. `Walk` and
`ListUploads` are all their steps together. Time spent waiting for the limits layer counts.

Spans bear the actions' names; reading chunks and writing them have none.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from time import perf_counter
from typing import TYPE_CHECKING, Any, Self

from holdfast.storage.layers._metrics import READ_BYTES, WRITTEN_BYTES, Action
from holdfast.storage.layers._tracing import Tracing
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter

if TYPE_CHECKING:
    from collections.abc import Coroutine, Sequence
    from types import TracebackType

    from holdfast.storage.driver import (
        Buffer,
        Chunks,
        FileInfo,
        FileWriter,
        LocalFile,
        Paths,
        Precondition,
        StorageDriver,
        UploadInfo,
    )

__all__ = ["TelemetryLayer"]


class TelemetryLayer(ForwardingDriver):
    """A driver whose operations are timed, counted and traced.

    Metrics are of the driver's name: two drivers of one name in a process add to the same.
    """

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        tracing = Tracing(inner.name)
        self._get_content = Action(tracing, "GetContent")
        self._put_content = Action(tracing, "PutContent")
        self._reading = _Reading(tracing)
        self._writer = Action(tracing, "Writer")
        self._writing = _Writing(tracing)
        self._stat = Action(tracing, "Stat")
        self._list = Action(tracing, "List")
        self._walk = Action(tracing, "Walk")
        self._move = Action(tracing, "Move")
        self._delete = Action(tracing, "Delete")
        self._delete_files = Action(tracing, "DeleteFiles")
        self._list_uploads = Action(tracing, "ListUploads")
        self._abort_upload = Action(tracing, "AbortUpload")
        self._redirect_url = Action(tracing, "RedirectURL")
        self._local_path = Action(tracing, "LocalPath")

    async def get_content(self, path: str) -> bytes:
        """Forward, timed."""
        content = await self._get_content.run(path, self.inner.get_content, path)
        self._reading.count(len(content))
        return content

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Forward, timed."""
        run = self._put_content.run
        version = await run(path, self.inner.put_content, path, content, precondition=precondition)
        self._writing.count(memoryview(content).nbytes)
        return version

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Forward; the opening is timed, and the chunks together."""
        inner = self.inner.reader(path, offset=offset, length=length)
        return _TimedReader(inner, path, self._reading)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Forward; the opening is timed, and each of the writer's calls."""
        writer = await self._writer.run(path, self.inner.writer, path, append=append, resume_token=resume_token)
        return _TimedWriter(writer, path, self._writing)

    def stat(self, path: str) -> Coroutine[Any, Any, FileInfo]:
        """Forward, timed."""
        return self._stat.run(path, self.inner.stat, path)

    def list(
        self, path: str, *, start_after: str | None = None, limit: int | None = None
    ) -> Coroutine[Any, Any, Paths]:
        """Forward, timed."""
        return self._list.run(path, self.inner.list, path, start_after=start_after, limit=limit)

    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Forward; the steps are timed together."""
        return self._walk.steps(path, self.inner.walk(path, start_after=start_after))

    def move(self, source: str, destination: str) -> Coroutine[Any, Any, None]:
        """Forward, timed."""
        return self._move.run(source, self.inner.move, source, destination)

    def delete(self, path: str) -> Coroutine[Any, Any, None]:
        """Forward, timed."""
        return self._delete.run(path, self.inner.delete, path)

    def delete_files(self, paths: Sequence[str]) -> Coroutine[Any, Any, None]:
        """Forward, timed; a batch is one action, traced with its first path."""
        return self._delete_files.run(paths[0] if paths else "", self.inner.delete_files, paths)

    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Forward; the steps are timed together."""
        return self._list_uploads.steps(path, self.inner.list_uploads(path))

    def abort_upload(self, upload: UploadInfo) -> Coroutine[Any, Any, None]:
        """Forward, timed."""
        return self._abort_upload.run(upload.path, self.inner.abort_upload, upload)

    def redirect_url(self, path: str, *, method: str = "GET") -> Coroutine[Any, Any, str | None]:
        """Forward, timed."""
        return self._redirect_url.run(path, self.inner.redirect_url, path, method=method)

    def local_path(self, path: str) -> Coroutine[Any, Any, LocalFile | None]:
        """Forward, timed."""
        return self._local_path.run(path, self.inner.local_path, path)


class _Reading:
    """What readers share: their actions and the count of bytes."""

    __slots__ = ("count", "open", "read")

    def __init__(self, tracing: Tracing) -> None:
        self.open = Action(tracing, "Reader")
        self.read = Action(tracing, "Read")
        self.count = READ_BYTES.labels(tracing.driver).inc


class _TimedReader(AbstractAsyncContextManager[AsyncIterator[bytes]], AsyncIterator[bytes]):
    def __init__(self, inner: Chunks, path: str, reading: _Reading) -> None:
        self._inner = inner
        self._path = path
        self._reading = reading
        self._seconds = 0.0

    async def __aenter__(self) -> AsyncIterator[bytes]:
        self._chunks = await self._reading.open.run(self._path, self._inner.__aenter__)
        return self

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        start = perf_counter()
        try:
            chunk = await anext(self._chunks, None)
        except Exception as error:
            self._reading.read.failed(error)
            raise
        finally:
            self._seconds += perf_counter() - start
        if chunk is None:
            raise StopAsyncIteration
        self._reading.count(len(chunk))
        return chunk

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool | None:
        self._reading.read.took(self._seconds)
        return await self._inner.__aexit__(kind, error, traceback)


class _Writing:
    """What writers share: their actions and the count of bytes."""

    __slots__ = ("cancel", "close", "commit", "count", "write")

    def __init__(self, tracing: Tracing) -> None:
        self.write = Action(tracing, "Write")
        self.close = Action(tracing, "Close")
        self.commit = Action(tracing, "Commit")
        self.cancel = Action(tracing, "Cancel")
        self.count = WRITTEN_BYTES.labels(tracing.driver).inc


class _TimedWriter(ForwardingWriter):
    def __init__(self, inner: FileWriter, path: str, writing: _Writing) -> None:
        super().__init__(inner)
        self._path = path
        self._writing = writing

    async def write(self, data: Buffer) -> None:
        start = perf_counter()
        try:
            await self.inner.write(data)
        except Exception as error:
            self._writing.write.failed(error)
            raise
        finally:
            self._writing.write.took(perf_counter() - start)
        self._writing.count(memoryview(data).nbytes)

    def close(self) -> Coroutine[Any, Any, None]:
        return self._writing.close.run(self._path, self.inner.close)

    def commit(self) -> Coroutine[Any, Any, None]:
        return self._writing.commit.run(self._path, self.inner.commit)

    def cancel(self) -> Coroutine[Any, Any, None]:
        return self._writing.cancel.run(self._path, self.inner.cancel)
