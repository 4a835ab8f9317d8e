"""Which key what the middleware `encrypt` wrote needs, and encrypting it anew, so that it needs the first one alone.

The content of a blob is what its name says, whoever writes it, so blobs are encrypted anew while the registry is in
use. All else may be replaced or deleted by any request, and what was read a moment before would be written over that:
so it is done in read-only mode. Uploads aren't touched: they end, or are purged.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from holdfast.registry.maintenance.readonly import ReadOnlySwitch
from holdfast.registry.store import paths
from holdfast.registry.store.parallel import in_batches, in_parallel
from holdfast.storage import ops
from holdfast.storage.errors import ConfigurationError, PathNotFoundError, StorageError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.storage.middleware.encrypt import Encrypt

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Sequence

    from holdfast.storage.driver import FileInfo, StorageDriver

__all__ = ["KeyedFile", "encrypting", "keyed_files", "renew"]

_BATCH = 256
_AT_ONCE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedFile:
    """A file, and the key that it needs.

    Attributes:
        path: Where it is.
        size: Its bytes in the store.
        key: The id of the key; `None` where it isn't encrypted, or an error kept that from being known.
        error: What went wrong with it; `None` where all went well.
    """

    path: str
    size: int
    key: str | None = None
    error: StorageError | None = None

    @property
    def is_unfinished(self) -> bool:
        """Whether it is part of an upload, and goes when that ends."""
        return paths.is_of_upload(self.path)


def encrypting(driver: StorageDriver) -> Encrypt:
    """Find the middleware that encrypts in what stands around a driver.

    Raises:
        ConfigurationError: There is none.
    """
    layer: StorageDriver = driver
    while isinstance(layer, ForwardingDriver):
        if isinstance(layer, Encrypt):
            return layer
        layer = layer.inner
    raise ConfigurationError("the configuration has no middleware `encrypt` around the storage")


async def keyed_files(encrypt: Encrypt) -> AsyncGenerator[KeyedFile, None]:
    """Yield each file with the key that it needs. Each takes a read of its first bytes.

    Raises:
        StorageError: The files can't be listed any further.
    """
    async with aclosing(_looked_at(encrypt, encrypt.sealed_files("/"))) as batches:
        async for batch in batches:
            for file in batch:
                yield file


async def renew(driver: StorageDriver, *, dry_run: bool = False) -> AsyncGenerator[KeyedFile, None]:
    """Encrypt anew what needs another key than the first, or isn't encrypted, and yield it as it was, one by one.

    An error with one file doesn't keep the others from it, and broken off, it goes on from there when done again. Files
    of uploads are yielded, too, and stay as they are.

    Args:
        driver: The storage, with the middleware around it.
        dry_run: Whether to change nothing; then read-only mode isn't switched on, either.

    Raises:
        ConfigurationError: Nothing there encrypts.
        StorageError: The files can't be listed any further, or read-only mode can't be switched.
    """
    encrypt = encrypting(driver)
    async with aclosing(_old(encrypt, _blobs(encrypt))) as batches:
        async for batch in batches:
            for file in batch if dry_run else await _renewed(encrypt, batch):
                yield file
    async with AsyncExitStack() as stack:
        may_write = False
        async for batch in await stack.enter_async_context(aclosing(_old(encrypt, _others(encrypt)))):
            if not (dry_run or may_write) and any(not file.is_unfinished for file in batch):
                await stack.enter_async_context(ReadOnlySwitch(driver).turned_on("content is encrypted anew"))
                may_write = True
            for file in batch if dry_run else await _renewed(encrypt, batch):
                yield file


async def _blobs(encrypt: Encrypt) -> AsyncGenerator[FileInfo, None]:
    async with aclosing(encrypt.sealed_files(paths.BLOBS)) as files:
        try:
            async for file in files:
                yield file
        except PathNotFoundError:  # nothing was pushed yet
            return


async def _others(encrypt: Encrypt) -> AsyncGenerator[FileInfo, None]:
    async with aclosing(encrypt.sealed_files("/")) as files:
        async for file in files:
            if not ops.is_below(file.path, paths.BLOBS):
                yield file


async def _old(encrypt: Encrypt, files: AsyncGenerator[FileInfo, None]) -> AsyncGenerator[list[KeyedFile], None]:
    """Yield those of the files that need something else than the first key alone, in batches."""
    async with aclosing(_looked_at(encrypt, files)) as batches:
        async for batch in batches:
            yield [file for file in batch if file.key != encrypt.first_key]


async def _looked_at(encrypt: Encrypt, files: AsyncGenerator[FileInfo, None]) -> AsyncGenerator[list[KeyedFile], None]:
    """Yield the files with their keys, in batches, without those that went meanwhile."""
    async with aclosing(files), aclosing(in_batches(files, size=_BATCH)) as batches:
        async for batch in batches:
            yield [file for file in await in_parallel(partial(_look, encrypt), batch, at_once=_AT_ONCE) if file]


async def _renewed(encrypt: Encrypt, old: Sequence[KeyedFile]) -> list[KeyedFile]:
    """Encrypt files anew; returns them as they were, without those that went meanwhile."""
    return [file for file in await in_parallel(partial(_renew, encrypt), old, at_once=_AT_ONCE) if file]


async def _look(encrypt: Encrypt, info: FileInfo) -> KeyedFile | None:
    file = KeyedFile(path=info.path, size=info.size)
    try:
        return replace(file, key=await encrypt.key_of(info.path))
    except PathNotFoundError:
        return None
    except StorageError as error:
        return replace(file, error=error)


async def _renew(encrypt: Encrypt, file: KeyedFile) -> KeyedFile | None:
    if file.error or file.is_unfinished:
        return file
    try:
        await ops.copy_content(encrypt, file.path, encrypt, file.path)
    except PathNotFoundError:
        return None
    except StorageError as error:
        return replace(file, error=error)
    return file
