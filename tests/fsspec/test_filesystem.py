"""What fsspec's own tests don't look at."""

import asyncio
import errno
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import fsspec
import pytest

from holdfast.fsspec import HoldfastFileSystem
from holdfast.fsspec._errors import NUMBERS, system_errors
from holdfast.storage.errors import StorageError, StorageUnavailableError

_MIB = 1024 * 1024


@pytest.fixture
def fs() -> Iterator[HoldfastFileSystem]:
    """An empty filesystem."""
    filesystem = HoldfastFileSystem("inmemory", skip_instance_cache=True)
    yield filesystem
    filesystem.close()
    filesystem.close()


def _fill(fs: HoldfastFileSystem, *paths: str) -> None:
    for path in paths:
        fs.pipe_file(path, path.encode())


def test_open_by_url(tmp_path: Path) -> None:
    """What is written by one URL is there for another one, and for a program that knows the driver alone."""
    options = {"driver": "filesystem", "parameters": {"rootdirectory": str(tmp_path)}}
    with fsspec.open("holdfast://a/b.txt", "w", **options) as file:
        file.write("text")
    with fsspec.open("holdfast:///a/b.txt", "r", **options) as file:
        assert "text" == file.read()

    assert b"text" == (tmp_path / "a/b.txt").read_bytes()
    fsspec.filesystem("holdfast", **options).close()


def test_looking(fs: HoldfastFileSystem) -> None:
    """Files and directories are described, listed and found, from the root too."""
    _fill(fs, "a/b", "a/c/d", "a-b")

    assert ["/a", "/a-b"] == sorted(fs.ls("", detail=False))
    assert {"/a/b": "file", "/a/c": "directory"} == {info["name"]: info["type"] for info in fs.ls("holdfast://a")}
    assert ["/a-b", "/a/b", "/a/c/d"] == fs.find("/")
    assert {"/a/b": 3, "/a/c/d": 5} == {path: info["size"] for path, info in fs.find("a", detail=True).items()}
    assert ["/a/b"] == fs.find("a/b") == fs.ls("a/b", detail=False)
    assert ["/a/b", "/a/c"] == fs.glob("a/*")
    assert (True, True, False, False) == (fs.isdir("a"), fs.isfile("a/b"), fs.exists("x"), fs.exists("not a path!"))
    modified = fs.modified("a/b")
    assert modified is not None
    assert abs(datetime.now(UTC) - modified) < timedelta(minutes=1)
    with pytest.raises(FileNotFoundError):
        fs.info("x")
    with pytest.raises(FileNotFoundError):
        fs.ls("x")


@pytest.mark.parametrize(
    ("start", "end"), [(None, None), (2, None), (2, 5), (None, 4), (-3, None), (2, -2), (0, 0), (8, 100), (5, 2)]
)
def test_ranges(fs: HoldfastFileSystem, start: int | None, end: int | None) -> None:
    """A range is what Python's slices have, and one never costs more than its own bytes."""
    fs.pipe_file("a", b"0123456789")

    assert b"0123456789"[start:end] == fs.cat_file("a", start, end)


def test_many_ranges(fs: HoldfastFileSystem) -> None:
    """Several ranges of several files come in their order, and a missing file is told in its place."""
    _fill(fs, "first", "second")
    found = fs.cat_ranges(["first", "second", "missing"], [0, 1, 0], [2, 3, 1])

    assert [b"fi", b"ec"] == found[:2]
    assert isinstance(found[2], FileNotFoundError)


def test_file_shows_when_it_is_closed(fs: HoldfastFileSystem) -> None:
    """A large file is sent in blocks, and nobody sees a part of it."""
    content = bytes(range(256)) * (12 * _MIB // 256)
    with fs.open("big", "wb") as file:
        file.write(content)
        assert not fs.exists("big")

    with fs.open("big") as file:
        file.seek(7 * _MIB)
        assert content[7 * _MIB : 7 * _MIB + 10] == file.read(10)
    assert content == fs.cat_file("big")


def test_exception_throws_away_what_was_written(fs: HoldfastFileSystem) -> None:
    """The half of a file doesn't replace the whole one, nor stay as an unfinished write."""

    def write() -> None:
        with fs.open("a", "wb") as file:
            file.write(bytes(6 * _MIB))
            raise ZeroDivisionError

    fs.pipe_file("a", b"old")
    with pytest.raises(ZeroDivisionError):
        write()

    assert b"old" == fs.cat_file("a")
    with fs.open("a", "ab") as file:
        file.write(b" and new")
    assert b"old and new" == fs.cat_file("a")


def test_transaction(fs: HoldfastFileSystem) -> None:
    """Files of a transaction show at its end, or never."""
    with fs.transaction:
        with fs.open("a", "wb") as file:
            file.write(b"x")
        assert not fs.exists("a")

    assert fs.exists("a")


def test_moving(fs: HoldfastFileSystem) -> None:
    """A file, into a directory too, and a directory with all that is in it."""
    _fill(fs, "a", "d/x", "d/e/y", "f/z")
    fs.mv("a", "b")
    fs.mv("b", "f/")
    fs.mv("d", "g", recursive=True)

    assert ["/f/b", "/f/z", "/g/e/y", "/g/x"] == fs.find("/")
    assert b"a" == fs.cat_file("f/b")


def test_removing(fs: HoldfastFileSystem) -> None:
    """A file, several by a pattern, and a directory with all that is in it; what isn't there is told."""
    _fill(fs, "a/1", "a/2", "a/b/3", "c/4", "d")
    fs.rm("d")
    fs.rm("a/[12]")
    assert ["/a/b/3", "/c/4"] == fs.find("/")
    with pytest.raises(IsADirectoryError):
        fs.rm_file("a")
    with pytest.raises(OSError, match="not empty"):
        fs.rmdir("a")
    fs.rm("a", recursive=True)
    assert ["/c/4"] == fs.find("/")
    with pytest.raises(FileNotFoundError):
        fs.rm("a")


def test_files_of_this_machine(fs: HoldfastFileSystem, tmp_path: Path) -> None:
    """A file goes there and comes back, through bounded memory."""
    content = bytes(range(256)) * (5 * _MIB // 256)
    (tmp_path / "from").write_bytes(content)
    fs.put_file(str(tmp_path / "from"), "a/b")
    fs.get_file("a/b", str(tmp_path / "to"))

    assert content == (tmp_path / "to").read_bytes()


def test_asynchronous_side() -> None:
    """On a program's own event loop the filesystem works as it is."""

    async def use() -> bytes:
        filesystem = HoldfastFileSystem("inmemory", asynchronous=True, skip_instance_cache=True)
        await filesystem._pipe_file("a/b", b"content")
        found = await filesystem._find("/")
        assert ["/a/b"] == found
        content: bytes = await filesystem._cat_file("a/b")
        await filesystem.aclose()
        return content

    assert b"content" == asyncio.run(use())


def test_closed_filesystem_says_so(fs: HoldfastFileSystem) -> None:
    """It doesn't open the driver again."""
    fs.close()

    with pytest.raises(ValueError, match="closed"):
        fs.ls("")


@pytest.mark.parametrize("error", [*NUMBERS, StorageUnavailableError])
def test_errors_are_pythons(error: type[StorageError]) -> None:
    """A program that knows files knows what went wrong; what has no number is `EIO`."""
    with pytest.raises(OSError, match="a") as caught, system_errors("/a"):
        raise error("what")

    assert NUMBERS.get(error, errno.EIO) == caught.value.errno
    assert isinstance(caught.value.__cause__, error)
