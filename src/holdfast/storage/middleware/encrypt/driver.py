"""The driver around a driver that encrypts."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec
from anyio import CancelScope, to_thread

from holdfast.storage import ops
from holdfast.storage.errors import (
    InvalidParameterError,
    InvalidPathError,
    InvalidResumeTokenError,
    PathNotFoundError,
)
from holdfast.storage.layers._iterators import close_iterator
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.encrypt.options import EncryptOptions
from holdfast.storage.middleware.encrypt.reader import SealedFiles
from holdfast.storage.middleware.encrypt.sealing import HEADER_BYTES, FileKey, content_limit, key_id, opened, sealed
from holdfast.storage.middleware.encrypt.uploads import HIDDEN, Unfinished, UnfinishedWrites, is_hidden
from holdfast.storage.middleware.encrypt.writer import EncryptingWriter

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Sequence
    from typing import ClassVar

    from holdfast.storage.driver import (
        Buffer,
        Capabilities,
        Chunks,
        FileInfo,
        FileWriter,
        LocalFile,
        Paths,
        Precondition,
        StorageDriver,
        UploadInfo,
    )
    from holdfast.storage.options import DriverOptions

__all__ = ["Encrypt"]

_INLINE_BYTES: Final = 1024 * 1024
"""Content up to this size is encrypted and decrypted on the event loop: half a millisecond."""


class Encrypt(ForwardingDriver):
    """Encrypts content before it reaches the store, and decrypts it after; paths, sizes and times stay readable.

    Nobody but this can make sense of the files, so clients aren't sent to the store, and no file is handed over.

    Raises:
        InvalidParameterError: The keys can't be read.
    """

    Options: ClassVar[type[DriverOptions]] = EncryptOptions

    def __init__(self, inner: StorageDriver, options: EncryptOptions) -> None:
        super().__init__(inner)
        try:
            keys = options.keys()
        except ValueError as error:
            key = "keyenv" if options.keyfile is None else "keyfile"
            raise InvalidParameterError("encrypt", key, str(error)) from None
        able = inner.capabilities
        most = able.write_max_bytes
        self._capabilities = replace(
            able,
            redirect_get=False,
            redirect_head=False,
            local_path=False,
            object_prefix=None,
            write_max_bytes=None if most is None else content_limit(most),
        )
        self._keys = keys
        self._files = SealedFiles(inner, keys, reads_plaintext=options.plaintext == "read")
        self._unfinished = UnfinishedWrites(inner, keys)
        self._has_tokens = able.write_resume_token

    @property
    def capabilities(self) -> Capabilities:
        """The inner driver's, without those that show a client or the machine the files as they are."""
        return self._capabilities

    @property
    def first_key(self) -> str:
        """The id of the operator's key that new files need."""
        return self._keys.first

    async def sealed_files(self, path: str, *, start_after: str | None = None) -> AsyncGenerator[FileInfo, None]:
        """Walk as `walk` does, with the sizes that the files have in the store."""
        files = self.inner.walk(path, start_after=start_after)
        try:
            async for file in files:
                if not is_hidden(file.path):
                    yield file
        finally:
            await close_iterator(files)

    async def key_of(self, path: str) -> str | None:
        """The id of the operator's key that a file needs; `None` for one that isn't encrypted.

        Raises:
            PathNotFoundError: There is no such file.
        """
        return key_id(await self._files.read(path, 0, HEADER_BYTES))

    async def get_content(self, path: str) -> bytes:
        """Read and decrypt; see `StorageDriver.get_content`."""
        _require_visible(path)
        content = await self.inner.get_content(path)
        if self._files.is_plaintext(content):
            return content
        if len(content) <= _INLINE_BYTES:
            return opened(self._keys, content)
        return await to_thread.run_sync(opened, self._keys, content)

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        """Encrypt and put; see `StorageDriver.put_content`."""
        _require_free(path)
        if len(content) <= _INLINE_BYTES:
            file = sealed(self._keys, content)
        else:
            file = await to_thread.run_sync(partial(sealed, self._keys, content))
        return await self.inner.put_content(path, file, precondition=precondition)

    def reader(self, path: str, *, offset: int = 0, length: int | None = None) -> Chunks:
        """Open a range, of which only the slots that it touches are read; see `StorageDriver.reader`."""
        return self._files.reader(path, offset, length)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        """Open for writing; see `StorageDriver.writer`.

        To continue committed content, it is copied: decrypted and encrypted anew.
        """
        _require_free(path)
        if not append:
            return await self._begin(path)
        record = await self._unfinished.load(path)
        if resume_token is not None and (record is None or record.token != resume_token):
            raise InvalidResumeTokenError(path=path)
        if record is not None:
            inner = await self._continued(record, resume_token)
            if inner is not None:
                key = self._files.key_in(record.header)
                return await self._settled(inner, self._writer(inner, path, key, record))
        try:
            return await self._continue_committed(path)
        except PathNotFoundError:
            await self._refuse(path)
            raise

    async def stat(self, path: str) -> FileInfo:
        """Describe, with the size of the content; see `StorageDriver.stat`."""
        _require_visible(path)
        return await self._described(await self.inner.stat(path))

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        """List; see `StorageDriver.list`."""
        _require_visible(path)
        if path != "/":
            return await self.inner.list(path, start_after=start_after, limit=limit)
        more = None if limit is None else limit + 1
        found = await self.inner.list(path, start_after=start_after, limit=more)
        return [child for child in found if child != HIDDEN][:limit]

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        """Walk, with the sizes of the content; see `StorageDriver.walk`."""
        _require_visible(path)
        async with aclosing(self.sealed_files(path, start_after=start_after)) as files:
            async for file in files:
                try:
                    described = await self._described(file)
                except PathNotFoundError:  # deleted meanwhile
                    continue
                yield described

    async def move(self, source: str, destination: str) -> None:
        """Move the file as it is: nothing in it says where it lies; see `StorageDriver.move`."""
        _require_visible(source)
        _require_free(destination)
        await self.inner.move(source, destination)

    async def delete(self, path: str) -> None:
        """Delete, with what is known of unfinished writes there; see `StorageDriver.delete`."""
        _require_visible(path)
        await self.inner.delete(path)
        if path != "/":
            await self._unfinished.forget_below(path)

    async def delete_files(self, paths: Sequence[str]) -> None:
        """Delete many; see `StorageDriver.delete_files`."""
        await self.inner.delete_files([path for path in paths if not is_hidden(path)])

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        """Yield the store's unfinished writes; of how much content isn't told; see `StorageDriver.list_uploads`."""
        uploads = self.inner.list_uploads(path)
        try:
            async for upload in uploads:
                if not is_hidden(upload.path):
                    yield replace(upload, size=None)
        finally:
            await close_iterator(uploads)

    async def abort_upload(self, upload: UploadInfo) -> None:
        """Throw away an unfinished write, and what is known of it; see `StorageDriver.abort_upload`."""
        if is_hidden(upload.path):
            return
        await self.inner.abort_upload(upload)
        others = self.inner.list_uploads(upload.path)
        try:
            async for other in others:
                if other.path == upload.path:
                    return
        finally:
            await close_iterator(others)
        await self._unfinished.forget(upload.path)

    async def redirect_url(self, path: str, *, method: str = "GET") -> str | None:
        """Redirect nothing: the store has only what is encrypted."""
        await ops.no_redirect(path, method=method)
        return None

    async def local_path(self, path: str) -> LocalFile | None:
        """Hand over nothing: on this machine is only what is encrypted."""
        await ops.no_local_path(path)
        return None

    async def _begin(self, path: str) -> EncryptingWriter:
        inner = await self.inner.writer(path)
        if not self._has_tokens:
            await self._unfinished.forget(path)
        return self._writer(inner, path, FileKey.new(self._keys))

    def _writer(self, inner: FileWriter, path: str, key: FileKey, record: Unfinished | None = None) -> EncryptingWriter:
        return EncryptingWriter(inner, path, key, self._unfinished, record, has_tokens=self._has_tokens)

    async def _continued(self, record: Unfinished, resume_token: str | None) -> FileWriter | None:
        """Open the store's unfinished write that a record is of; `None` where that has ended, and the record stayed."""
        path = record.path
        if self._has_tokens:
            try:
                return await self.inner.writer(path, append=True, resume_token=record.token)
            except InvalidResumeTokenError:
                if resume_token is not None:
                    raise
                return None
        try:
            inner = await self.inner.writer(path, append=True)
        except PathNotFoundError:
            return None
        try:
            committed = (await self.inner.stat(path)).size
        except PathNotFoundError:
            return inner
        if inner.size != committed:
            return inner
        await inner.cancel()  # it continues what was committed
        return None

    async def _settled(self, inner: FileWriter, writer: EncryptingWriter) -> EncryptingWriter:
        try:
            await writer.settle()
        except BaseException:
            with CancelScope(shield=True):  # a cancelled task still owes the close
                await inner.close()
            raise
        return writer

    async def _continue_committed(self, path: str) -> EncryptingWriter:
        async with self.reader(path) as chunks:
            writer = await self._begin(path)
            try:
                async for chunk in chunks:
                    await writer.write(chunk)
            except BaseException as error:
                with CancelScope(shield=True):  # a cancelled task still owes the clearing up
                    await ops.throw_away(writer, error)
                raise
        return writer

    async def _refuse(self, path: str) -> None:
        """Raise what keeps the store from continuing a write, if that is something else than that nothing is there."""
        inner = await self.inner.writer(path, append=True)
        await inner.close()  # what a process that died left, before it wrote anything down

    async def _described(self, info: FileInfo) -> FileInfo:
        if info.is_dir:
            return info
        size = await self._files.content_bytes(info.path, info.size)
        return msgspec.structs.replace(info, size=size)


def _require_visible(path: str) -> None:
    if is_hidden(path):
        raise PathNotFoundError(path=path)


def _require_free(path: str) -> None:
    if is_hidden(path):
        raise InvalidPathError(f"{HIDDEN} is where unfinished writes are kept", path=path)
