"""Every operation of every write fails in turn, or the request is cancelled there: nothing wrong may come of it."""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx
import pytest

from holdfast.registry.store.uploads import SMALL_BLOB_BYTES
from holdfast.storage.driver import FileWriter, StorageDriver
from holdfast.storage.errors import StorageError, StorageFullError, StorageUnavailableError
from holdfast.testing.drivers import InterceptingDriver, Step
from tests.registry.client import NAME, Client, digest_of, error_code, make_image, stream
from tests.registry.consistency import assert_consistent
from tests.registry.storages import Storage, filesystem, inmemory

pytestmark = pytest.mark.anyio

ResultT = TypeVar("ResultT")

SMALL = b"small content"
LARGE = os.urandom(SMALL_BLOB_BYTES + 1000)
IMAGE = make_image("new")
OLD = make_image("old")


class Disturbance(NamedTuple):
    """When something happens, before or after an operation's effect, and the error; without one, a cancellation."""

    moment: str
    error: type[StorageError] | None


class Disturbing(InterceptingDriver):
    """Fails one operation, or cancels the request in it, before or after its effect.

    Attributes:
        nth: Which operation it is, counted from 1 since this was set; 0 is none.
        moment: `before` or `after` the effect.
        error: What to raise; `None` cancels `task` instead.
        task: The request.
        happened: Whether it came to it.
    """

    def __init__(self, inner: StorageDriver, how: Disturbance) -> None:
        super().__init__(inner)
        self.nth = 0
        self.moment = how.moment
        self.error = how.error
        self.task: asyncio.Task[httpx.Response] | None = None
        self.happened = False

    async def around(self, step: Step, call: Callable[[], Awaitable[ResultT]]) -> ResultT:
        """Intercept; a writer that nobody got is closed, as every driver does when it is cancelled in opening one."""
        await self.before(step)
        result = await call()
        try:
            await self.after(step)
        except BaseException:
            if isinstance(result, FileWriter):
                await result.close()
            raise
        return result

    async def before(self, step: Step) -> None:
        """Disturb, if it is time to."""
        self.nth -= 1
        if self.moment == "before":
            await self._disturb(step)

    async def after(self, step: Step) -> None:
        """Disturb, if it is time to."""
        if self.moment == "after":
            await self._disturb(step)

    async def _disturb(self, step: Step) -> None:
        if self.nth != 0 or self.happened:
            return
        self.happened = True
        if self.error is not None:
            raise self.error("the disk of host db-7 said no", path=step.path)
        assert self.task is not None
        self.task.cancel()
        await asyncio.sleep(0)


