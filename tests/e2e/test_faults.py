"""A Holdfast process whose store fails: a proxy between it and Ceph injects faults."""

import hashlib
import os
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import httpx
import pytest
from anyio import to_thread

from tests.services.fault_proxy import FaultProxy
from tests.services.faults import Fault, FaultPlan, Rule
from tests.services.holdfast_server import HOLDFAST, HoldfastServer
from tests.services.pusher import (
    MANIFEST_TYPE,
    Acknowledged,
    Image,
    Pusher,
    UnexpectedAnswerError,
    Way,
    make_image,
    sha256,
)
from tests.services.stores.s3 import S3Bucket, S3Service

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

MIB = 1024 * 1024
_PUSHERS = 4
_TRIES = 25
_SIZES = (0, 2_000, 400_000, MIB + 1, 6 * MIB)

_STALLS = [fault for fault in Fault if "STALL" in fault.name]
_QUICK = [fault for fault in Fault if fault not in _STALLS and fault is not Fault.ERROR_IN_SUCCESS]

_SILENCES = [Rule(faults=_STALLS, probability=0.005)]

# The command, less patient with the store than anybody would want it to be.
_HASTY = """
from holdfast.cli.main import main
from holdfast.storage.drivers._objectstore import retrying
from holdfast.storage.drivers.s3 import _client, _fast
retrying._FIRST_PAUSE = 0.002
_client.READ_SECONDS = _fast.READ_SECONDS = 1
main()
"""


class _HastyServer(HoldfastServer):
    """A process that soon tries again, and soon takes silence for an error."""

    def command(self) -> list[str]:
        """Returns the command line."""
        return [sys.executable, "-c", _HASTY, *super().command()[1:]]


class _Stage:
    """The process, the proxy behind it, and the bucket behind that.

    Attributes:
        proxy: The proxy.
        bucket: The bucket.
        server: The process.
    """

    def __init__(self, proxy: FaultProxy, bucket: S3Bucket, server: HoldfastServer) -> None:
        self.proxy = proxy
        self.bucket = bucket
        self.server = server

    def client(self) -> httpx.AsyncClient:
        """Returns a client of the registry."""
        return httpx.AsyncClient(base_url=self.server.url, timeout=100, headers={"accept": MANIFEST_TYPE})

    def purge(self) -> str:
        """Has the command throw away all uploads, and returns what it printed."""
        config = self.server.scratch / f"{self.server.name}-{self.server.port}.yml"
        command = [str(HOLDFAST), "purge-uploads", str(config), "--older-than", "0s"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)

        assert (0, "") == (done.returncode, done.stderr), done.stdout

        return done.stdout

    def check_bucket(self) -> None:
        """Checks that no content is another one than its digest says, and that no upload has left anything."""
        keys = self.bucket.keys()
        for key in keys:
            if "/blobs/sha256/" in key:
                assert key.split("/")[-2] == hashlib.sha256(self.bucket.get(key)).hexdigest(), key

        assert [] == [key for key in keys if "/_uploads/" in key or ".uploads~" in key]
        assert [] == self.bucket.uploads()


@pytest.fixture
async def stage(ceph: S3Service, scratch: Path, root: Path) -> AsyncIterator[_Stage]:
    """A registry on an empty bucket, whose store doesn't fail yet."""
    async with _staged(ceph.new_bucket(), scratch, root) as made:
        yield made


@asynccontextmanager
async def _staged(bucket: S3Bucket, scratch: Path, root: Path) -> AsyncIterator[_Stage]:
    async with FaultProxy(bucket.service.endpoint, retry_after=0, pause=0.005) as proxy:
        parameters = bucket.parameters(regionendpoint=proxy.url, profile="ceph", chunksize=5 * MIB)
        # Clients are to be served by the registry itself, and not sent to the proxy.
        config: dict[str, dict[str, object]] = {"storage": {"redirect": {"disable": True}}}
        server = _HastyServer(root=root, scratch=scratch, config=config, driver={"s3": parameters})
        await to_thread.run_sync(server.start)
        try:
            yield _Stage(proxy, bucket, server)
        finally:
            await to_thread.run_sync(server.kill)


