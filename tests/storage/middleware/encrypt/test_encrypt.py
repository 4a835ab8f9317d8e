from __future__ import annotations

import base64
import contextlib
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from holdfast.storage import create
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.errors import (
    AccessDeniedError,
    InvalidParameterError,
    InvalidPathError,
    PathNotFoundError,
    StorageError,
    UnexpectedStorageError,
)
from holdfast.storage.layers import compose
from holdfast.storage.middleware.encrypt import Encrypt
from holdfast.storage.middleware.encrypt.keys import Keys
from holdfast.storage.middleware.encrypt.options import EncryptOptions
from holdfast.storage.middleware.encrypt.sealing import (
    HEADER_BYTES,
    SEALED_BYTES,
    SLOT_BYTES,
)
from holdfast.storage.middleware.encrypt.writer import EncryptingWriter
from holdfast.testing import CountingDriver, Fault, FaultPlan, FaultyDriver
from holdfast.testing.suite.acts import keep_unfinished, random_bytes, read, walked, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from holdfast.storage.driver import FileWriter, StorageDriver

pytestmark = pytest.mark.anyio

_ONE, _TWO = (f"{name} {base64.b64encode(letter * 32).decode()}" for name, letter in (("one", b"1"), ("two", b"2")))
_KEYS = Keys.parse(_ONE)
_AROUND = [0, 1, SLOT_BYTES - 1, SLOT_BYTES, SLOT_BYTES + 1, 2 * SLOT_BYTES, 3 * SLOT_BYTES + 7]


@pytest.fixture
def encrypted(monkeypatch: pytest.MonkeyPatch) -> Callable[..., StorageDriver]:
    """Puts `encrypt` and the layers around a driver."""

    def make(inner: StorageDriver, keys: str = _ONE, **options: str) -> StorageDriver:
        monkeypatch.setenv("HOLDFAST_TEST_KEYS", keys)
        return compose(Encrypt(inner, EncryptOptions.model_validate({"keyenv": "HOLDFAST_TEST_KEYS", **options})))

    return make


# Reading ----------------------------------------------------------------------------------------


async def test_any_range_is_a_slice(encrypted: Callable[..., StorageDriver]) -> None:
    """Ranges that begin and end at, before and after the borders of slots are the same slices of the content."""
    driver = encrypted(InMemoryDriver())
    for size in _AROUND:
        content = random_bytes(size)
        await driver.put_content("/file", content)
        places = sorted({0, *(max(0, border + by) for border in (*_AROUND, size) for by in (-1, 0, 1))})
        for offset in places:
            for length in (None, 0, 1, SLOT_BYTES, *(place - offset for place in places if place > offset)):
                end = None if length is None else offset + length

                assert content[offset:end] == await read(driver, "/file", offset=offset, length=length)


async def test_a_range_reads_its_slots_alone(encrypted: Callable[..., StorageDriver]) -> None:
    """A byte in the middle costs the header and one slot; a description costs no reading at all."""
    inner = CountingDriver(InMemoryDriver())
    driver = encrypted(inner)
    await driver.put_content("/file", random_bytes(9 * SLOT_BYTES))
    inner.reset()
    assert 9 * SLOT_BYTES == (await driver.stat("/file")).size
    assert [9 * SLOT_BYTES] == [info.size async for info in driver.walk("/")]
    inner.expect({"stat": 1, "walk": 1})
    assert random_bytes(9 * SLOT_BYTES)[-9:-8] == await read(driver, "/file", offset=9 * SLOT_BYTES - 9, length=1)
    inner.expect({"reader": 2})
    await read(driver, "/file")
    inner.expect({"reader": 1})


async def test_a_cut_off_end_is_found_out_by_whoever_asks_for_it(encrypted: Callable[..., StorageDriver]) -> None:
    """A file cut off between slots isn't taken for a shorter one, also where a range begins behind what is left."""
    inner = InMemoryDriver()
    driver = encrypted(inner)
    await driver.put_content("/file", random_bytes(3 * SLOT_BYTES + 5))
    file = await inner.get_content("/file")
    for left in (HEADER_BYTES, HEADER_BYTES + SEALED_BYTES, HEADER_BYTES + 2 * SEALED_BYTES, len(file) - 3):
        await inner.put_content("/file", file[:left])
        for offset, length in ((0, None), (2 * SLOT_BYTES, None), (3 * SLOT_BYTES, 5), (9 * SLOT_BYTES, 1)):
            with pytest.raises(StorageError) as caught:
                await read(driver, "/file", offset=offset, length=length)

            assert not isinstance(caught.value, PathNotFoundError)


