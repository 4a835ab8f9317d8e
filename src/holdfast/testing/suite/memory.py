"""Bounded memory while streaming."""

from __future__ import annotations

import os
import threading
import tracemalloc
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.storage.ops import copy_content
from holdfast.testing.suite.acts import MIB, blocks
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Memory"]

_STREAM = 256 * MIB
_BOUND = 32 * MIB
_STATM = Path("/proc/self/statm")


class Memory(SuiteBase):
    """256 MiB pass in 32 MiB."""

    async def test_streaming_takes_bounded_memory(self, driver: StorageDriver, store: Store, scratch: str) -> None:
        """Writing a stream and reading it again each take at most 32 MiB on top of what was taken before."""
        kept = _STREAM if store.content_in_memory else 0
        with _Peak.measured() as writing:
            writer = await driver.writer(f"{scratch}/file")
            for block in blocks(_STREAM):
                await writer.write(block)
            await writer.commit()
        size = 0
        with _Peak.measured() as reading:
            async with driver.reader(f"{scratch}/file") as chunks:
                async for chunk in chunks:
                    size += len(chunk)

        assert size == _STREAM
        assert writing.bytes < kept + _BOUND
        assert reading.bytes < _BOUND

    async def test_slow_reader_does_not_make_the_driver_read_ahead_without_bound(
        self, driver: StorageDriver, store: Store, scratch: str
    ) -> None:
        """A copy, whose reading waits for its writing, takes bounded memory, too."""
        kept = _STREAM // 2 if store.content_in_memory else 0
        writer = await driver.writer(f"{scratch}/from")
        for block in blocks(_STREAM // 2):
            await writer.write(block)
        await writer.commit()
        with _Peak.measured() as copying:
            copied = await copy_content(driver, f"{scratch}/from", driver, f"{scratch}/to")

        assert copied == _STREAM // 2
        assert copying.bytes < kept + _BOUND


class _Peak:
    """The most memory taken at once: what Python allocates exactly, what others do by looking often.

    Attributes:
        bytes: How much more than at the beginning, once the block has ended.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._resident = self._resident_at_start = _resident_bytes()
        self._done = threading.Event()

    @classmethod
    @contextmanager
    def measured(cls) -> Iterator[_Peak]:
        """Measure a block."""
        peak = cls()
        watcher = threading.Thread(target=peak._watch, name="holdfast-memory-watch")
        tracemalloc.start()
        watcher.start()
        try:
            start, _ = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            yield peak
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
            peak._done.set()
            watcher.join()
        peak.bytes = max(most - start, peak._resident - peak._resident_at_start)

    def _watch(self) -> None:
        while not self._done.wait(0.005):
            self._resident = max(self._resident, _resident_bytes())


def _resident_bytes() -> int:
    """Resident memory that is this process's own, mapped files not counted; 0 where the system doesn't tell."""
    try:
        fields = _STATM.read_text().split()
    except FileNotFoundError:
        return 0
    return (int(fields[1]) - int(fields[2])) * os.sysconf("SC_PAGE_SIZE")
