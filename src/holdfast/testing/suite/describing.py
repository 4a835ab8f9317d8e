"""Describing files and directories, and the driver itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from holdfast.storage.errors import PathNotFoundError
from holdfast.testing.suite.acts import make_files, write
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver
    from holdfast.testing.store import Store

__all__ = ["Describing"]

_SKEW = timedelta(minutes=15)
"""How far a backend's clock may be from ours; object stores refuse requests beyond that."""


class Describing(SuiteBase):
    """`stat`, `name` and `capabilities`."""

    async def test_capabilities_are_as_declared(self, driver: StorageDriver) -> None:
        """The driver says of itself what its tests were chosen by."""
        assert self.declared_capabilities() == driver.capabilities

    async def test_name_is_the_stores(self, driver: StorageDriver, store: Store) -> None:
        """A driver has a name, the one by which it is created."""
        assert driver.name
        assert store.name in {None, driver.name}

    async def test_root_is_a_directory_always(self, driver: StorageDriver) -> None:
        """`/` exists in an empty store: health checks ask for it."""
        root = await driver.stat("/")

        assert ("/", 0, True) == (root.path, root.size, root.is_dir)

    async def test_file_is_described(self, driver: StorageDriver, scratch: str) -> None:
        """Path, size, kind, and a time that is now, aware and in UTC."""
        await driver.put_content(f"{scratch}/dir/file", b"x" * 4096)
        file = await driver.stat(f"{scratch}/dir/file")

        assert (f"{scratch}/dir/file", 4096, False) == (file.path, file.size, file.is_dir)
        if file.modified is not None:
            assert timedelta(0) == file.modified.utcoffset()
            assert abs(datetime.now(UTC) - file.modified) < _SKEW

    async def test_directory_is_described(self, driver: StorageDriver, scratch: str) -> None:
        """A directory has no size, and may have no time."""
        await make_files(driver, [f"{scratch}/dir/file"])
        for path in (scratch, f"{scratch}/dir"):
            directory = await driver.stat(path)

            assert (path, 0, True, None) == (directory.path, directory.size, directory.is_dir, directory.version)

    async def test_nothing_is_not_found(self, driver: StorageDriver, scratch: str) -> None:
        """Nothing at a path, a beginning of a name, and what would be below a file."""
        for path in (scratch, f"{scratch}/dir", f"{scratch}/dir/file"):
            with pytest.raises(PathNotFoundError):
                await driver.stat(path)
        await make_files(driver, [f"{scratch}/dir/file"])

        for path in (f"{scratch}/di", f"{scratch}/dir/fil", f"{scratch}/dir/file/below", f"{scratch}/dir/file1"):
            with pytest.raises(PathNotFoundError):
                await driver.stat(path)

    async def test_time_does_not_go_back(self, driver: StorageDriver, scratch: str) -> None:
        """New content is at least as new as the old, however it was written."""
        times = []
        for number in range(4):
            if number % 2:
                await write(driver, f"{scratch}/file", [b"x"])
            else:
                await driver.put_content(f"{scratch}/file", b"x")
            times.append((await driver.stat(f"{scratch}/file")).modified)

        told = [time for time in times if time is not None]
        assert len(told) in {0, 4}
        assert sorted(told) == told

    async def test_stat_and_content_agree(self, driver: StorageDriver, scratch: str) -> None:
        """As soon as `stat` tells a size, so many bytes can be read."""
        for size in (0, 1, 100, 5, 70_000):
            await driver.put_content(f"{scratch}/file", b"x" * size)

            assert (
                size == (await driver.stat(f"{scratch}/file")).size == len(await driver.get_content(f"{scratch}/file"))
            )

    async def test_asking_twice_is_answered_twice(self, driver: StorageDriver, scratch: str) -> None:
        """Being told that nothing is there doesn't hide what comes later, nor the other way round."""
        for _ in range(2):
            with pytest.raises(PathNotFoundError):
                await driver.stat(f"{scratch}/file")
            await driver.put_content(f"{scratch}/file", b"x")
            assert 1 == (await driver.stat(f"{scratch}/file")).size
            await driver.delete(f"{scratch}/file")