async def test_a_file_replaced_between_its_header_and_its_slots(encrypted: Callable[..., StorageDriver]) -> None:
    """A range of a file that is replaced after its key was read is one of the new file."""
    inner = _Replacing(InMemoryDriver())
    driver = encrypted(inner)
    await driver.put_content("/old", random_bytes(3 * SLOT_BYTES, 1))
    await driver.put_content("/new", random_bytes(3 * SLOT_BYTES, 2))
    inner.replace_after_header = True

    expected = random_bytes(3 * SLOT_BYTES, 2)[SLOT_BYTES:]
    assert expected == await read(driver, "/old", offset=SLOT_BYTES)


class _Replacing(CountingDriver):
    """Replaces `/old` by `/new` once its beginning has been read."""

    replace_after_header = False

    async def after(self, step: object) -> None:
        op, path = getattr(step, "op", ""), getattr(step, "path", "")
        if self.replace_after_header and (op, path) == ("reader", "/old"):
            self.replace_after_header = False
            await self.inner.put_content("/old", await self.inner.get_content("/new"))


# What the store sees ----------------------------------------------------------------------------


async def test_the_store_sees_no_content(encrypted: Callable[..., StorageDriver]) -> None:
    """Nothing of what was put, written, or left unfinished is in any file of the store."""
    inner = InMemoryDriver()
    driver = encrypted(inner)
    secret = b"a secret that is long enough to be looked for"
    await driver.put_content("/put", secret)
    await write(driver, "/written", [secret] * 3)
    await keep_unfinished(driver, "/unfinished", secret)
    files = [await inner.get_content(info.path) async for info in inner.walk("/")]

    assert 3 == len(files)
    assert [] == [file for file in files if secret[:8] in file]


async def test_what_is_kept_beside_unfinished_writes_is_out_of_sight(encrypted: Callable[..., StorageDriver]) -> None:
    """No listing and no walk shows it, nothing is read or written there, and a deletion above it deletes it."""
    inner = InMemoryDriver()
    driver = encrypted(inner)
    await keep_unfinished(driver, "/d/file", b"begun")
    (hidden,) = [info.path async for info in inner.walk("/")]
    assert [] == await driver.list("/")
    assert [] == await driver.list("/", limit=1)
    assert [] == await walked(driver, "/")
    with pytest.raises(PathNotFoundError):
        await driver.get_content(hidden)
    with pytest.raises(InvalidPathError):
        await driver.put_content(hidden, b"x")
    await driver.delete("/d")

    assert [] == await inner.list("/")


async def test_a_taken_name_is_told_also_where_something_was_to_be_continued(
    encrypted: Callable[..., StorageDriver],
) -> None:
    """Appending below a file or over a directory is what it is without encryption, and not "nothing is there"."""
    driver = encrypted(InMemoryDriver())
    await driver.put_content("/a/file", b"content")
    for path in ("/a/file/below", "/a"):
        with pytest.raises(InvalidPathError):
            await driver.writer(path, append=True)

    with pytest.raises(PathNotFoundError):
        await driver.writer("/a/other", append=True)


async def test_nobody_is_sent_to_what_is_encrypted(encrypted: Callable[..., StorageDriver], tmp_path: Path) -> None:
    """There is no redirect and no local file, whatever the store can do."""
    inner = create("filesystem", {"rootdirectory": str(tmp_path)})
    driver = encrypted(inner)
    await driver.put_content("/file", b"content")

    assert not driver.capabilities.local_path
    assert None is await driver.local_path("/file")
    assert None is await driver.redirect_url("/file")
    await driver.aclose()


# Keys -------------------------------------------------------------------------------------------


async def test_keys_rotate(encrypted: Callable[..., StorageDriver]) -> None:
    """A new first key encrypts what is new; what is there stays readable until its key is taken away."""
    inner = InMemoryDriver()
    await encrypted(inner).put_content("/old", b"old")
    rotated = encrypted(inner, f"{_TWO}\n{_ONE}")
    await rotated.put_content("/new", b"new")
    assert (b"old", b"new") == (await rotated.get_content("/old"), await rotated.get_content("/new"))
    without = encrypted(inner, _TWO)
    assert b"new" == await without.get_content("/new")

    for reading in (without.get_content("/old"), read(without, "/old")):
        with pytest.raises(AccessDeniedError, match="'one'"):
            await reading


