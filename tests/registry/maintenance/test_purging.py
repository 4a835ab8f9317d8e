import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import pytest
from structlog.testing import capture_logs

from holdfast.registry.maintenance import purging
from holdfast.registry.maintenance.background import running
from holdfast.registry.maintenance.purging import PurgedUpload, UploadPurging, keep_purging, purge_uploads
from holdfast.registry.maintenance.readonly import ReadOnlySwitch, ReadOnlyWatch
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.storage.driver import Capabilities, FileInfo, StorageDriver, UploadInfo
from holdfast.storage.errors import StorageUnavailableError
from holdfast.testing.drivers import CountingDriver, Fault, FaultyDriver
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from tests.registry.client import NAME, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

WEEK = timedelta(days=7)


def ago(**age: float) -> bytes:
    """A `startedat`."""
    return (datetime.now(UTC) - timedelta(**age)).strftime("%Y-%m-%dT%H:%M:%SZ").encode()


class Aged(InterceptingDriver):
    """A driver on which everything was written longer ago than it was. Nothing real gets old within a test."""

    def __init__(self, inner: StorageDriver, age: timedelta | None) -> None:
        super().__init__(inner)
        self._age = age
        self.swept: asyncio.Queue[None] = asyncio.Queue()

    async def before(self, step: Step) -> None:
        """Nothing."""

    async def after(self, step: Step) -> None:
        """Nothing."""

    async def walk(self, path: str, *, start_after: str | None = None) -> AsyncGenerator[FileInfo, None]:
        """Tell older times; none where the age is none."""
        async for info in self.inner.walk(path, start_after=start_after):
            yield FileInfo(path=info.path, size=info.size, modified=self._older(info.modified))

    async def list_uploads(self, path: str) -> AsyncGenerator[UploadInfo, None]:
        """Tell older times."""
        async for info in self.inner.list_uploads(path):
            yield UploadInfo(
                path=info.path, upload_id=info.upload_id, started=self._older(info.started), size=info.size
            )
        if path == paths.REGISTRY:
            self.swept.put_nowait(None)

    def _older(self, time: datetime | None) -> datetime | None:
        return None if time is None or self._age is None else time - self._age


async def make_upload(
    storage: Storage, started: bytes | None, *, name: str = NAME, data: bytes | None = None, write: bytes | None = None
) -> str:
    """An upload's directory: with its `startedat`, a finished file, and an unfinished write."""
    uuid = str(uuid4())
    if started is not None:
        await storage.put(paths.upload_started_at(name, uuid), started)
    if data is not None:
        await storage.put(paths.upload_data(name, uuid), data)
    if write is not None:
        await unfinished(storage, paths.upload_data(name, uuid), write)
    return paths.upload(name, uuid)


async def unfinished(storage: Storage, path: str, content: bytes = b"content") -> None:
    """A write that isn't finished."""
    writer = await storage.driver.writer(path)
    await writer.write(content)
    await writer.close()


async def purge(driver: StorageDriver, *, older_than: timedelta = WEEK, dry_run: bool = False) -> list[PurgedUpload]:
    """All that is purged."""
    async with aclosing(purge_uploads(driver, older_than=older_than, dry_run=dry_run)) as uploads:
        return [upload async for upload in uploads]


async def test_by_its_beginning(storage: Storage) -> None:
    """An upload that began long ago and was left is purged, one that is younger isn't, wherever the repository is."""
    old = [await make_upload(storage, ago(days=8), name=name, write=b"12") for name in ("a", "a/b", "only/uploads")]
    young = await make_upload(storage, ago(days=6), write=b"1")
    async with storage.client() as client:
        await client.push_image(make_image(), "tag")
        images = {path for path in await storage.files() if "_uploads" not in path}
        purged = await purge(Aged(storage.open(), timedelta(days=7, hours=1)))

        assert sorted(old) == sorted(upload.path for upload in purged)
        # An object store tells the size of `startedat` alone.
        assert {20 if storage.is_bucket else 22} == {upload.size for upload in purged}
        assert {None} == {upload.error for upload in purged}
        assert images | {f"{young}/startedat"} == set(await storage.files())
        assert 200 == (await client.get_manifest("tag")).status_code