class Trial:
    """One disturbed run.

    Attributes:
        storage: Where it happens.
        client: Its client.
    """

    def __init__(self, storage: Storage, client: Client, driver: Disturbing) -> None:
        self.storage = storage
        self.client = client
        self._driver = driver

    def calm(self) -> None:
        """Disturb nothing from now on."""
        self._driver.nth = 0

    async def once(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response | None:
        """Send a request; `None` if it was disturbed. Then all is consistent, and the error the right one."""
        before = self._driver.happened
        self._driver.task = asyncio.ensure_future(send())
        await asyncio.wait({self._driver.task})
        await assert_consistent(self.storage)
        if self._driver.task.cancelled():
            assert self._driver.error is None
            assert self._driver.happened != before
            return None
        response = self._driver.task.result()
        if response.status_code < 500:
            return response
        assert self._driver.happened != before, response.text
        assert (507 if self._driver.error is StorageFullError else 503) == response.status_code
        assert "UNAVAILABLE" == error_code(response)
        assert "/docker" not in response.text
        assert "db-7" not in response.text
        assert ("retry-after" in response.headers) == (self._driver.error is StorageUnavailableError)
        return None

    async def send(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Send a request, and again if it was disturbed."""
        response = await self.once(send)
        return response or await self.send(send)


async def post_whole(trial: Trial, content: bytes) -> None:
    """POST with the digest."""
    params = {"digest": digest_of(content)}
    path = f"/v2/{NAME}/blobs/uploads/"
    response = await trial.send(lambda: trial.client.request("POST", path, params=params, body=content))
    assert 201 == response.status_code, response.text


async def put_whole(trial: Trial, content: bytes) -> None:
    """POST, then PUT with everything."""
    location = await trial.client.begin()
    response = await trial.send(lambda: trial.client.finish(location, digest_of(content), content))
    assert 201 == response.status_code, response.text


async def patch(trial: Trial, location: str, content: bytes) -> str:
    """PATCH with everything; after a disturbance with what is missing."""
    received = 0
    while True:
        rest, at = content[received:], location
        response = await trial.once(lambda: trial.client.patch(at, stream(rest[:500_000], rest[500_000:])))  # noqa: B023
        if response is not None:
            assert (202, f"0-{len(content) - 1}") == (response.status_code, response.headers["range"])
            return response.headers["location"]
        told = await trial.send(lambda: trial.client.request("GET", at))  # noqa: B023
        assert 204 == told.status_code
        last = int(told.headers["range"].partition("-")[2])
        received = last + 1 if last else 0
        location = told.headers["location"]


async def patch_and_put(trial: Trial, content: bytes) -> None:
    """POST, PATCH with everything, empty PUT."""
    location = await patch(trial, await trial.client.begin(), content)
    response = await trial.send(lambda: trial.client.finish(location, digest_of(content)))
    assert 201 == response.status_code, response.text


async def put_last_chunk(trial: Trial, content: bytes) -> None:
    """POST, PATCH with a part, PUT with the last chunk."""
    location = await patch(trial, await trial.client.begin(), content[:-5])
    start = len(content) - 5
    while True:
        headers = {"content-range": f"{start}-{len(content) - 1}"} if start < len(content) else {}
        at, rest, ranged = location, content[start:], headers
        response = await trial.send(lambda: trial.client.finish(at, digest_of(content), rest, ranged))  # noqa: B023
        if response.status_code != 416:
            break
        start = int(response.headers["range"].partition("-")[2]) + 1
        location = response.headers["location"]
    assert 201 == response.status_code, response.text


async def elsewhere(trial: Trial, content: bytes) -> None:
    """POST, PATCH to another registry on the storage, empty PUT."""
    async with trial.storage.client() as other:
        location = (await other.patch(await other.begin(), content)).headers["location"]
    response = await trial.send(lambda: trial.client.finish(location, digest_of(content)))
    assert 201 == response.status_code, response.text


async def mount(trial: Trial, content: bytes) -> None:
    """Mount from another repository."""
    params = {"mount": digest_of(content), "from": "source"}
    path = f"/v2/{NAME}/blobs/uploads/"
    response = await trial.send(lambda: trial.client.request("POST", path, params=params))
    assert 201 == response.status_code, response.text


@asynccontextmanager
async def trial_of(
    kind: str, folder: Path, how: Disturbance, prepare: Callable[[Client], Awaitable[None]]
) -> AsyncIterator[tuple[Trial, Disturbing]]:
    """A registry on a fresh storage, with something in it already."""
    storage = inmemory() if kind == "inmemory" else filesystem(folder)
    drivers = []

    def disturb(driver: StorageDriver) -> StorageDriver:
        drivers.append(Disturbing(driver, how))
        return drivers[0]

    try:
        async with storage.client(disturb) as client:
            await prepare(client)
            yield Trial(storage, client, drivers[0]), drivers[0]
    finally:
        await storage.aclose()


async def disturb_all(
    where: tuple[str, Path],
    how: Disturbance,
    act: Callable[[Trial], Awaitable[None]],
    prepare: Callable[[Client], Awaitable[None]],
) -> int:
    """Run an act with its first operation disturbed, its second, and so on; return how many it has."""
    kind, folder = where
    for nth in range(1, 100):
        async with trial_of(kind, folder / str(nth), how, prepare) as (trial, driver):
            driver.nth = nth
            await act(trial)
            await assert_consistent(trial.storage)
            assert [] == await trial.storage.uploads()
            assert [] == [path for path in await trial.storage.files() if "/_uploads/" in path]
            if not driver.happened:
                return nth - 1
    raise AssertionError("there is no end to it")


async def nothing(_client: Client) -> None:
    """Prepare nothing."""


DISTURBANCES = [
    Disturbance("before", StorageUnavailableError),
    Disturbance("after", StorageUnavailableError),
    Disturbance("before", None),
    Disturbance("after", None),
]
disturbed = pytest.mark.parametrize(
    "how", DISTURBANCES, ids=[f"{'error' if how.error else 'cancelled'} {how.moment}" for how in DISTURBANCES]
)
kinds = pytest.mark.parametrize("kind", ["inmemory", "filesystem"])


PUSHES = [
    (post_whole, LARGE),
    (put_whole, SMALL),
    (put_whole, LARGE),
    (patch_and_put, SMALL),
    (patch_and_put, LARGE),
    (put_last_chunk, LARGE),
    (elsewhere, SMALL),
    (mount, SMALL),
]


@disturbed
@kinds
@pytest.mark.parametrize(
    ("push", "content"),
    PUSHES,
    ids=[f"{push.__name__} {'small' if content is SMALL else 'large'}" for push, content in PUSHES],
)
async def test_blob_push(
    tmp_path: Path, push: Callable[[Trial, bytes], Awaitable[None]], content: bytes, kind: str, how: Disturbance
) -> None:
    """A blob's push, whichever way, can be repeated after any failure, and never shows what isn't there."""

    async def prepare(client: Client) -> None:
        if push is mount:
            await client.push_blob(content, "source")

    async def act(trial: Trial) -> None:
        await push(trial, content)
        trial.calm()
        response = await trial.client.get_blob(digest_of(content))
        assert (200, content) == (response.status_code, response.content)

    assert 2 <= await disturb_all((kind, tmp_path), how, act, prepare)


@pytest.mark.parametrize("push", [put_whole, patch_and_put])
async def test_full_storage(tmp_path: Path, push: Callable[[Trial, bytes], Awaitable[None]]) -> None:
    """A full storage is told as such, and what failed can be repeated once there is room."""

    async def act(trial: Trial) -> None:
        await push(trial, LARGE)

    assert 4 <= await disturb_all(("inmemory", tmp_path), Disturbance("before", StorageFullError), act, nothing)


@disturbed
@kinds
@pytest.mark.parametrize("reference", ["tag", "fresh", IMAGE.digest], ids=["by tag", "by new tag", "by digest"])
async def test_manifest_push(tmp_path: Path, reference: str, kind: str, how: Disturbance) -> None:
    """A manifest's push can be repeated; until it succeeds, a tag shows the old or the new manifest."""

    async def prepare(client: Client) -> None:
        await client.push_image(OLD, "tag")
        for blob in IMAGE.blobs:
            await client.push_blob(blob)

    async def push(trial: Trial) -> httpx.Response:
        async with trial.storage.client() as other:
            shown = await other.get_manifest("tag")
            assert shown.content in {OLD.manifest, IMAGE.manifest}
        return await trial.client.put_manifest(reference, IMAGE.manifest)

    async def act(trial: Trial) -> None:
        response = await trial.send(lambda: push(trial))
        assert 201 == response.status_code, response.text
        trial.calm()
        shown = await trial.client.get_manifest(reference)
        assert IMAGE.manifest == shown.content

    assert 8 <= await disturb_all((kind, tmp_path), how, act, prepare)


@disturbed
@kinds
@pytest.mark.parametrize(
    "target",
    [f"manifests/{IMAGE.digest}", "manifests/tag", f"blobs/{digest_of(SMALL)}"],
    ids=["manifest", "tag", "blob"],
)
async def test_delete(tmp_path: Path, target: str, kind: str, how: Disturbance) -> None:
    """A delete can be repeated until all of it is gone, and takes nothing else."""

    async def prepare(client: Client) -> None:
        await client.push_image(OLD, "old")
        for tag in ("tag", "second"):
            await client.push_image(IMAGE, tag)
        await client.push_blob(SMALL)

    async def act(trial: Trial) -> None:
        path = f"/v2/{NAME}/{target}"
        response = await trial.send(lambda: trial.client.request("DELETE", path))
        # The effect was there and its answer was lost: the repeated request finds nothing.
        trial.calm()
        assert response.status_code in ({202, 404} if how.moment == "after" else {202})
        assert 404 == (await trial.client.request("GET", path)).status_code
        tags = (await trial.client.request("GET", f"/v2/{NAME}/tags/list")).json()["tags"]
        expected = ["old", "second", "tag"]
        if target == "manifests/tag":
            expected.remove("tag")
        elif target.startswith("manifests/sha256"):
            expected = ["old"]
        assert expected == tags
        assert 200 == (await trial.client.get_manifest("old")).status_code

    assert 1 <= await disturb_all((kind, tmp_path), how, act, prepare)