async def test_an_unfinished_write_goes_on_after_a_rotation(encrypted: Callable[..., StorageDriver]) -> None:
    """It keeps its file's key, under the operator's key that it began with."""
    inner = InMemoryDriver()
    await keep_unfinished(encrypted(inner), "/file", random_bytes(3 * SLOT_BYTES))
    rotated = encrypted(inner, f"{_TWO}\n{_ONE}")
    await write(rotated, "/file", [b"!"], append=True)

    assert random_bytes(3 * SLOT_BYTES) + b"!" == await read(rotated, "/file")


async def test_another_key_of_the_same_id_opens_nothing(encrypted: Callable[..., StorageDriver]) -> None:
    """It is told that the key is another one."""
    inner = InMemoryDriver()
    await encrypted(inner).put_content("/file", b"content")
    other = encrypted(inner, _TWO.replace("two", "one"))

    with pytest.raises(UnexpectedStorageError, match="another one"):
        await other.get_content("/file")


async def test_keys_are_never_shown(encrypted: Callable[..., StorageDriver], tmp_path: Path) -> None:
    """Not by what describes the driver and its options, not in an error about a file of keys, not in the log."""
    secret = base64.b64encode(b"1" * 32).decode()
    file = tmp_path / "keys"
    file.write_text(f"one {secret} {secret}\n")
    with capture_logs() as logs:
        driver = encrypted(InMemoryDriver())
        await write(driver, "/file", [b"content"])
        with pytest.raises(InvalidParameterError) as caught:
            Encrypt(InMemoryDriver(), EncryptOptions(keyfile=str(file)))
    shown = f"{driver!r} {_KEYS!r} {caught.value} {caught.value!r} {logs} {EncryptOptions(keyenv='X')!r}"

    assert secret not in shown
    assert "line 1" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "no key"),
        ("# only a comment", "no key"),
        ("one", "line 1"),
        ("one AAAA", "32 bytes"),
        ("one not-base64!", "Base64"),
        (f"{_ONE}\n{_ONE}", "line 2"),
        (f"o/ne {base64.b64encode(b'1' * 32).decode()}", "id"),
    ],
)
def test_what_is_no_key_is_refused(text: str, complaint: str) -> None:
    """Each mistake is told by its line or the rule."""
    with pytest.raises(ValueError, match=complaint):
        Keys.parse(text)


@pytest.mark.parametrize("parameters", [{}, {"keyfile": "/a", "keyenv": "B"}, {"keyfile": "/missing/file"}])
def test_keys_come_from_one_place_that_is_there(parameters: dict[str, str]) -> None:
    """No source, two, or one that can't be read is an error of the configuration."""
    with pytest.raises(InvalidParameterError):
        create("inmemory", {}, middleware=[("encrypt", parameters)])


# Content that isn't encrypted -------------------------------------------------------------------


async def test_plaintext_is_refused_unless_asked_for(encrypted: Callable[..., StorageDriver]) -> None:
    """What isn't encrypted is an error, not content, and with `plaintext: read` it is content, and so is its size."""
    inner = InMemoryDriver()
    plain = random_bytes(3 * SLOT_BYTES)
    await inner.put_content("/plain", plain)
    await inner.put_content("/tiny", b"x")
    refusing, reading = encrypted(inner), encrypted(inner, plaintext="read")
    await reading.put_content("/encrypted", b"encrypted")
    for path in ("/plain", "/tiny"):
        with pytest.raises(UnexpectedStorageError):
            await refusing.get_content(path)
        with pytest.raises(UnexpectedStorageError):
            await read(refusing, path)

    assert plain == await reading.get_content("/plain")
    assert plain[70_000:] == await read(reading, "/plain", offset=70_000)
    assert b"x" == await read(reading, "/tiny")
    assert [9, len(plain), 1] == [info.size async for info in reading.walk("/")]
    assert len(plain) + 1 == await write(reading, "/plain", [b"!"], append=True)
    assert plain + b"!" == await refusing.get_content("/plain")


async def _finish(writer: FileWriter, content: bytes) -> None:
    for at in range(0, len(content), 50_000):
        await writer.write(content[at : at + 50_000])
    await writer.commit()


# Writes that were broken off --------------------------------------------------------------------


