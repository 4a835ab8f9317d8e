"""The storage contract: what every driver does, and nothing that a driver inherits.

`StorageDriver` and `FileWriter` follow the Docker Registry's storage driver model
(https://distribution.github.io/distribution/storage-drivers/). Every method is abstract: a wrapper can't
lose one by forgetting it. Ready-made bodies for optional abilities, and everything that can be said in
terms of the contract, are functions in `holdfast.storage.ops`.

Paths reach a driver validated, offsets are not negative, and a call whose capability is missing never
arrives: `holdfast.storage.create` puts those checks in front of every driver.

Files and directories: a directory exists exactly as long as a file is below it. A method that wants a
file treats a directory as absent, and the other way round. Where `Capabilities.exclusive_names` doesn't hold, as on
object stores, a path can be both: it has content, `stat` describes the file, and what is below it is listed and walked.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

import msgspec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

__all__ = [
    "MAX_CHUNK_BYTES",
    "Buffer",
    "Capabilities",
    "Chunks",
    "CreateOnly",
    "FileInfo",
    "FileWriter",
    "LocalFile",
    "MatchVersion",
    "Paths",
    "Precondition",
    "StorageDriver",
    "UploadInfo",
]

Buffer: TypeAlias = bytes | bytearray | memoryview
"""Content handed to a driver. A driver that keeps a mutable one past the call's return copies it first."""

MAX_CHUNK_BYTES = 8 * 1024 * 1024
"""The largest chunk a reader yields: what a consumer must be ready to hold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a driver can do, as data: ask the composed stack, never the type.

    Names are `<operation>_<quality>`. A middleware changes the fields that it changes the truth of, and
    passes on the others.
    """

    put_create_only: bool = False
    """`put_content` takes `CreateOnly`."""
    put_match_version: bool = False
    """`put_content` takes `MatchVersion`, and `stat` and `put_content` tell versions."""
    write_resume_token: bool = False
    """A closed writer tells a resume token, and `writer` takes it."""
    write_max_bytes: int | None = None
    """The largest file, in bytes; `None` where only space limits it."""
    list_uploads: bool = False
    """`list_uploads` and `abort_upload` know unfinished writes."""
    redirect_get: bool = False
    """`redirect_url` may answer for `GET`."""
    redirect_head: bool = False
    """`redirect_url` may answer for `HEAD`."""
    local_path: bool = False
    """`local_path` tells where a file lies on this machine."""
    local_path_cached: bool = False
    """`local_path` tells where copies of some files lie on this machine, and is `None` for all others."""
    exclusive_names: bool = False
    """A path is a file or a directory: writing below the one or over the other is `InvalidPathError`."""
    shared: bool = False
    """Another process given the same parameters sees the same files and unfinished writes."""
    object_prefix: str | None = field(default=None, compare=False)
    """Whoever reads the backend itself finds a file's content there: that of `/a/b` under the key `<prefix>a/b`.

    An object's key in its bucket, a file's path in the root directory. `None` where content has no such name, or isn't
    there as it is: compressed, encrypted. It is a fact about the configuration, so it doesn't count in comparisons.
    """


