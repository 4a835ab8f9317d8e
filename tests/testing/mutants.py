"""Drivers that are broken in one way each, and the test of the suite that has to notice."""

# ruff: noqa: D102 - what is wrong with a mutant's methods is said once, by its class

from __future__ import annotations

import asyncio
import os
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from holdfast.storage.driver import CreateOnly
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import PathNotFoundError
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from holdfast.testing.iteration import collect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from holdfast.storage import Capabilities, FileInfo, FileWriter, UploadInfo
    from holdfast.storage.driver import Buffer, Paths, Precondition


class Sound(ForwardingDriver):
    """The memory, as it is: what all mutants start from."""

    def __init__(self) -> None:
        super().__init__(InMemoryDriver())


class WalksByComponent(Sound):
    """Walks a directory before its namesakes."""

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        for file in sorted(await collect(self.inner.walk(path)), key=lambda file: file.path.split("/")):
            if start_after is None or file.path > start_after:
                yield file


class WalksFromTheDirectoryOnly(Sound):
    """Takes what it starts after for a file's path, and skips the directory that the path is in."""

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncIterator[FileInfo]:
        for file in await collect(self.inner.walk(path)):
            if start_after is None or file.path.rpartition("/")[0] >= start_after or file.path > start_after + "/":
                yield file


class PutsInHalves(Sound):
    """Shows half of the content before it shows all."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        await self.inner.put_content(path, content[: len(content) // 2], precondition=precondition)
        await asyncio.sleep(0)
        return await self.inner.put_content(path, content)


class IgnoresPreconditions(Sound):
    """Looks before it writes, and writes whatever came between."""

    async def put_content(self, path: str, content: Buffer, *, precondition: Precondition | None = None) -> str | None:
        if isinstance(precondition, CreateOnly):
            try:
                await self.inner.stat(path)
            except PathNotFoundError:
                precondition = None
            await asyncio.sleep(0)
        return await self.inner.put_content(path, content, precondition=precondition)


class DeletesNamesakes(Sound):
    """Deletes by prefix."""

    async def delete(self, path: str) -> None:
        gone = [file.path for file in await collect(self.inner.walk("/")) if file.path.startswith(path)]
        await self.inner.delete(path)
        await self.inner.delete_files(gone)


class DeletesContentOnly(Sound):
    """Leaves unfinished writes where it deletes."""

    async def delete(self, path: str) -> None:
        await self.inner.delete_files([file.path for file in await collect(self.inner.walk(path))])


class ListsNothingForMissing(Sound):
    """Turns "not found" into an empty list."""

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        try:
            return await self.inner.list(path, start_after=start_after, limit=limit)
        except PathNotFoundError:
            return []


class IgnoresLimit(Sound):
    """Lists everything."""

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        del limit
        return await self.inner.list(path, start_after=start_after)


class ListsUnsorted(Sound):
    """Lists directories first."""

    async def list(self, path: str, *, start_after: str | None = None, limit: int | None = None) -> Paths:
        children = await self.inner.list(path, start_after=start_after)
        kinds = {child: not (await self.inner.stat(child)).is_dir for child in children}
        return sorted(children, key=lambda child: (kinds[child], child))[:limit]


class ReadsFromTheStart(Sound):
    """Forgets the offset when there is a length."""

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self.inner.reader(path, offset=0 if length else offset, length=length) as chunks:
            yield chunks


class ReadsAtOnce(Sound):
    """Holds all of the content in memory, and yields it as one chunk."""

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        async with self.inner.reader(path, offset=offset, length=length) as chunks:
            content = b"".join([chunk async for chunk in chunks])

        async def whole() -> AsyncIterator[bytes]:
            if content:
                yield content

        yield whole()


class LeavesReadersOpen(Sound):
    """Opens a descriptor for each reader, and closes it only when all was read."""

    @asynccontextmanager
    async def reader(
        self, path: str, *, offset: int = 0, length: int | None = None
    ) -> AsyncIterator[AsyncIterator[bytes]]:
        descriptor = os.open(os.devnull, os.O_RDONLY)

        async def to_the_end(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
            async for chunk in chunks:
                yield chunk
            os.close(descriptor)

        async with self.inner.reader(path, offset=offset, length=length) as chunks:
            yield to_the_end(chunks)


class LeavesTasks(Sound):
    """Starts a task that nobody ends."""

    async def stat(self, path: str) -> FileInfo:
        self._task = asyncio.ensure_future(asyncio.Event().wait())
        return await self.inner.stat(path)


class MovesByCopy(Sound):
    """Leaves the source where it was."""

    async def move(self, source: str, destination: str) -> None:
        await self.inner.put_content(destination, await self.inner.get_content(source))


class PromisesMore(Sound):
    """Claims a capability that its author doesn't know of."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, redirect_get=True)