@pytest.mark.parametrize("keep", [0, 1, HEADER_BYTES - 1, HEADER_BYTES, SEALED_BYTES, 2 * SEALED_BYTES + 100_000])
@pytest.mark.parametrize("again", [1, 2])
async def test_a_write_that_failed_in_the_middle_goes_on(
    encrypted: Callable[..., StorageDriver], keep: int, again: int
) -> None:
    """However much of a slot the store took, the write goes on where its size says, and every range is right."""
    inner = FaultyDriver(InMemoryDriver())
    driver = encrypted(inner)
    content = random_bytes(9 * SLOT_BYTES + 77)
    for turn in range(again):
        inner.plan = FaultPlan(faults=[Fault(op="write", when="within", keep=keep)])
        writer = await driver.writer("/file", append=turn > 0)
        start = writer.size
        with pytest.raises(StorageError):
            await _finish(writer, content[start:])
        await writer.close()
    inner.plan = FaultPlan(faults=[])
    writer = await driver.writer("/file", append=True)
    await writer.write(content[writer.size :])
    await writer.commit()

    assert len(content) == (await driver.stat("/file")).size
    assert content == await driver.get_content("/file")
    for offset in (0, 1, SLOT_BYTES, 3 * SLOT_BYTES - 1, 8 * SLOT_BYTES, len(content) - 1, len(content)):
        assert content[offset:] == await read(driver, "/file", offset=offset)
        assert content[offset : offset + SLOT_BYTES] == await read(driver, "/file", offset=offset, length=SLOT_BYTES)
    assert len(content) + 1 == await write(driver, "/file", [b"!"], append=True)
    assert content + b"!" == await driver.get_content("/file")


@pytest.mark.parametrize("size", [10, SLOT_BYTES, 2 * SLOT_BYTES + 10])
async def test_a_commit_that_failed_can_be_repeated_by_the_next_writer(
    encrypted: Callable[..., StorageDriver], size: int
) -> None:
    """The end that was written for it is dead; what follows is what counts, again and again."""
    inner = FaultyDriver(InMemoryDriver(), Fault(op="commit", times=3))
    driver = encrypted(inner)
    content = random_bytes(size)
    for turn in range(3):
        writer = await driver.writer("/file", append=turn > 0)
        await writer.write(content if turn == 0 else b"more")
        with pytest.raises(StorageError):
            await writer.commit()
        await writer.close()
    expected = content + b"more" * 2 + b"last"

    assert len(expected) == await write(driver, "/file", [b"last"], append=True)
    assert expected == await driver.get_content("/file")
    assert expected == await read(driver, "/file")
    assert expected[5:] == await read(driver, "/file", offset=5)


async def test_a_record_that_stays_is_not_mistaken_for_a_write(encrypted: Callable[..., StorageDriver]) -> None:
    """Where the record of an ended write couldn't be deleted, appending continues from the content."""
    inner = FaultyDriver(InMemoryDriver())
    driver = encrypted(inner)
    token = await keep_unfinished(driver, "/file", random_bytes(2 * SLOT_BYTES + 1))
    inner.plan = FaultPlan(faults=[Fault(op="delete_files")])
    with capture_logs() as logs:
        writer = await driver.writer("/file", append=True, resume_token=token)
        await writer.write(b"one")
        await writer.commit()
    assert ["the record of an ended write stays"] == [line["event"] for line in logs]
    await write(driver, "/file", [b"two"], append=True)

    assert random_bytes(2 * SLOT_BYTES + 1) + b"onetwo" == await driver.get_content("/file")


async def test_processes_that_die_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that goes on after a death writes down at once what is dead: the next one couldn't tell it from content."""
    monkeypatch.setenv("HOLDFAST_TEST_KEYS", _ONE)
    inner = FaultyDriver(InMemoryDriver())
    middleware = Encrypt(inner, EncryptOptions(keyenv="HOLDFAST_TEST_KEYS"))
    content = random_bytes(9 * SLOT_BYTES + 77)
    await keep_unfinished(middleware, "/file", content[:100])
    inner.plan = FaultPlan(faults=[Fault(op="write", when="within", keep=2 * SEALED_BYTES + 500)])
    for _ in range(3):
        writer = await middleware.writer("/file", append=True)
        assert isinstance(writer, EncryptingWriter)
        with contextlib.suppress(StorageError):
            await writer.write(content[writer.size : writer.size + 3 * SLOT_BYTES])
        await writer._inner.close()  # as if it had died: nothing is written down
    await write(middleware, "/file", [], append=True)
    written = await read(middleware, "/file")

    assert len(written) > 4 * SLOT_BYTES
    assert content[: len(written)] == written
