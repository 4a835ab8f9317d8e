"""Wrappers that change nothing: what a layer, a middleware or a test driver starts from.

Subclass, keep `inner`, override what you mean to change:

    class UpperCase(ForwardingDriver):
        async def get_content(self, path: str) -> bytes:
            return (await self.inner.get_content(path)).upper()

Every method is forwarded in so many words (a test holds it to that), so a wrapper loses none. Forwards are
plain functions that hand on what the inner driver returns, so they cost a call and no coroutine of their own;
an override is free to be `async def`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.storage.driver import FileWriter, StorageDriver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Sequence

    from holdfast.storage.driver import (
        Buffer,
        Capabilities,
        Chunks,
        FileInfo,
        LocalFile,
        Paths,
        Precondition,
        UploadInfo,
    )

__all__ = ["ForwardingDriver", "ForwardingWriter"]


class ForwardingWriter(FileWriter):
    """A writer that hands every call to another one.

    Attributes:
        inner: The writer that does the work.
    """

    def __init__(self, inner: FileWriter) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        """`CheckedWriter(FilesystemWriter)`: the wrappers by name, outermost first."""
        return _describe(self, self.inner)

    def write(self, data: Buffer) -> Coroutine[Any, Any, None]:
        """Forward; see `FileWriter.write`."""
        return self.inner.write(data)

    @property
    def size(self) -> int:
        """Forward; see `FileWriter.size`."""
        return self.inner.size

    @property
    def resume_token(self) -> str | None:
        """Forward; see `FileWriter.resume_token`."""
        return self.inner.resume_token

    def close(self) -> Coroutine[Any, Any, None]:
        """Forward; see `FileWriter.close`."""
        return self.inner.close()

    def commit(self) -> Coroutine[Any, Any, None]:
        """Forward; see `FileWriter.commit`."""
        return self.inner.commit()

    def cancel(self) -> Coroutine[Any, Any, None]:
        """Forward; see `FileWriter.cancel`."""
        return self.inner.cancel()


class ForwardingDriver(StorageDriver):
    """A driver that hands every call to another one.

    Attributes:
        inner: The driver that does the work.
    """

    def __init__(self, inner: StorageDriver) -> None:
        self.inner = inner

    def __repr__(self) -> str:
        """`TelemetryLayer(LimitsLayer(FilesystemDriver))`: the wrappers by name, outermost first.

        The innermost driver's own `repr` isn't asked: a stranger's could tell a secret.
        """
        return _describe(self, self.inner)

    @property
    def name(self) -> str:
        """Forward; see `StorageDriver.name`."""
        return self.inner.name

    @property
    def capabilities(self) -> Capabilities:
        """Forward; see `StorageDriver.capabilities`."""
        return self.inner.capabilities

    def get_content(self, path: str) -> Coroutine[Any, Any, bytes]:
        """Forward; see `StorageDriver.get_content`."""
        return self.inner.get_content(path)

    def put_content(
        self, path: str, content: Buffer, *, precondition: Precondition | None = None
    ) -> Coroutine[Any, Any, str | None]:
        """Forward; see `StorageDriver.put_content`."""
        return self.inner.put_content(path, content, precondition=precondition)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Forward; see `StorageDriver.reader`."""
        return self.inner.reader(path, offset=offset, length=length)

    def writer(
        self, path: str, *, append: bool = False, resume_token: str | None = None
    ) -> Coroutine[Any, Any, FileWriter]:
        """Forward; see `StorageDriver.writer`."""
        return self.inner.writer(path, append=append, resume_token=resume_token)

    def stat(self, path: str) -> Coroutine[Any, Any, FileInfo]:
        """Forward; see `StorageDriver.stat`."""
        return self.inner.stat(path)

    def list(
        self, path: str, *, start_after: str | None = None, limit: int | None = None
    ) -> Coroutine[Any, Any, Paths]:
        """Forward; see `StorageDriver.list`."""
        return self.inner.list(path, start_after=start_after, limit=limit)

    def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Forward; see `StorageDriver.walk`."""
        return self.inner.walk(path, start_after=start_after)

    def move(self, source: str, destination: str) -> Coroutine[Any, Any, None]:
        """Forward; see `StorageDriver.move`."""
        return self.inner.move(source, destination)

    def delete(self, path: str) -> Coroutine[Any, Any, None]:
        """Forward; see `StorageDriver.delete`."""
        return self.inner.delete(path)

    def delete_files(self, paths: Sequence[str]) -> Coroutine[Any, Any, None]:
        """Forward; see `StorageDriver.delete_files`."""
        return self.inner.delete_files(paths)

    def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Forward; see `StorageDriver.list_uploads`."""
        return self.inner.list_uploads(path)

    def abort_upload(self, upload: UploadInfo) -> Coroutine[Any, Any, None]:
        """Forward; see `StorageDriver.abort_upload`."""
        return self.inner.abort_upload(upload)

    def redirect_url(self, path: str, *, method: str = "GET") -> Coroutine[Any, Any, str | None]:
        """Forward; see `StorageDriver.redirect_url`."""
        return self.inner.redirect_url(path, method=method)

    def local_path(self, path: str) -> Coroutine[Any, Any, LocalFile | None]:
        """Forward; see `StorageDriver.local_path`."""
        return self.inner.local_path(path)

    def aclose(self) -> Coroutine[Any, Any, None]:
        """Forward; see `StorageDriver.aclose`."""
        return self.inner.aclose()


def _describe(outer: object, inner: object) -> str:
    inside = repr(inner) if isinstance(inner, (ForwardingDriver, ForwardingWriter)) else type(inner).__name__
    return f"{type(outer).__name__}({inside})"
