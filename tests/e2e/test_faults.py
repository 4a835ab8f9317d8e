"""Holdfast processes whose store fails: a proxy between them and Ceph injects faults."""

import os
import random
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest
from anyio import to_thread

from tests.e2e.troubled import Crowd, Stage, staged
from tests.services.faults import Fault, FaultPlan, Rule
from tests.services.pusher import Acknowledged, Pusher, Way, sha256
from tests.services.stores.s3 import S3Service

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

_STALLS = [fault for fault in Fault if "STALL" in fault.name]
_QUICK = [fault for fault in Fault if fault not in _STALLS and fault is not Fault.ERROR_IN_SUCCESS]


@pytest.fixture
async def stage(ceph: S3Service, scratch: Path, root: Path) -> AsyncIterator[Stage]:
    """A registry on an empty bucket, whose store doesn't fail yet."""
    async with staged(ceph.new_bucket(), scratch, root) as made:
        yield made


@pytest.fixture
async def replicas(ceph: S3Service, scratch: Path, root: Path) -> AsyncIterator[Stage]:
    """Two registries on an empty bucket; requests go to one and the other in turn."""
    async with staged(ceph.new_bucket(), scratch, root, count=2) as made:
        yield made


def _mixed(probability: float) -> list[Rule]:
    """Single faults, and now and then a while in which nothing succeeds: what is tried again fails again."""
    return [
        Rule(faults=_QUICK, probability=0.01, burst=50),
        Rule(faults=_STALLS, probability=0.005),
        Rule(faults=_QUICK, probability=probability),
    ]


async def _trouble(stage: Stage, rules: list[Rule], *, count: int) -> Crowd:
    """Has a crowd at work while the store fails, and checks what became of it afterwards."""
    seed = int(os.environ.get("HOLDFAST_FAULTS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat these faults: HOLDFAST_FAULTS_SEED={seed}")
    stage.proxy.plan = FaultPlan(rules=rules, seed=seed)
    crowd = Crowd(stage, seed)
    await crowd.work(count)
    stage.proxy.calm()
    await crowd.check()
    print(f"{len(crowd.images)} images, refused {dict(crowd.refusals)}, {crowd.resumed} uploads resumed")
    print(await to_thread.run_sync(stage.purge))
    stage.check_bucket()
    return crowd


async def test_pushes_and_pulls_while_the_store_fails(replicas: Stage) -> None:
    """What was acknowledged is pulled whole or breaks off, is there afterwards, and all that is left can be purged.

    There are two processes: an upload that was refused at one goes on at the other.
    """
    crowd = await _trouble(replicas, _mixed(0.2), count=2)

    assert len(replicas.proxy.injected) > 5
    assert crowd.refusals.total() > 0
    assert crowd.whole > len(crowd.images)


async def test_a_store_that_gives_up_within_downloads(stage: Stage) -> None:
    """No download is ever whole and wrong, although each of the store's own answers ends early."""
    rules = [Rule(faults=[Fault.TRUNCATED, Fault.RESET_WITHIN], method="GET", target="*/blobs/sha256/*/data*")]
    crowd = await _trouble(stage, rules, count=1)

    assert stage.proxy.injected.total() > len(crowd.images)
    assert crowd.whole > 0


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("probability", [0.02, 0.1, 0.3])
async def test_for_long(ceph: S3Service, scratch: Path, root: Path, count: int, probability: float) -> None:
    """The same for long, with few faults and many, on one process and on two."""
    async with staged(ceph.new_bucket(), scratch, root, count=count) as stage:
        crowd = await _trouble(stage, _mixed(probability), count=20)

        assert stage.proxy.injected.total() > 100
        assert crowd.whole > len(crowd.images)


async def test_throttling_reaches_the_client(stage: Stage) -> None:
    """A store that asks to slow down, and doesn't stop to, is told to every client, with when to come again."""
    content = os.urandom(2_000_000)
    async with stage.client() as client:
        pusher = Pusher(client, random.Random(1), Acknowledged())
        await pusher.push_blob("throttled", content, Way.SINGLE)
        stage.proxy.plan = FaultPlan(rules=[Rule(faults=[Fault.SLOW_DOWN])])
        answers = []

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
