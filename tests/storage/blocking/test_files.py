from __future__ import annotations

import io
import json
import os
import random
import shutil
import zipfile
from typing import TYPE_CHECKING

import pytest

from holdfast.storage import blocking
from holdfast.storage.errors import PathNotFoundError, StorageFullError
from holdfast.storage.layers import compose
from tests.storage.fakes import ScriptedDriver

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.storage.blocking import BlockingDriver

CONTENT = bytes(range(256)) * 1500  # several buffers long


@pytest.fixture
def inner() -> ScriptedDriver:
    """The driver at the bottom."""
    driver = ScriptedDriver()
    driver.script.chunk = 50_000
    driver.files = {"/a": CONTENT}
    return driver


@pytest.fixture
def driver(inner: ScriptedDriver) -> Iterator[BlockingDriver]:
    """The facade over it, as its users have it."""
    with blocking.wrap(compose(inner)) as facade:
        yield facade


# Reading ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [0, 1, 49_999, 50_000, len(CONTENT) - 1, len(CONTENT), len(CONTENT) + 5])
def test_reading_from_an_offset(driver: BlockingDriver, offset: int) -> None:
    """From there to the end, also past it; positions are the file's."""
    with driver.open("/a", offset=offset) as file:
        position, content = file.tell(), file.read()

    assert (offset, CONTENT[offset:]) == (position, content)


@pytest.mark.parametrize("size", [1000, 130_000, 1_000_000])
def test_reading_piece_by_piece(driver: BlockingDriver, inner: ScriptedDriver, size: int) -> None:
    """Whatever the pieces, the content is opened once and read once."""
    with driver.open("/a", "rb") as file:
        pieces = list(iter(lambda: file.read(size), b""))

    assert CONTENT == b"".join(pieces)
    assert 1 == inner.script.calls.count("reader")
    assert 1 == len(inner.readers_closed)


def test_seeking_is_a_local_files(driver: BlockingDriver) -> None:
    """Any sequence of seeks and reads gives what an in-memory file gives."""
    chance = random.Random(5)
    model = io.BytesIO(CONTENT)
    with driver.open("/a") as file:
        for _ in range(200):
            whence = chance.choice([os.SEEK_SET, os.SEEK_CUR, os.SEEK_END])
            offset = chance.randrange(-1000, 1000) if whence else chance.randrange(len(CONTENT) + 100)
            if whence != os.SEEK_CUR or model.tell() + offset >= 0:
                assert model.seek(offset, whence) == file.seek(offset, whence)
            size = chance.choice([0, 1, 7, 500, 200_000])
            assert model.read(size) == file.read(size)
            assert model.tell() == file.tell()


def test_a_negative_position_is_an_error(driver: BlockingDriver) -> None:
    """As with any file."""
    with driver.open("/a") as file, pytest.raises(ValueError, match="negative"):
        file.seek(-1)


def test_opening_what_is_not_there(driver: BlockingDriver) -> None:
    """Is an error at once, not at the first read."""
    with pytest.raises(PathNotFoundError):
        driver.open("/none")
    with pytest.raises(PathNotFoundError):
        driver.open("/none", "ab")


def test_json_and_copyfileobj_and_lines(driver: BlockingDriver) -> None:
    """What takes a binary file takes these."""
    driver.put_content("/json", json.dumps({"a": [1, 2]}).encode())
    with driver.open("/json") as file:
        loaded = json.load(file)
    with driver.open("/a") as source, driver.open("/copy", "wb") as target:
        shutil.copyfileobj(source, target)
    with driver.open("/lines", "wb") as target, io.TextIOWrapper(target, "utf-8") as text:
        text.write("zwölf\nBoxkämpfer\n")
    with driver.open("/lines") as source:
        lines = [line.decode() for line in source]

    assert {"a": [1, 2]} == loaded
    assert CONTENT == driver.get_content("/copy")
    assert ["zwölf\n", "Boxkämpfer\n"] == lines


def test_zip_archives(driver: BlockingDriver) -> None:
    """One is written to a file that can't seek and read from one that can."""
    with driver.open("/zip", "wb") as target, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("one", CONTENT)
        archive.writestr("two", b"two")
    with driver.open("/zip") as source, zipfile.ZipFile(source) as archive:
        bad = archive.testzip()
        two = archive.read("two")

    assert (None, b"two") == (bad, two)