@pytest.mark.parametrize(
    "started", [b"", b"garbage", b"\xff\xfe", b"2020-01-01", b"9999-01-01T00:00:00Z", None], ids=repr
)
async def test_an_unreadable_beginning(storage: Storage, started: bytes | None) -> None:
    """Where `startedat` says nothing, or what can't be, the upload is as old as the newest of it."""
    upload = await make_upload(storage, started, data=b"content")

    assert [] == await purge(Aged(storage.open(), timedelta(days=6)))
    assert [] == await purge(Aged(storage.open(), None))
    assert [upload] == [found.path for found in await purge(Aged(storage.open(), timedelta(days=8)))]
    assert {} == await storage.files()


@pytest.mark.parametrize("started", [b"2020-01-02T03:04:05.123456789Z", b"2020-01-02T03:04:05+02:00\n"])
async def test_forms_of_time(storage: Storage, started: bytes) -> None:
    """The times that Distribution writes are read: with fractions, with an offset."""
    upload = await make_upload(storage, started)

    (purged,) = await purge(Aged(storage.open(), timedelta(days=3650)))
    assert upload == purged.path
    assert purged.active is not None
    assert 2020 == purged.active.year


@pytest.mark.parametrize("parts", [{"data": b"content"}, {"write": b"content"}])
async def test_what_is_written_now(storage: Storage, parts: dict[str, bytes]) -> None:
    """However long ago it began: an upload that something came for lately is kept."""
    upload = await make_upload(storage, ago(days=30), **parts)  # type: ignore[arg-type]

    assert [] == await purge(storage.open())
    assert f"{upload}/startedat" in await storage.files()


async def test_writes_that_only_the_driver_knows(storage: Storage) -> None:
    """Unfinished writes go by age, those of blobs on their way to their final path included; young ones stay."""
    targets = [paths.blob_data(Digest.of(b"x")), paths.upload_data(NAME, str(uuid4()))]
    for path in targets:
        await unfinished(storage, path)

    assert [] == await purge(Aged(storage.open(), timedelta(days=6)))
    assert sorted(targets) == await storage.uploads()
    purged = await purge(Aged(storage.open(), timedelta(days=8)))
    size = 0 if storage.is_bucket else 7  # unknown there
    assert [(path, size) for path in sorted(targets)] == sorted((upload.path, upload.size) for upload in purged)
    assert [] == await storage.uploads()


async def test_what_killed_processes_left(tmp_path: Path, shared_storage: Storage) -> None:
    """Temporary files of the filesystem's own go as well."""
    folder = tmp_path / "data" / "docker" / "registry" / "v2" / "blobs"
    folder.mkdir(parents=True)
    left = folder / ("~t" + "0" * 32)
    left.write_bytes(b"content")

    (purged,) = await purge(Aged(shared_storage.open(), timedelta(days=8)))
    assert (7, False) == (purged.size, left.exists())


async def test_what_begins_meanwhile(storage: Storage) -> None:
    """A purge of everything leaves alone what begins while it goes on, a store's rounded second aside."""
    await make_upload(storage, ago(seconds=-5))

    assert [] == await purge(storage.driver, older_than=timedelta())


async def test_a_dry_run(storage: Storage) -> None:
    """It tells the same as a real one, each upload once, and deletes nothing."""
    await make_upload(storage, ago(days=8), write=b"content")
    await unfinished(storage, paths.blob_data(Digest.of(b"x")))
    before = (await storage.files(), await storage.uploads())
    driver = Aged(storage.open(), timedelta(days=8))
    would = await purge(driver, dry_run=True)

    assert before == (await storage.files(), await storage.uploads())
    assert 2 == len(would)
    assert [upload.path for upload in would] == [upload.path for upload in await purge(driver)]
    assert ({}, []) == (await storage.files(), await storage.uploads())


@pytest.mark.parametrize("op", ["get_content", "delete", "walk", "list"])
async def test_an_error_with_one_upload(storage: Storage, op: str) -> None:
    """What can't be purged is told with the error, and all else is purged."""
    broken = await make_upload(storage, ago(days=8), name="b", data=b"1")
    others = [await make_upload(storage, ago(days=8), name=name, data=b"1") for name in ("a", "b", "c")]
    pattern = paths.uploads("b") if op == "list" else f"{broken}*"
    driver = FaultyDriver(Aged(storage.open(), timedelta(days=8)), Fault(op=op, path=pattern, times=None))
    purged = await purge(driver)

    failed = [upload for upload in purged if upload.error is not None]
    assert [StorageUnavailableError] == [type(upload.error) for upload in failed]
    assert [paths.uploads("b") if op == "list" else broken] == [upload.path for upload in failed]
    expected = [path for path in others if op != "list" or "/b/" not in path]
    assert sorted(expected) == sorted(upload.path for upload in purged if upload.error is None)


