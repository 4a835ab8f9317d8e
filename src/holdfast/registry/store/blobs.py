"""Blobs: content by digest, and the links that say which repository has it."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from holdfast.registry.errors import BlobUnknownError
from holdfast.registry.model.digest import ALGORITHMS, Digest
from holdfast.registry.store import paths
from holdfast.registry.store.links import has_link, put_link, report_damage
from holdfast.storage.errors import PathNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from holdfast.registry.store.facts import Facts
    from holdfast.storage.driver import Buffer, LocalFile, StorageDriver

__all__ = ["BlobStore", "OpenBlob"]

_SMALL_BYTES = 64 * 1024
"""Blobs up to this size are answered from memory; image configurations are smaller."""

_EMPTY = frozenset(Digest.of(b"", algorithm) for algorithm in ALGORITHMS)
"""The only digests whose content is nothing."""


class OpenBlob(NamedTuple):
    """A blob that a repository has, ready to be sent.

    Attributes:
        digest: Its digest.
        size: Its bytes: what is promised to the client.
        path: Where storage has it.
        local: Where this machine has it, if it does and that is the way to send it.
        content: All of it, if it is small.
    """

    digest: Digest
    size: int
    path: str
    local: LocalFile | None = None
    content: bytes | None = None


class BlobStore:
    """The blobs of all repositories.

    Args:
        driver: The storage.
        facts: What this process remembers.
        redirect: Whether clients may be sent to the storage itself.

    Attributes:
        redirects: Whether clients may be sent to the storage, and the storage can take them.
    """

    def __init__(self, driver: StorageDriver, facts: Facts, *, redirect: bool = True) -> None:
        self.redirects = redirect and driver.capabilities.redirect_get
        self._driver = driver
        self._facts = facts
        self._local = driver.capabilities.local_path or driver.capabilities.local_path_cached

    async def size(self, name: str, digest: Digest) -> int:
        """Return a blob's size: one stat of the link, and one of the content if its size isn't known.

        Raises:
            BlobUnknownError: The repository has no such blob, or its content is missing or damaged.
        """
        await self._check_link(name, digest)
        known = self._facts.size(digest)
        return known if known is not None else await self._stored_size(digest)

    async def verified_size(self, name: str, digest: Digest) -> int:
        """As `size`, and always asks storage for the content too: for what a manifest is about to rely on."""
        await self._check_link(name, digest)
        return await self._stored_size(digest)

    async def open(self, name: str, digest: Digest) -> OpenBlob:
        """Find a blob to send: one stat of the link, then the content itself.

        Small content whose size is known is read at once: half the time of having a file sent, and one request
        to an object store. Until its size isn't trusted any more, it is then answered from memory.

        Raises:
            BlobUnknownError: As `size`.
        """
        await self._check_link(name, digest)
        path = paths.blob_data(digest)
        known = self._facts.size(digest)
        if known is not None and known <= _SMALL_BYTES:
            return await self._read_small(digest, path)
        if self._local:
            try:
                local = await self._driver.local_path(path)
            except PathNotFoundError:
                raise self._missing(digest) from None
            if local is not None:
                return OpenBlob(digest, self._check_size(digest, local.size), path, local)
        return OpenBlob(digest, known if known is not None else await self._stored_size(digest), path)

    async def redirect_url(self, name: str, digest: Digest) -> str | None:
        """Return where a client gets a blob from the storage itself, or `None`: one stat of the link.

        Raises:
            BlobUnknownError: As `size`.
        """
        await self.size(name, digest)
        return await self._driver.redirect_url(paths.blob_data(digest), method="GET")

    @asynccontextmanager
    async def reader(self, blob: OpenBlob, start: int, length: int) -> AsyncIterator[AsyncIterator[bytes]]:
        """Open a part of a blob to be sent; iterating yields `length` bytes, or raises.

        Raises:
            BlobUnknownError: The content isn't there, or, iterating, it ends before the promised length.
        """
        async with AsyncExitStack() as stack:
            try:
                chunks = await stack.enter_async_context(self._driver.reader(blob.path, offset=start, length=length))
            except PathNotFoundError:
                raise self._missing(blob.digest) from None
            yield await stack.enter_async_context(aclosing(self._promised(blob, chunks, length)))

    async def put(self, name: str, digest: Digest, content: Buffer) -> None:
        """Store content, already verified, straight at its final path; then the link."""
        await self.put_content(digest, content)
        await self.link(name, digest)

    async def put_content(self, digest: Digest, content: Buffer) -> None:
        """Store content, already verified. What is there is replaced, and so healed if it was damaged."""
        await self._driver.put_content(paths.blob_data(digest), content)
        self._facts.keep_size(digest, len(content), hashed=True)

    def keep_size(self, digest: Digest, size: int) -> None:
        """Remember the size of content that was hashed while it was written to its final path."""
        self._facts.keep_size(digest, size, hashed=True)

    async def adopt(self, source: str, digest: Digest, size: int) -> None:
        """Make a stored file, already verified, the content of a digest; then it isn't at the source any more.

        Content of that size that is there already stays; other content is damaged, and replaced.
        """
        if not await self.holds(digest, size):
            await self._driver.move(source, paths.blob_data(digest))
        self._facts.keep_size(digest, size, hashed=True)

    async def holds(self, digest: Digest, size: int) -> bool:
        """Whether storage has content of a digest, of this size."""
        path = paths.blob_data(digest)
        try:
            info = await self._driver.stat(path)
        except PathNotFoundError:
            return False
        if info.size != size:
            report_damage("blob", path, size=info.size, expected=size)
        return info.size == size

    async def is_there(self, digest: Digest) -> bool:
        """Whether storage has a digest's content, of a size that it can have."""
        try:
            await self._stored_size(digest)
        except BlobUnknownError:
            return False
        return True

    async def link(self, name: str, digest: Digest) -> None:
        """Say that a repository has a blob. The content must be there before."""
        await put_link(self._driver, paths.layer_link(name, digest), digest)

    async def mount(self, name: str, digest: Digest, source: str | None) -> bool:
        """Link a blob of another repository, if that has it with its content; without a source, any stored content."""
        try:
            await (self._stored_size(digest) if source is None else self.verified_size(source, digest))
        except BlobUnknownError:
            return False
        await self.link(name, digest)
        return True

    async def unlink(self, name: str, digest: Digest) -> None:
        """Take a blob from a repository; the content stays for others until it is collected.

        Raises:
            BlobUnknownError: The repository doesn't have it.
        """
        try:
            await self._driver.delete(paths.layer_link(name, digest))
        except PathNotFoundError:
            raise BlobUnknownError(digest) from None

    async def _promised(self, blob: OpenBlob, chunks: AsyncIterator[bytes], length: int) -> AsyncGenerator[bytes, None]:
        left = length
        async for chunk in chunks:
            left -= len(chunk)
            yield chunk
        if left > 0:
            report_damage("blob", blob.path, size=None, expected=blob.size)
            self._facts.forget(blob.digest)
            raise BlobUnknownError(blob.digest)

    async def _read_small(self, digest: Digest, path: str) -> OpenBlob:
        known = self._facts.content(digest)
        if known is not None:
            return OpenBlob(digest, len(known), path, content=known)
        try:
            content = await self._driver.get_content(path)
        except PathNotFoundError:
            raise self._missing(digest) from None
        size = self._check_size(digest, len(content))
        if size <= _SMALL_BYTES:
            self._check_content(digest, content, path)
            self._facts.keep_content(digest, content)
        return OpenBlob(digest, size, path, content=content)

    def _check_content(self, digest: Digest, content: bytes, path: str) -> None:
        if Digest.of(content, digest.algorithm) != digest:
            report_damage("blob", path, size=len(content))
            self._facts.forget(digest)
            raise BlobUnknownError(digest)

    async def _check_link(self, name: str, digest: Digest) -> None:
        if not await has_link(self._driver, paths.layer_link(name, digest), digest):
            raise BlobUnknownError(digest)

    async def _stored_size(self, digest: Digest) -> int:
        try:
            info = await self._driver.stat(paths.blob_data(digest))
        except PathNotFoundError:
            raise self._missing(digest) from None
        return self._check_size(digest, info.size)

    def _check_size(self, digest: Digest, size: int) -> int:
        """Refuse content that can't be what was hashed; remember the size of the rest."""
        expected = self._facts.hashed_size(digest)
        if (expected is not None and size != expected) or (size == 0 and digest not in _EMPTY):
            report_damage("blob", paths.blob_data(digest), size=size, expected=expected)
            self._facts.forget(digest)
            raise BlobUnknownError(digest)
        self._facts.keep_size(digest, size, hashed=False)
        return size

    def _missing(self, digest: Digest) -> BlobUnknownError:
        """A link without content: what an interrupted or foreign garbage collection leaves."""
        report_damage("blob", paths.blob_data(digest), size=None)
        self._facts.forget(digest)
        return BlobUnknownError(digest)
