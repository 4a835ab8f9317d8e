"""A driver made of a dict, that records its calls and fails or waits when told: what layers are tested against."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from holdfast.storage import ops
from holdfast.storage.driver import (
    Buffer,
    Capabilities,
    FileInfo,
    FileWriter,
    LocalFile,
    Paths,
    Precondition,
    StorageDriver,
    UploadInfo,
)
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.options import DriverOptions

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Sequence

    from holdfast.storage.driver import Chunks

__all__ = ["ABLE", "Script", "ScriptedDriver", "ScriptedWriter", "drain", "read_through"]

ABLE = Capabilities(
    put_create_only=True,
    put_match_version=True,
    write_resume_token=True,
    list_uploads=True,
    redirect_get=True,
    redirect_head=True,
    local_path=True,
    exclusive_names=True,
)
"""Everything there is."""


async def drain(iterator: AsyncIterator[object]) -> None:
    """Steps an iterator to its end."""
    async for _ in iterator:
        pass


async def read_through(chunks: Chunks) -> None:
    """Opens a reader and reads it to its end."""
    async with chunks as opened:
        await drain(opened)


@dataclass
class Script:
    """What a `ScriptedDriver` is to do, and what it did.

    Attributes:
        fail: Operation to the exception that it raises.
        hold: Operation to the event that it waits for.
        calls: The operations that arrived, in order.
        running: How many are running, and `most` the most that ever were.
        chunk: How many bytes a reader yields at once.
    """

    fail: dict[str, BaseException] = field(default_factory=dict)
    hold: dict[str, asyncio.Event] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    running: int = 0
    most: int = 0
    chunk: int = 4

    async def play(self, op: str) -> None:
        """Record an operation, wait and fail as told."""
        self.calls.append(op)
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if op in self.hold:
                await self.hold[op].wait()
            if op in self.fail:
                raise self.fail[op]
        finally:
            self.running -= 1


class ScriptedWriter(FileWriter):
    """A writer into the dict."""

    def __init__(self, driver: ScriptedDriver, path: str, content: bytes) -> None:
        self.driver = driver
        self.path = path
        self.content = content

    async def write(self, data: Buffer) -> None:
        """Keep the data."""
        await self.driver.script.play("write")
        self.content += bytes(data)

    @property
    def size(self) -> int:
        """The bytes so far."""
        return len(self.content)

    @property
    def resume_token(self) -> str | None:
        """Always the same."""
        return "token"

    async def close(self) -> None:
        """Keep what was written as unfinished."""
        await self.driver.script.play("close")
        self.driver.uploads[self.path] = self.content

    async def commit(self) -> None:
        """Put it into the dict."""
        await self.driver.script.play("commit")
        self.driver.uploads.pop(self.path, None)
        self.driver.files[self.path] = self.content

    async def cancel(self) -> None:
        """Forget it."""
        await self.driver.script.play("cancel")
        self.driver.uploads.pop(self.path, None)


class ScriptedDriver(StorageDriver):
    """Files in a dict, unfinished writes in another."""

    Options = DriverOptions

    def __init__(
        self, options: DriverOptions | None = None, *, name: str = "scripted", capabilities: Capabilities = ABLE
    ) -> None:
        del options
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytes] = {}
        self.script = Script()
        self.closed = 0
        self.readers_closed: list[BaseException | None] = []
        self._name = name
        self._capabilities = capabilities

    @property
    def name(self) -> str:
        """As it was made."""
        return self._name

    @property
    def capabilities(self) -> Capabilities:
        """As it was made."""
        return self._capabilities

    async def get_content(self, path: str) -> bytes:
        """Look it up."""
        await self.script.play("get_content")
        return self._content(path)

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Keep it."""
        del precondition
        await self.script.play("put_content")
        self.files[path] = bytes(content)
        return "1"

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield it in small chunks; record what its body left with."""
        await self.script.play("reader")
        content = self._content(path)[offset:][:length]
        left_with: BaseException | None = None
        try:
            yield self._chunks(content)
        except BaseException as error:
            left_with = error
            raise
        finally:
            self.readers_closed.append(left_with)
            await self.script.play("reader_exit")

    async def _chunks(self, content: bytes) -> AsyncIterator[bytes]:
        for start in range(0, len(content), self.script.chunk):
            await self.script.play("chunk")
            yield content[start : start + self.script.chunk]

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Continue what is there, or start anew."""
        del resume_token
        await self.script.play("writer")
        found = self.uploads.get(path, self.files.get(path))
        if append and found is None:
            raise PathNotFoundError(path=path)
        return ScriptedWriter(self, path, found if append and found is not None else b"")

    async def stat(self, path: str) -> FileInfo:
        """Describe a file, or a directory that files are below."""
        await self.script.play("stat")
        if path in self.files:
            return FileInfo(path=path, size=len(self.files[path]))
        if path == "/" or any(ops.is_below(file, path) for file in self.files):
            return FileInfo(path=path, size=0, is_dir=True)
        raise PathNotFoundError

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """List by cutting the files' paths."""
        await self.script.play("list")
        prefix = path.rstrip("/") + "/"
        children = {prefix + file[len(prefix) :].split("/")[0] for file in self.files if file.startswith(prefix)}
        if not children and path != "/":
            raise PathNotFoundError
        return [child for child in sorted(children) if start_after is None or child > start_after][:limit]

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Yield the sorted files."""
        for file in sorted(self.files):
            await self.script.play("walk")
            if file != path and ops.is_below(file, path) and (start_after is None or file > start_after):
                yield FileInfo(path=file, size=len(self.files[file]))

    async def move(self, source: str, destination: str) -> None:
        """Rename."""
        await self.script.play("move")
        self.files[destination] = self._content(source)
        if source != destination:
            del self.files[source]

    async def delete(self, path: str) -> None:
        """Forget everything below."""
        await self.script.play("delete")
        below = [file for file in self.files if ops.is_below(file, path)]
        if not below:
            raise PathNotFoundError
        for file in below:
            del self.files[file]

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Forget each."""
        await self.script.play("delete_files")
        for path in paths:
            self.files.pop(path, None)

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Yield the unfinished writes."""
        for upload in list(self.uploads):
            await self.script.play("list_uploads")
            if ops.is_below(upload, path):
                yield UploadInfo(path=upload, upload_id="1")

    async def abort_upload(self, upload: UploadInfo) -> None:
        """Forget it."""
        await self.script.play("abort_upload")
        self.uploads.pop(upload.path, None)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Make a URL up."""
        await self.script.play("redirect_url")
        return f"https://example.invalid{path}?{method}"

    async def local_path(self, path: str) -> LocalFile | None:
        """Make a path up."""
        await self.script.play("local_path")
        return LocalFile("/srv" + path, len(self._content(path)))

    async def aclose(self) -> None:
        """Count."""
        await self.script.play("aclose")
        self.closed += 1

    def _content(self, path: str) -> bytes:
        if path not in self.files:
            raise PathNotFoundError
        return self.files[path]