class FindsNoUploads(Sound):
    """Says that there are none."""

    async def list_uploads(self, path: str) -> AsyncIterator[UploadInfo]:
        async for upload in self.inner.list_uploads(path):
            if upload.path == "/":
                yield upload


class _Writes(Sound):
    """Opens a mutant's writer."""

    kind: type[_Writer]

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        opened = await self.inner.writer(path, append=append, resume_token=resume_token)
        return self.kind(opened, self, path)


class _Writer(ForwardingWriter):
    def __init__(self, inner: FileWriter, driver: Sound, path: str) -> None:
        super().__init__(inner)
        self.driver = driver
        self.path = path


class _CancelCloses(_Writer):
    async def cancel(self) -> None:
        await self.inner.close()


class _CloseCommits(_Writer):
    async def close(self) -> None:
        await self.inner.commit()


class _ShowsAtOnce(_Writer):
    async def write(self, data: Buffer) -> None:
        await self.inner.write(data)
        await self.driver.put_content(self.path, data)


class _CommitsInHalves(_Writer):
    async def commit(self) -> None:
        await self.driver.put_content(self.path, b"not yet whole")
        await asyncio.sleep(0)
        await self.inner.commit()


class _KeepsBuffers(_Writer):
    def __init__(self, inner: FileWriter, driver: Sound, path: str) -> None:
        super().__init__(inner, driver, path)
        self.kept: list[Buffer] = []

    async def write(self, data: Buffer) -> None:
        self.kept.append(data)

    async def commit(self) -> None:
        for data in self.kept:
            await self.inner.write(data)
        await self.inner.commit()


class CancelKeeps(_Writes):
    """A cancelled write can be found and continued."""

    kind = _CancelCloses


class CloseCommits(_Writes):
    """A closed write is visible."""

    kind = _CloseCommits


class ShowsAtOnce(_Writes):
    """What is written shows before its commit."""

    kind = _ShowsAtOnce


class CommitsInHalves(_Writes):
    """A commit isn't atomic."""

    kind = _CommitsInHalves


class KeepsBuffers(_Writes):
    """A buffer that is used again changes what was written."""

    kind = _KeepsBuffers


class AppendsToNothing(Sound):
    """Begins anew where there is nothing to continue: only a long look finds it without being told."""

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        try:
            return await self.inner.writer(path, append=append, resume_token=resume_token)
        except PathNotFoundError:
            return await self.inner.writer(path)


CAUGHT_BY: dict[type[Sound], Sequence[str]] = {
    WalksByComponent: ["test_walk_is_in_byte_order_of_full_paths", "test_walk_from_anywhere_in_any_tree"],
    WalksFromTheDirectoryOnly: ["test_walk_from_anywhere_in_any_tree"],
    PutsInHalves: ["test_readers_see_the_old_or_the_new_whole[put]"],
    IgnoresPreconditions: ["test_one_of_many_creators_wins"],
    DeletesNamesakes: ["test_delete_spares_namesakes"],
    DeletesContentOnly: ["test_delete_removes_unfinished_writes_at_and_below", "test_aborted_by_deletion"],
    ListsNothingForMissing: ["test_listing_nothing_or_a_file_is_not_found"],
    IgnoresLimit: ["test_start_after_and_limit_cut_the_list", "test_pages_concatenate_to_the_whole"],
    ListsUnsorted: ["test_children_are_direct_and_in_byte_order", "test_driver_behaves_like_a_dictionary"],
    ReadsFromTheStart: ["test_lengths_at_the_boundaries", "test_any_range_is_a_slice"],
    ReadsAtOnce: ["test_chunks_are_bounded_and_never_empty", "test_streaming_takes_bounded_memory"],
    LeavesReadersOpen: ["test_readers_left_early_stay_not_open"],
    LeavesTasks: ["test_root_is_a_directory_always"],
    MovesByCopy: ["test_move_takes_the_content_along[32 bytes]", "test_driver_behaves_like_a_dictionary"],
    PromisesMore: ["test_capabilities_are_as_declared"],
    FindsNoUploads: ["test_abandoned_upload_is_found", "test_driver_behaves_like_a_dictionary"],
    CancelKeeps: ["test_cancel_leaves_nothing", "test_driver_behaves_like_a_dictionary"],
    CloseCommits: ["test_close_keeps_what_was_written"],
    ShowsAtOnce: ["test_nothing_shows_before_commit", "test_driver_behaves_like_a_dictionary"],
    CommitsInHalves: ["test_readers_see_the_old_or_the_new_whole[commit]"],
    KeepsBuffers: ["test_writer_keeps_its_own_copy"],
    AppendsToNothing: ["test_append_to_nothing_is_not_found", "test_driver_behaves_like_a_dictionary"],
}
"""Each mutant, and tests that have to fail on it."""
