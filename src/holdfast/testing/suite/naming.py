"""Which paths name something."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from holdfast.storage.driver import UploadInfo
from holdfast.storage.errors import InvalidPathError
from holdfast.storage.path import MAX_COMPONENT_BYTES, MAX_PATH_BYTES
from holdfast.testing.suite.acts import make_files, read, upload_paths, walked, write
from holdfast.testing.suite.base import SuiteBase, requires

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from holdfast.storage.driver import StorageDriver

__all__ = ["Naming"]

_VALID = [
    "/a",
    "/2",
    "/aa",
    "/a.a",
    "/0-9/abcdefg",
    "/abcdefg/z.75",
    "/abc/1.2.3.4.5-6_zyx/123.z/4",
    "/docker/docker-registry",
    "/123.abc",
    "/abc./abc",
    "/.abc",
    "/a--b",
    "/a-.b",
    "/_.abc",
    "/Docker/docker-registry",
    "/Abc/Cba",
    "/...",
    "/..a/.a./a..",
    "/-/_/--",
    "/.uploads/.tmp/_uploads",
]
_INVALID = [
    "",
    "abc",
    "123.abc",
    "//bcd",
    "/abc_123/",
    "/a//b",
    "/.",
    "/..",
    "/a/../b",
    "/a/./b",
    "/a/..",
    "/a b",
    "/a\n",
    "/a\x00b",
    "/\u00e4",
    "/a~b",
    "/a%2fb",
    "/a\\b",
    "/" + "x" * (MAX_COMPONENT_BYTES + 1),
    "/" + "/".join(["x" * 100] * (MAX_PATH_BYTES // 100 + 1)),
]


class Naming(SuiteBase):
    """Valid paths work in every operation; invalid ones are refused by every operation."""

    @pytest.mark.parametrize("path", _VALID)
    async def test_valid_path_names_a_file(self, driver: StorageDriver, path: str) -> None:
        """Each of these is a file's path, from its putting to its deletion."""
        await driver.put_content(path, b"content")
        content, found = await driver.get_content(path), await walked(driver, "/")
        await write(driver, path, [b"!"], append=True)
        streamed = await read(driver, path)
        await driver.delete(path)

        assert b"content" == content
        assert b"content!" == streamed
        assert [path] == found
        assert [] == await driver.list("/")

    async def test_longest_names_are_names(self, driver: StorageDriver, scratch: str) -> None:
        """A component and a path of the greatest length work in every way of writing."""
        component = f"{scratch}/{'c' * MAX_COMPONENT_BYTES}"
        path = (scratch + f"/{'d' * 99}" * 10 + "/" + "f" * MAX_PATH_BYTES)[:MAX_PATH_BYTES]
        await driver.put_content(component, b"component")
        await write(driver, path, [b"path"])
        await driver.move(component, f"{component[:-1]}x")

        assert sorted([f"{component[:-1]}x", path]) == await walked(driver, scratch)

    async def test_letter_case_is_kept_apart(self, driver: StorageDriver, scratch: str) -> None:
        """`a` and `A` are two files."""
        await driver.put_content(f"{scratch}/a", b"small")
        await driver.put_content(f"{scratch}/A", b"large")

        assert b"small" == await driver.get_content(f"{scratch}/a")
        assert [f"{scratch}/A", f"{scratch}/a"] == await driver.list(scratch)

    @pytest.mark.parametrize("path", ["/", *_INVALID], ids=lambda path: repr(path[:20]))
    async def test_invalid_path_is_refused_for_a_file(self, driver: StorageDriver, scratch: str, path: str) -> None:
        """Wherever a file is meant, an invalid path is `InvalidPathError`, and nothing happens."""
        await make_files(driver, [f"{scratch}/file"])
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "get_content": lambda: driver.get_content(path),
            "put_content": lambda: driver.put_content(path, b"x"),
            "reader": lambda: read(driver, path),
            "writer": lambda: driver.writer(path),
            "writer append": lambda: driver.writer(path, append=True),
            "move from": lambda: driver.move(path, f"{scratch}/to"),
            "move to": lambda: driver.move(f"{scratch}/file", path),
            "delete_files": lambda: driver.delete_files([f"{scratch}/file", path]),
        }
        assert [] == [op for op, call in calls.items() if not await _refuses(call)]

        assert [f"{scratch}/file"] == await walked(driver, "/")

    @pytest.mark.parametrize("path", _INVALID, ids=lambda path: repr(path[:20]))
    async def test_invalid_path_is_refused_for_a_directory(self, driver: StorageDriver, path: str) -> None:
        """Wherever a directory is meant, too; `/` is legal there."""
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "stat": lambda: driver.stat(path),
            "list": lambda: driver.list(path),
            "walk": lambda: walked(driver, path),
            "delete": lambda: driver.delete(path),
        }
        assert [] == [op for op, call in calls.items() if not await _refuses(call)]

    @requires("list_uploads")
    @pytest.mark.parametrize("path", _INVALID, ids=lambda path: repr(path[:20]))
    async def test_invalid_path_is_refused_for_uploads(self, driver: StorageDriver, path: str) -> None:
        """Listing and aborting unfinished writes takes paths like everything else."""
        with pytest.raises(InvalidPathError):
            await upload_paths(driver, path)
        with pytest.raises(InvalidPathError):
            await driver.abort_upload(UploadInfo(path=path, upload_id="x"))


async def _refuses(call: Callable[[], Awaitable[object]]) -> bool:
    try:
        await call()
    except InvalidPathError:
        return True
    return False
