import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from holdfast.registry.maintenance.background import running
from holdfast.registry.maintenance.readonly import ReadOnlyMark, ReadOnlySwitch, ReadOnlyWatch
from holdfast.registry.store import paths
from holdfast.storage.driver import Buffer, StorageDriver
from holdfast.storage.errors import ReadOnlyStorageError, StorageUnavailableError
from holdfast.storage.layers.forwarding import ForwardingDriver
from holdfast.testing.drivers import CountingDriver, Fault, FaultPlan, FaultyDriver
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from tests.registry.client import NAME, Client, digest_of, error_code, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

IMAGE = make_image()
BLOB = IMAGE.blobs[0]
WRITES = [
    ("POST", f"/v2/{NAME}/blobs/uploads/"),
    ("POST", f"/v2/{NAME}/blobs/uploads/?digest={digest_of(BLOB)}"),
    ("POST", f"/v2/{NAME}/blobs/uploads/?mount={digest_of(BLOB)}&from=other"),
    ("PATCH", "UPLOAD"),
    ("PUT", "UPLOAD"),
    ("DELETE", "UPLOAD"),
    ("PUT", f"/v2/{NAME}/manifests/tag"),
    ("DELETE", f"/v2/{NAME}/manifests/tag"),
    ("DELETE", f"/v2/{NAME}/manifests/{IMAGE.digest}"),
    ("DELETE", f"/v2/{NAME}/blobs/{digest_of(BLOB)}"),
    ("DELETE", f"/v2/{NAME}/"),
]
READS = [
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", f"/v2/{NAME}/tags/list"),
    ("GET", f"/v2/{NAME}/manifests/tag"),
    ("HEAD", f"/v2/{NAME}/manifests/{IMAGE.digest}"),
    ("GET", f"/v2/{NAME}/blobs/{digest_of(BLOB)}"),
    ("HEAD", f"/v2/{NAME}/blobs/{digest_of(BLOB)}"),
]


class Noticed(InterceptingDriver):
    """A driver that tells of each look at the switch."""

    def __init__(self, inner: StorageDriver) -> None:
        super().__init__(inner)
        self.looked = asyncio.Event()

    async def before(self, step: Step) -> None:
        """Tell."""
        if step.op == "get_content" and step.path == paths.READ_ONLY:
            self.looked.set()

    async def after(self, step: Step) -> None:
        """Nothing is left to tell."""

    async def next_look(self) -> None:
        """Wait for a look that begins from now on to end: the one after it begins."""
        for _ in range(2):
            self.looked.clear()
            await self.looked.wait()


async def expect_read_only(client: Client, upload: str) -> None:
    """Every write is refused, and every read answered."""
    for method, target in WRITES:
        response = await client.request(method, target.replace("UPLOAD", upload), body=IMAGE.manifest)
        assert (405, "UNSUPPORTED") == (response.status_code, error_code(response)), (method, target)
        assert not {"PUT", "POST", "PATCH", "DELETE"} & set(response.headers["allow"].split(", "))
    for method, target in READS:
        assert 200 == (await client.request(method, target)).status_code, (method, target)


async def test_configured(storage: Storage) -> None:
    """A registry whose configuration says so takes no writes, answers reads, and changes nothing."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "tag")
        upload = await client.begin()
        await client.patch(upload, b"content")
    before = await storage.files()
    async with storage.client(read_only=True, repository_delete_enabled=True) as client:
        await expect_read_only(client, upload)

    assert before == await storage.files()


async def test_on_storage_that_can_only_be_read(storage: Storage) -> None:
    """A read-only registry starts on storage that refuses every write, without any secret being told or kept there."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "tag")
    counting = []

    def only_readable(driver: StorageDriver) -> StorageDriver:
        faults = [Fault(op=op, times=None, error=ReadOnlyStorageError) for op in ("put_content", "writer", "delete")]
        counting.append(CountingDriver(FaultyDriver(driver, *faults)))
        return counting[0]

    async with storage.client(only_readable, read_only=True, secret=None) as client:
        await expect_read_only(client, f"/v2/{NAME}/blobs/uploads/9fdd4a47-bff0-4dd5-9d0c-d5c0cf0f9d2c")
    assert not {"put_content", "writer", "delete", "move", "delete_files"} & set(counting[0].counts)