def test_a_file_that_breaks_raises_our_error(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """And closes all the same."""
    inner.script.fail["chunk"] = StorageFullError()
    with driver.open("/a") as file, pytest.raises(StorageFullError):
        file.read()

    assert file.closed
    assert 1 == len(inner.readers_closed)


# Writing ---------------------------------------------------------------------------------------


def test_writing_shows_when_it_is_closed(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """Not before, and then whole."""
    with driver.open("/new", "wb") as file:
        for start in range(0, len(CONTENT), 777):
            assert len(CONTENT[start : start + 777]) == file.write(CONTENT[start : start + 777])
        position = file.tell()
        shown = dict(inner.files)

    assert len(CONTENT) == position
    assert {"/a": CONTENT} == shown
    assert CONTENT == inner.files["/new"]


def test_appending_continues(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """After the content that is there, told by the position."""
    with driver.open("/a", "ab") as file:
        position = file.tell()
        file.write(b"more")

    assert len(CONTENT) == position
    assert CONTENT + b"more" == inner.files["/a"]


def test_an_empty_file(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """Nothing written is an empty file."""
    driver.open("/empty", "wb").close()

    assert b"" == inner.files["/empty"]


def test_a_block_that_raises_commits_nothing(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """What was written, buffered or not, is thrown away, and the exception passes."""

    def write() -> None:
        with driver.open("/a", "wb") as file:
            file.write(CONTENT)
            file.write(b"buffered")
            raise LookupError("the block's")

    with pytest.raises(LookupError):
        write()

    assert {"/a": CONTENT} == inner.files
    assert {} == inner.uploads
    assert "commit" not in inner.script.calls


def test_a_block_that_raises_and_a_cancel_that_fails(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """The block's exception wins, the other is a note of it."""
    inner.script.fail["cancel"] = StorageFullError()

    def write() -> None:
        with driver.open("/b", "wb"):
            raise LookupError("the block's")

    with pytest.raises(LookupError) as caught:
        write()

    assert ["throwing away what was written failed as well"] == [
        note.partition(":")[0] for note in caught.value.__notes__
    ]


def test_cancelling_by_hand(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """The file is closed and nothing is there; again it does nothing."""
    file = driver.open("/b", "wb")
    file.write(b"1")
    file.cancel()
    file.cancel()

    assert file.closed
    assert "/b" not in inner.files


@pytest.mark.parametrize("failing", ["write", "commit"])
def test_a_write_that_failed_is_never_committed(driver: BlockingDriver, inner: ScriptedDriver, failing: str) -> None:
    """Closing after it throws away: a file with a hole isn't shown."""
    inner.script.fail[failing] = StorageFullError()
    file = driver.open("/a", "wb")
    file.write(b"1")
    with pytest.raises(StorageFullError):
        file.close()

    assert file.closed
    assert {"/a": CONTENT} == inner.files
    assert {} == inner.uploads
    assert "cancel" in inner.script.calls


def test_a_write_that_failed_once_is_never_committed(driver: BlockingDriver, inner: ScriptedDriver) -> None:
    """Not even when the next would go through."""
    file = driver.open("/a", "wb")
    file.write(b"1")
    inner.script.fail["write"] = StorageFullError()
    with pytest.raises(StorageFullError):
        file.flush()
    inner.script.fail.clear()
    file.close()

    assert {"/a": CONTENT} == inner.files
    assert "commit" not in inner.script.calls


@pytest.mark.parametrize(("mode", "offset"), [("r", 0), ("w", 0), ("r+b", 0), ("xb", 0), ("wb", 1)])
def test_other_modes_are_refused(driver: BlockingDriver, mode: str, offset: int) -> None:
    """There are three, and an offset is for reading."""
    with pytest.raises(ValueError, match="a mode is"):
        driver.open("/a", mode, offset=offset)  # type: ignore[call-overload]


# Files that nobody closes ----------------------------------------------------------------------


def test_files_left_open_are_closed_with_the_driver(inner: ScriptedDriver) -> None:
    """Readers are freed; what was being written isn't committed, since nobody knows whether it was whole."""
    with blocking.wrap(compose(inner)) as driver:
        reading = driver.open("/a")
        reading.read(1)
        writing = driver.open("/b", "wb")
        writing.write(b"1")
        writing.flush()

    assert (True, True) == (reading.closed, writing.closed)
    assert 1 == len(inner.readers_closed)
    assert {"/a": CONTENT} == inner.files
    assert {} == inner.uploads


@pytest.mark.parametrize("mode", ["rb", "wb"])
def test_a_forgotten_file_warns_and_commits_nothing(inner: ScriptedDriver, mode: str) -> None:
    """The collector is no way to commit."""
    with blocking.wrap(compose(inner)) as driver:
        file = driver.open("/a", mode)  # type: ignore[call-overload]
        with pytest.warns(ResourceWarning, match="unclosed file"):
            del file

    assert {"/a": CONTENT} == inner.files
    assert ("rb" == mode) == (1 == len(inner.readers_closed))