class _Crowd:
    """Clients that push and pull, and come again when they are told to.

    Attributes:
        record: What was acknowledged.
        images: What was pushed, or tried to be.
        refusals: How often each status came, that says that the store fails.
        whole: How many pulls came to their end.
        broken: How many broke off.
    """

    def __init__(self, stage: _Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self.record = Acknowledged()
        self.images: list[Image] = []
        self.refusals: Counter[int] = Counter()
        self.whole = 0
        self.broken = 0

    async def work(self, count: int) -> None:
        """Has several clients push and pull so many images each, at once."""
        async with anyio.create_task_group() as group:
            for number in range(_PUSHERS):
                group.start_soon(self._work, number, count)

    async def _work(self, number: int, count: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        async with self._stage.client() as client:
            for turn in range(count):
                sizes = tuple(chance.choices(_SIZES, weights=(1, 4, 3, 2, 1), k=2))
                image = make_image(chance, repository=f"faults/{number % 2}", tag=f"t-{number}-{turn}", sizes=sizes)
                self.images.append(image)
                await self._push(client, image, chance)
                for content in (image.config, *image.layers):
                    await self._pull(client, f"/v2/{image.repository}/blobs/{sha256(content)}", content)
                await self._pull(client, f"/v2/{image.repository}/manifests/{image.tag}", image.manifest)

    async def _push(self, client: httpx.AsyncClient, image: Image, chance: random.Random) -> None:
        pusher = Pusher(client, chance, self.record)
        for _ in range(_TRIES):
            try:
                await pusher.push(image)
            except UnexpectedAnswerError as error:
                self._note(error.answer)
            else:
                return
        pytest.fail(f"{_TRIES} tries weren't enough")

    async def _pull(self, client: httpx.AsyncClient, path: str, content: bytes) -> None:
        """Pulls what was acknowledged: it comes whole, or breaks off, or the store is said to fail."""
        try:
            answer = await client.get(path)
        except httpx.RemoteProtocolError:
            self.broken += 1
            return
        if answer.status_code != httpx.codes.OK:
            self._note(answer)
            return
        assert sha256(content) == sha256(answer.content), path
        self.whole += 1

    def _note(self, answer: httpx.Response) -> None:
        assert answer.status_code in {429, 503}, f"{answer.request.method} {answer.url}: {answer.status_code}"
        assert int(answer.headers["retry-after"]) > 0
        self.refusals[answer.status_code] += 1


async def _trouble(stage: _Stage, rules: list[Rule], *, count: int) -> _Crowd:
    """Has a crowd at work while the store fails, and checks what became of it afterwards."""
    seed = int(os.environ.get("HOLDFAST_FAULTS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat these faults: HOLDFAST_FAULTS_SEED={seed}")
    stage.proxy.plan = FaultPlan(rules=rules, seed=seed)
    crowd = _Crowd(stage, seed)
    await crowd.work(count)
    stage.proxy.calm()
    async with stage.client() as client:
        for image in crowd.images:
            for content in (image.config, *image.layers):
                await _assert_served(client, f"/v2/{image.repository}/blobs/{sha256(content)}", content)
            await _assert_served(client, f"/v2/{image.repository}/manifests/{image.tag}", image.manifest)
        for image in crowd.images:
            pusher = Pusher(client, random.Random(seed), Acknowledged())
            for content in (image.config, *image.layers):
                await pusher.push_blob(image.repository, content, Way.CHUNKED)
            await pusher.push_manifest(image)
    print(f"{len(crowd.images)} images, refused {dict(crowd.refusals)}, pulled {crowd.whole}, broke off {crowd.broken}")
    print(await to_thread.run_sync(stage.purge))
    stage.check_bucket()
    return crowd


async def _assert_served(client: httpx.AsyncClient, path: str, content: bytes) -> None:
    answer = await client.get(path)

    assert (200, sha256(content)) == (answer.status_code, sha256(answer.content)), path


async def test_pushes_and_pulls_while_the_store_fails(stage: _Stage) -> None:
    """What was acknowledged is pulled whole or breaks off, is there afterwards, and all that is left can be purged."""
    crowd = await _trouble(stage, [*_SILENCES, Rule(faults=_QUICK, probability=0.35)], count=3)

    assert len(stage.proxy.injected) > 5
    assert crowd.refusals.total() > 0
    assert crowd.whole > len(crowd.images)


async def test_a_store_that_gives_up_within_downloads(stage: _Stage) -> None:
    """No download is ever whole and wrong, although each of the store's own answers ends early."""
    rules = [Rule(faults=[Fault.TRUNCATED, Fault.RESET_WITHIN], method="GET", target="*/blobs/sha256/*/data*")]
    crowd = await _trouble(stage, rules, count=1)

    assert stage.proxy.injected.total() > len(crowd.images)
    assert crowd.whole > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("probability", [0.05, 0.2, 0.4])
async def test_for_long(stage: _Stage, probability: float) -> None:
    """The same for long, and with so many faults that requests are refused."""
    crowd = await _trouble(stage, [*_SILENCES, Rule(faults=_QUICK, probability=probability)], count=20)

    assert stage.proxy.injected.total() > 100
    assert crowd.whole > len(crowd.images)


async def test_throttling_reaches_the_client(stage: _Stage) -> None:
    """A store that asks to slow down, and doesn't stop to, is told to every client, with when to come again."""
    content = os.urandom(2_000_000)
    async with stage.client() as client:
        pusher = Pusher(client, random.Random(1), Acknowledged())
        await pusher.push_blob("throttled", content, Way.SINGLE)
        stage.proxy.plan = FaultPlan(rules=[Rule(faults=[Fault.SLOW_DOWN])])
        answers: list[httpx.Response] = []

        async def ask(method: str, path: str, body: bytes = b"") -> None:
            answers.append(await client.request(method, path, content=body))

        async with anyio.create_task_group() as group:
            group.start_soon(ask, "GET", f"/v2/throttled/blobs/{sha256(content)}")
            group.start_soon(ask, "HEAD", f"/v2/throttled/blobs/{sha256(content)}")
            group.start_soon(ask, "GET", "/v2/throttled/manifests/latest")
            group.start_soon(ask, "GET", "/v2/throttled/tags/list")
            group.start_soon(ask, "POST", f"/v2/throttled/blobs/uploads/?digest={sha256(b'new')}", b"new")
            group.start_soon(ask, "POST", f"/v2/throttled/blobs/uploads/?digest={sha256(content * 4)}", content * 4)

    assert [429] * 6 == [answer.status_code for answer in answers]
    assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