async def test_an_abort_that_fails(storage: Storage) -> None:
    """A write that can't be aborted is told, and the others are aborted."""
    for name in (b"x", b"y"):
        await unfinished(storage, paths.blob_data(Digest.of(name)))
    purged = await purge(FaultyDriver(Aged(storage.open(), timedelta(days=8)), Fault(op="abort_upload")))

    assert [False, True] == sorted(upload.error is None for upload in purged)
    assert 1 == len(await storage.uploads())


async def test_only_uploads(storage: Storage) -> None:
    """What isn't named as an upload is somebody else's."""
    await storage.put(f"{paths.uploads(NAME)}/notes", b"")
    await storage.put(f"{paths.uploads(NAME)}/notes.d/startedat", ago(days=8))

    assert [] == await purge(Aged(storage.open(), timedelta(days=8)))


async def test_many_uploads(storage: Storage) -> None:
    """However many there are: all that are old go."""
    uploads = sorted([await make_upload(storage, ago(days=8)) for _ in range(20)])
    with patch.object(purging, "_CHUNK", 3):
        purged = await purge(Aged(storage.open(), timedelta(days=8)))

    assert uploads == sorted(upload.path for upload in purged)


async def test_cost(storage: Storage) -> None:
    """A young upload costs one read; repositories without uploads cost no more than finding them.

    On this machine that is a listing each; elsewhere, a walk that finds many at a time.
    """
    for name in ("a", "b", "c"):
        await storage.put(paths.tag_current_link(name, "x"), b"")
    for _ in range(3):
        await make_upload(storage, ago(days=1), name="b")
    counting = CountingDriver(storage.open())
    await purge(counting)

    finding = {"list": 1 + 3 + 1} if storage.is_local else {"walk": 1, "list": 1}
    counting.expect({**finding, "get_content": 3, "list_uploads": 1})


async def test_without_unfinished_writes(storage: Storage) -> None:
    """A driver that knows no unfinished writes isn't asked for them."""

    class Plain(Aged):
        @property
        def capabilities(self) -> Capabilities:
            return Capabilities()

    upload = await make_upload(storage, ago(days=8))

    assert [upload] == [found.path for found in await purge(Plain(storage.open(), timedelta(days=8)))]


# In the background ------------------------------------------------------------------------------


async def test_in_the_background(storage: Storage) -> None:
    """A registry purges again and again, and logs what it purged."""
    await make_upload(storage, ago(days=8))
    driver = Aged(storage.open(), timedelta(days=8))
    settings = UploadPurging(interval=timedelta(0))
    watch = ReadOnlyWatch(driver)
    with patch.multiple(purging, _FIRST_WITHIN=0.0, _MIN_INTERVAL=0.01), capture_logs() as logs:
        async with running(keep_purging(driver, settings, watch)), asyncio.timeout(20):
            for _ in range(2):
                await driver.swept.get()

    assert {} == await storage.files()
    purged = [line for line in logs if "purged" in line["event"]]
    assert ["old upload purged", "uploads purged"] == [line["event"] for line in purged[:2]]
    assert (1, 0) == (purged[1]["purged"], purged[1]["failed"])


async def test_not_while_read_only(storage: Storage) -> None:
    """A registry that takes no writes makes none by itself."""
    upload = await make_upload(storage, ago(days=8))
    await ReadOnlySwitch(storage.driver).turn_on("a test", wait=False)
    driver = CountingDriver(Aged(storage.open(), timedelta(days=8)))
    watch = ReadOnlyWatch(driver)
    await watch.look()
    with capture_logs() as logs:
        await purging._purge_and_log(driver, UploadPurging(), watch)

    assert ["uploads aren't purged, the registry is read-only"] == [line["event"] for line in logs]
    assert f"{upload}/startedat" in await storage.files()


async def test_a_registry_purges(storage: Storage) -> None:
    """The registry's own task does it: an old upload goes without anybody asking, and the task ends with it."""
    upload = await make_upload(storage, ago(days=8))
    before = asyncio.all_tasks()
    drivers: list[Aged] = []

    def aged(driver: StorageDriver) -> StorageDriver:
        drivers.append(Aged(driver, timedelta(days=8)))
        return drivers[0]

    with patch.object(purging, "_FIRST_WITHIN", 0.0):
        async with storage.app(aged, purging=UploadPurging()), asyncio.timeout(20):
            await drivers[0].swept.get()

    assert f"{upload}/startedat" not in await storage.files()
    assert before == asyncio.all_tasks()