async def test_switched_while_it_runs(storage: Storage) -> None:
    """A replica that runs sees the switch by itself, both ways."""
    drivers: list[Noticed] = []

    def noticed(driver: StorageDriver) -> StorageDriver:
        drivers.append(Noticed(driver))
        return drivers[0]

    switch = ReadOnlySwitch(storage.driver, seen_within=0)
    async with storage.client(noticed, read_only_look=0.01) as client, asyncio.timeout(20):
        await client.push_image(IMAGE, "tag")
        upload = await client.begin()
        await switch.turn_on("a test")
        await drivers[0].next_look()
        await expect_read_only(client, upload)
        await switch.turn_off()
        await drivers[0].next_look()
        assert 202 == (await client.patch(upload, b"content")).status_code


async def test_switched_before_it_starts(storage: Storage) -> None:
    """A replica that starts while the switch is on takes no writes from its first request on."""
    await ReadOnlySwitch(storage.driver).turn_on("a test", wait=False)
    async with storage.client() as client:
        assert 405 == (await client.request("POST", f"/v2/{NAME}/blobs/uploads/")).status_code


async def test_a_look_that_fails(storage: Storage) -> None:
    """An error changes nothing, on or off, and is logged; the next look counts again."""
    driver = FaultyDriver(storage.open())
    noticed = Noticed(driver)
    watch = ReadOnlyWatch(noticed)
    for switched in (False, True):
        if switched:
            await ReadOnlySwitch(storage.driver).turn_on("a test", wait=False)
        driver.plan = FaultPlan()
        await watch.look()
        driver.plan = FaultPlan(faults=[Fault(op="get_content", times=None)])
        with capture_logs() as logs:
            async with running(watch.keep_looking(0.001)), asyncio.timeout(20):
                await noticed.next_look()
        assert switched == watch.is_on
        assert "the read-only switch can't be read; it counts as it was" == logs[0]["event"]
        with pytest.raises(StorageUnavailableError):
            await watch.look()


@pytest.mark.parametrize("content", [b"", b"garbage", b"[]", b"\xff", b'{"since": 7}'])
async def test_a_damaged_mark(storage: Storage, content: bytes) -> None:
    """A mark that can't be read means on all the same."""
    await storage.put(paths.READ_ONLY, content)

    assert ReadOnlyMark() == await ReadOnlySwitch(storage.driver).mark()


async def test_the_switch(storage: Storage) -> None:
    """It says since when and why; turning it on again keeps since when; turning it off twice does no harm."""
    switch = ReadOnlySwitch(storage.driver, seen_within=0)
    assert await switch.mark() is None
    await switch.turn_on("first")
    first = await switch.mark()
    await switch.turn_on("second")
    second = await switch.mark()

    assert first is not None
    assert second is not None
    assert ("first", "second", first.since) == (first.reason, second.reason, second.since)
    assert [True, False] == [await switch.turn_off(), await switch.turn_off()]
    assert await switch.mark() is None


@pytest.mark.parametrize("before", [False, True])
async def test_for_a_block(storage: Storage, before: bool) -> None:  # noqa: FBT001
    """It is on for a block, and afterwards as it was before, also when the block fails."""
    switch = ReadOnlySwitch(storage.driver, seen_within=0)
    if before:
        await switch.turn_on("before")

    async def fail() -> None:
        async with switch.turned_on("a test"):
            assert await switch.mark() is not None
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    mark = await switch.mark()
    assert ("before" if before else None) == (mark and mark.reason)


async def test_turning_on_waits_for_every_replica(storage: Storage) -> None:
    """It returns when a replica that has just looked will have looked again, and not before."""
    is_written, is_back = asyncio.Event(), asyncio.Event()

    class Telling(ForwardingDriver):
        async def put_content(self, path: str, content: Buffer, *, precondition: Any = None) -> str | None:
            version = await self.inner.put_content(path, content, precondition=precondition)
            is_written.set()
            return version

    async def turn_on() -> None:
        await ReadOnlySwitch(storage.open(Telling), seen_within=60).turn_on("a test")
        is_back.set()

    async with running(turn_on()):
        await is_written.wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(is_back.wait(), timeout=0.2)


async def test_requests_cost_what_they_did(storage: Storage) -> None:
    """No request looks at the switch."""
    drivers: list[CountingDriver] = []

    def counted(driver: StorageDriver) -> StorageDriver:
        drivers.append(CountingDriver(driver))
        return drivers[0]

    async with storage.client(counted) as client:
        drivers[0].expect({"get_content": 1})
        await client.push_image(IMAGE, "tag")
        await client.get_manifest("tag")
    assert paths.READ_ONLY not in {path for _, path in drivers[0].calls}