class FileInfo(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a path.

    One is made for every `stat` and for every file of a walk, and a dataclass takes ten times as long to be made.

    Attributes:
        path: The full path.
        size: Bytes of content; 0 for a directory.
        modified: When the content was last written, aware, UTC. For a directory, or where the backend
            doesn't tell, `None`.
        is_dir: Whether it is a directory.
        version: An opaque string that changes with the content, where `put_match_version` holds.
    """

    path: str
    size: int
    modified: datetime | None = None
    is_dir: bool = False
    version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadInfo:
    """An unfinished write: bytes that take space and that no path shows.

    Attributes:
        path: The path it would be committed to; where that isn't known any more, another one in the same directory.
        upload_id: The backend's name for it, unique together with the path.
        started: When it began, or when it last grew where only that is known; aware, UTC.
        size: Bytes so far, or `None` where the backend doesn't tell.
    """

    path: str
    upload_id: str
    started: datetime | None = None
    size: int | None = None


class LocalFile(NamedTuple):
    """A file on this machine, as it was when asked for."""

    path: str
    """Absolute path in the machine's own filesystem."""
    size: int
    """Bytes of content."""


@dataclass(frozen=True, slots=True)
class CreateOnly:
    """Write only where nothing is."""


@dataclass(frozen=True, slots=True)
class MatchVersion:
    """Write only over this version, as `stat` or `put_content` told it."""

    version: str


Precondition: TypeAlias = CreateOnly | MatchVersion

Chunks: TypeAlias = "AbstractAsyncContextManager[AsyncIterator[bytes]]"
"""An open reader: entering it opens, leaving it closes, whatever was or wasn't read."""

Paths: TypeAlias = list[str]
"""What `StorageDriver.list` returns; the method's own name hides `list` within the class."""


class FileWriter(ABC):
    """Content on its way to a path. `close`, `commit` and `cancel` are three different things.

    A writer is used by one task at a time. After `close`, `commit` or `cancel` every method but `size` and
    `resume_token` raises `WriterClosedError`, except that `close` may be repeated and may follow either of
    the others: it is what a `finally` calls.
    """

    @abstractmethod
    async def write(self, data: Buffer) -> None:
        """Append `data`, of any length, 0 included.

        Behaviour:
            - Bounded memory: it returns when the driver can take more, not when the bytes are stored.
            - An error of an earlier write may be raised here, by `close` or by `commit`.
            - After an error the writer can only be closed or cancelled.

        Raises:
            WriteConflictError: Another writer has replaced this unfinished write.
            StorageFullError: No space is left.
            WriterClosedError: The writer is closed.
        """

    @property
    @abstractmethod
    def size(self) -> int:
        """Bytes accepted so far, those of earlier writers that this one continues included."""

    @property
    @abstractmethod
    def resume_token(self) -> str | None:
        """After `close`: an opaque string of at most 2,048 printable ASCII characters, or `None`.

        Handed to `StorageDriver.writer` with `append=True`, it lets another process continue this write without
        searching for it. `None` where `write_resume_token` doesn't hold, and after `commit` and `cancel`.
        """

    @abstractmethod
    async def close(self) -> None:
        """Keep what was written, invisible, so that a later writer can append to it.

        Behaviour:
            - All bytes accepted by `write` are with the backend when it returns; if there are none, an empty
              unfinished write is there to be continued.
            - The path shows what it showed before: nothing, or the content committed earlier.
            - Idempotent; after `commit` or `cancel` it does nothing.
        """

    @abstractmethod
    async def commit(self) -> None:
        """Make what was written the content of the path, at once and durably, then close.

        Behaviour:
            - A reader sees the whole old or the whole new content.
            - No bytes written: the path is an empty file.
            - Fails: the path shows what it showed before; the write can be continued or aborted.

        Raises:
            WriteConflictError: Another writer has replaced this unfinished write; its content is untouched.
        """

    @abstractmethod
    async def cancel(self) -> None:
        """Throw away what was written, earlier writers' part included, then close.

        Behaviour:
            - The path shows what it showed before this write began.
            - Nothing is left behind that `list_uploads` would find. After `commit` it raises `WriterClosedError`.
        """


class StorageDriver(ABC):
    """Files by path, on some backend. See the module's text for what all methods share."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The driver's registered name, such as `filesystem`."""

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this driver, as configured and wrapped, can do. Constant for its lifetime."""

    @abstractmethod
    async def get_content(self, path: str) -> bytes:
        """Return a file's whole content; for small files, since all of it is held in memory.

        Raises:
            PathNotFoundError: Nothing, or a directory, is at the path.
        """

    @abstractmethod
    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Make `content` the content of the path, atomically and durably.

        Requires:
            `put_create_only` or `put_match_version` for the respective precondition.

        Behaviour:
            - A reader sees the old or the new content whole, never a part; existing content is replaced.
            - Missing parent directories come into being.
            - It leaves unfinished writes to the path alone.
            - Fails: nothing is left behind, the old content stands.

        Returns:
            The new version where `put_match_version` holds, otherwise `None`.

        Raises:
            PreconditionFailedError: `CreateOnly` met content, or the version is another one (none, if missing).
            InvalidPathError: `exclusive_names`, and the path, or a part of it, is taken by the other kind.
        """

    @abstractmethod
    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Open a file for streaming: `async with driver.reader(path) as chunks: async for chunk in chunks: ...`.

        Behaviour:
            - Yields non-empty chunks of at most `MAX_CHUNK_BYTES`, from `offset` on, `length` bytes or to the end.
            - An offset at or past the end, or a length of 0, yields nothing; a length past the end ends at the end.
            - The content is that of one moment: a replacement while reading doesn't mix in.
            - Memory is bounded whatever the file's size. Leaving early frees everything.

        Raises:
            PathNotFoundError: On entering: nothing, or a directory, is at the path, even if nothing is to be yielded.
            IncompleteReadError: The content ended before the size it had when opened.
        """

    @abstractmethod
    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Open a path for writing; nothing shows at the path before `FileWriter.commit`.

        Requires:
            `write_resume_token` for `resume_token`.

        Behaviour:
            - `append=False`: starts anew, and discards an unfinished write to the path.
            - `append=True`: continues the unfinished write, of this process or (`shared`) another; where there
              is none, continues from the committed content, which stands until the commit.
            - At most one unfinished write exists per path, and one writer holds it. Paths at which only
              unfinished writes are take no names: content may be put above and below them.

        Raises:
            PathNotFoundError: `append=True`, and neither an unfinished write nor content is there.
            WriteConflictError: Another writer is open on this path, where the driver can tell.
            InvalidResumeTokenError: The token isn't of this driver, path and unfinished write.
            InvalidPathError: `exclusive_names`, and the path, or a part of it, is taken by the other kind.
        """

    @abstractmethod
    async def stat(self, path: str) -> FileInfo:
        """Describe a file or directory. `/` exists always.

        Raises:
            PathNotFoundError: Nothing is at the path.
        """

    @abstractmethod
    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """List the full paths of a directory's direct children, files and directories, in byte order.

        Behaviour:
            - `start_after` is a child's full path (it need not exist): only greater ones are listed.
            - `limit`: at most so many, the first ones.
            - `/` in an empty store is an empty list.

        Raises:
            PathNotFoundError: Nothing, or a file, is at the path.
        """

    @abstractmethod
    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Yield every file below a directory, at any depth, in byte order of the full path.

        Behaviour:
            - Byte order of the whole path: `/a-b`, `/a.b`, `/a/b`, since `-` < `.` < `/`.
            - `start_after` is any string: only files with greater paths are yielded, and what is before isn't
              read where the backend allows.
            - A file made or deleted meanwhile may or may not be seen; all others are, once.
            - Bounded memory: at most one directory's or page's names per level.

        Raises:
            PathNotFoundError: Nothing, or a file, is at the path (`/` is always there).
        """

    @abstractmethod
    async def move(self, source: str, destination: str) -> None:
        """Make a file's content that of another path, replacing what is there, and remove the source.

        Behaviour:
            - The destination shows the whole old or the whole new content; an error leaves the source in place.
            - Moving a path to itself changes nothing.

        Raises:
            PathNotFoundError: Nothing, or a directory, is at the source.
            InvalidPathError: `exclusive_names`, and the destination, or a part of it, is taken by the other kind.
        """

    @abstractmethod
    async def delete(self, path: str) -> None:
        """Delete a file, or a directory with everything below it: `/a` and `/a/b`, never `/ab`.

        Behaviour:
            - Unfinished writes at and below the path go too.
            - Directories left empty disappear. `/` empties the store.

        Raises:
            PathNotFoundError: Neither a file, a directory nor an unfinished write is at or below the path.
        """

    @abstractmethod
    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete many files, in as few requests as the backend allows. Missing ones are no error.

        Directories aren't deleted: their path counts as missing. Unfinished writes stay.

        Raises:
            BatchDeleteError: Some couldn't be deleted; it names them. All others are gone.
        """

    @abstractmethod
    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Yield the unfinished writes at and below a path, those of dead processes included; any order.

        Requires:
            `list_uploads`.

        Behaviour:
            - Nothing there: yields nothing.
            - On a driver with `shared`, those that another process is writing just now are among them: look at
              `started` before aborting.
        """

    @abstractmethod
    async def abort_upload(self, upload: UploadInfo) -> None:
        """Throw away an unfinished write found by `list_uploads`; one that is gone, or never was, is no error.

        Requires:
            `list_uploads`.
        """

    @abstractmethod
    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Return a URL at which a client gets the content itself with this method, or `None`.

        Behaviour:
            - `None` where the driver doesn't redirect this method: a `HEAD` is never sent to a URL signed for `GET`.
            - It may answer for a missing path; the URL then answers not found.

        Args:
            path: The file.
            method: `GET` or `HEAD`; for any other, `None`.
        """

    @abstractmethod
    async def local_path(self, path: str) -> LocalFile | None:
        """Return where a file lies on this machine, so that a server can hand it to the kernel; else `None`.

        The file is only to be read. It may be replaced (by rename) or deleted at any time.

        Raises:
            PathNotFoundError: The driver has local files, and nothing or a directory is at the path.
        """

    @abstractmethod
    async def aclose(self) -> None:
        """Free threads, connections and open files; idempotent. Unfinished writes stay. Nothing works afterwards."""
