"""Two Holdfast processes on one storage, and a proxy that never sends two requests in a row to the same one."""

import os
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, count, pairwise

import anyio
import httpx
import pytest
from anyio import to_thread

from tests.services.alternating import AlternatingProxy
from tests.services.pusher import MANIFEST_TYPE, Acknowledged, Image, Pusher, Way, make_image, sha256
from tests.services.replicas import Replicas

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

MIB = 1024 * 1024
_PART = 5 * MIB
_AT_ONCE = 32
_numbers = count(1)

# Lengths of chunks, also around the 5 MiB that a part has on S3.
_CHUNKS = {
    "bytes": [1, 1, 2, 1000, 1],
    "pages": [65_536, 65_537, 65_535, 4096],
    "part": [_PART, _PART, 17],
    "below a part": [_PART - 1, _PART - 1, 1, 1],
    "above a part": [_PART + 1, 1, _PART + 1],
    "mixed": [1, _PART, 1, 2 * _PART + 5, 1000, MIB],
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Two processes, and the ways to them.

    Attributes:
        replicas: The processes.
        client: A client of the proxy.
        one: A client of the first process, for what is to happen at a certain one.
        other: A client of the second.
    """

    replicas: Replicas
    client: httpx.AsyncClient
    one: httpx.AsyncClient
    other: httpx.AsyncClient

    async def assert_everywhere(self, name: str, content: bytes) -> None:
        """Checks that both processes serve a blob."""
        await self.assert_served(f"/v2/{name}/blobs/{sha256(content)}", content)

    async def assert_served(self, path: str, content: bytes) -> None:
        """Checks that both processes serve some content."""
        for client in (self.one, self.other):
            answer = await client.get(path)
            assert (200, sha256(content)) == (answer.status_code, sha256(answer.content)), path

    async def assert_nowhere(self, path: str) -> None:
        """Checks that neither process serves a path."""
        for client in (self.one, self.other):
            for method in ("HEAD", "GET"):
                assert 404 == (await client.request(method, path)).status_code, f"{method} {path} {client.base_url}"

    async def assert_all_finished(self) -> None:
        """Checks that no upload has left anything."""
        assert [] == await self.replicas.unfinished()


@pytest.fixture(scope="module", params=["filesystem", "ceph"])
def replicas(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replicas]:
    """Two processes on a storage of each kind, shared by the module: each test has a repository of its own."""
    folder = tmp_path_factory.mktemp("replicas")
    driver, parameters = "filesystem", {"rootdirectory": str(folder / "root")}
    if request.param == "ceph":
        bucket = request.getfixturevalue("ceph").new_bucket()
        driver, parameters = "s3", bucket.parameters(profile="ceph", chunksize=_PART)
    with Replicas(folder=folder, driver=driver, parameters=parameters) as running:
        yield running
        for server in running.servers:
            print(f"{server.address}, the end:\n{server.output()[-10_000:]}")


def _client(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=60, headers={"accept": MANIFEST_TYPE})


@pytest.fixture
async def stage(replicas: Replicas) -> AsyncIterator[Stage]:
    """The two processes, the proxy before them, and clients."""
    one, other = (server.url for server in replicas.servers)
    async with (
        AlternatingProxy(replicas.addresses) as proxy,
        _client(proxy.url) as client,
        _client(one) as first,
        _client(other) as second,
    ):
        yield Stage(replicas=replicas, client=client, one=first, other=second)


@pytest.fixture
def name() -> str:
    """A repository that nobody has used."""
    return f"replicas/number-{next(_numbers)}"


async def _begin(client: httpx.AsyncClient, name: str) -> str:
    answer = await client.post(f"/v2/{name}/blobs/uploads/")
    assert 202 == answer.status_code, answer.text
    return str(answer.headers["location"])


async def _patch(client: httpx.AsyncClient, location: str, content: bytes, start: int) -> str:
    headers = {"content-range": f"{start}-{start + len(content) - 1}"}
    answer = await client.patch(location, content=content, headers=headers)
    assert (202, f"0-{start + len(content) - 1}") == (answer.status_code, answer.headers.get("range")), answer.text
    return str(answer.headers["location"])


async def _put(client: httpx.AsyncClient, location: str, content: bytes, digest: str, start: int = 0) -> httpx.Response:
    headers = {"content-range": f"{start}-{start + len(content) - 1}"} if content else {}
    url = httpx.URL(location).copy_merge_params({"digest": digest})
    return await client.put(url, content=content, headers=headers)


def _anywhere(location: str) -> str:
    """A location without the address of the process that told it."""
    return httpx.URL(location).raw_path.decode()


async def _push(client: httpx.AsyncClient, name: str, content: bytes) -> str:
    answer = await _put(client, await _begin(client, name), content, sha256(content))
    assert 201 == answer.status_code, answer.text
    return sha256(content)


@pytest.mark.parametrize(
    ("kind", "last"),
    [(kind, ("with the PUT", "before the PUT")[number % 2]) for number, kind in enumerate(_CHUNKS)],
)
async def test_chunks_at_alternating_replicas(stage: Stage, name: str, kind: str, last: str) -> None:
    """An upload whose every chunk goes to the other process than the one before becomes the blob that was sent."""
    client = stage.client
    content = random.Random(kind + last).randbytes(sum(_CHUNKS[kind]))
    location = await _begin(stage.client, name)
    bounds = [0, *accumulate(_CHUNKS[kind])]
    sent = bounds if last == "before the PUT" else bounds[:-1]
    for start, end in pairwise(sent):
        location = await _patch(client, location, content[start:end], start)

    told = await client.get(location)
    answer = await _put(client, location, content[sent[-1] :], sha256(content), sent[-1])

    assert (204, f"0-{sent[-1] - 1}") == (told.status_code, told.headers["range"])
    assert 201 == answer.status_code, answer.text
    await stage.assert_everywhere(name, content)
    await stage.assert_all_finished()


async def test_streams_at_alternating_replicas(stage: Stage, name: str) -> None:
    """Streams of unknown length, each sent to the other process, follow one another without a gap."""
    pieces = [os.urandom(size) for size in (300_000, 1, _PART - 1, 2 * MIB)]
    location = await _begin(stage.client, name)
    for piece in pieces:

        async def stream(content: bytes = piece) -> AsyncIterator[bytes]:
            for start in range(0, len(content), 100_000):
                yield content[start : start + 100_000]

        answer = await stage.client.patch(location, content=stream())
        assert 202 == answer.status_code, answer.text
        location = answer.headers["location"]
    content = b"".join(pieces)
    answer = await _put(stage.client, location, b"", sha256(content))

    assert 201 == answer.status_code, answer.text
    await stage.assert_everywhere(name, content)
    await stage.assert_all_finished()


async def test_random_pushes(stage: Stage, name: str) -> None:
    """Whatever the ways in which several clients push at once, all that was acknowledged is at both processes."""
    seed = int(os.environ.get("HOLDFAST_REPLICAS_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat these pushes: HOLDFAST_REPLICAS_SEED={seed}")
    record = Acknowledged()
    images: list[Image] = []

    async def push(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        sizes = (chance.randrange(5000), chance.randrange(200_000), chance.choice((MIB, MIB + 1, _PART + 5)))
        images.append(make_image(chance, repository=f"{name}/{number % 2}", tag=f"t-{number}", sizes=sizes))
        await Pusher(stage.client, chance, record).push(images[-1])

    async with anyio.create_task_group() as group:
        for number in range(6):
            group.start_soon(push, number)

    assert 6 == len(record.tags)
    for image in images:
        for content in (image.config, *image.layers):
            await stage.assert_everywhere(image.repository, content)
        for replica in (stage.one, stage.other):
            answer = await replica.get(f"/v2/{image.repository}/manifests/{image.tag}")
            assert (200, image.manifest) == (answer.status_code, answer.content)
    await stage.assert_all_finished()


@pytest.mark.parametrize(
    ("way", "size"),
    [
        (Way.MONOLITHIC, MIB + 1),
        (Way.STREAMED, 100_000),
        (Way.CHUNKED, MIB + 1),
        pytest.param(Way.MONOLITHIC, 1000, marks=pytest.mark.slow),
        pytest.param(Way.SINGLE, MIB + 1, marks=pytest.mark.slow),
        pytest.param(Way.STREAMED, MIB + 1, marks=pytest.mark.slow),
        pytest.param(Way.MONOLITHIC, _PART + 1, marks=pytest.mark.slow),
        pytest.param(Way.CHUNKED, _PART + 1, marks=pytest.mark.slow),
    ],
)
async def test_same_layer_at_once(stage: Stage, name: str, way: Way, size: int) -> None:
    """Many clients that push one layer at the same moment all succeed, and the layer is there."""
    content = random.Random(f"{size} {way}").randbytes(size)
    record = Acknowledged()

    async def push(number: int) -> None:
        await Pusher(stage.client, random.Random(number), record).push_blob(f"{name}/{number % 4}", content, way)

    async with anyio.create_task_group() as group:
        for number in range(_AT_ONCE):
            group.start_soon(push, number)

    for number in range(4):
        await stage.assert_everywhere(f"{name}/{number}", content)
    await stage.assert_all_finished()


async def test_same_tag_at_once(stage: Stage, name: str) -> None:
    """Many clients that move one tag at the same moment all succeed: it names one of theirs, and none is lost."""
    chance = random.Random(name)
    images = [make_image(chance, repository=name, tag="latest", sizes=(100,)) for _ in range(_AT_ONCE)]

    async def push(image: Image) -> None:
        await Pusher(stage.client, random.Random(1), Acknowledged()).push(image)

    async with anyio.create_task_group() as group:
        for image in images:
            group.start_soon(push, image)

    found = [(await replica.get(f"/v2/{name}/manifests/latest")).content for replica in (stage.one, stage.other) * 3]
    assert 1 == len(set(found))
    assert found[0] in {image.manifest for image in images}
    for image in images:
        for replica in (stage.one, stage.other):
            answer = await replica.get(f"/v2/{name}/manifests/{sha256(image.manifest)}")
            assert (200, image.manifest) == (answer.status_code, answer.content)
    tags = [(await replica.get(f"/v2/{name}/tags/list")).json()["tags"] for replica in (stage.one, stage.other)]
    assert [["latest"], ["latest"]] == tags


async def test_moved_tag_is_seen_at_once(stage: Stage, name: str) -> None:
    """Once a push of a tag is acknowledged, every process has the tag where it was moved to."""
    chance = random.Random(name)
    for _ in range(5):
        image = make_image(chance, repository=name, tag="latest", sizes=(100,))
        await Pusher(stage.client, chance, Acknowledged()).push(image)
        for replica in (stage.one, stage.other):
            assert image.manifest == (await replica.get(f"/v2/{name}/manifests/latest")).content


async def test_deleted_at_one_is_gone_at_the_other(stage: Stage, name: str) -> None:
    """A blob, a tag and a manifest that one process deletes aren't served by the other, which had served them."""
    one, other = stage.one, stage.other
    image = make_image(random.Random(name), repository=name, tag="latest", sizes=(1000, 100_000))
    await Pusher(other, random.Random(1), Acknowledged()).push(image)
    blob, digest = f"/v2/{name}/blobs/{sha256(image.layers[1])}", sha256(image.manifest)
    by_tag, by_digest = f"/v2/{name}/manifests/latest", f"/v2/{name}/manifests/{digest}"
    for path in (blob, by_tag, by_digest):
        for replica in (stage.one, stage.other):
            assert 200 == (await replica.get(path)).status_code

    for path in (by_tag, by_digest, blob):
        assert 202 == (await one.delete(path)).status_code
        await stage.assert_nowhere(path)


async def test_deleted_and_pushed_again_elsewhere(stage: Stage, name: str) -> None:
    """What was deleted at one process and pushed again at the other is there at both."""
    one, other = stage.one, stage.other
    content = os.urandom(MIB + 1)
    for replica, deleter in ((one, other), (other, one)) * 2:
        digest = await _push(replica, name, content)
        await stage.assert_everywhere(name, content)
        assert 202 == (await deleter.delete(f"/v2/{name}/blobs/{digest}")).status_code
        await stage.assert_nowhere(f"/v2/{name}/blobs/{digest}")


async def test_cancelled_at_one_is_over_at_the_other(stage: Stage, name: str) -> None:
    """An upload that was cancelled can be continued, asked for, finished and cancelled nowhere."""
    one, other = stage.one, stage.other
    content = os.urandom(_PART + 10)
    location = _anywhere(await _patch(one, await _begin(one, name), content[:-5], 0))
    location = _anywhere(await _patch(other, location, content[-5:], len(content) - 5))
    assert 204 == (await one.delete(location)).status_code

    for replica in (other, one):
        tries = [
            await replica.patch(location, content=b"more"),
            await replica.get(location),
            await _put(replica, location, b"", sha256(content)),
            await replica.delete(location),
        ]
        assert [404] * 4 == [answer.status_code for answer in tries]
    await stage.assert_all_finished()


async def test_finished_at_one_is_over_at_the_other(stage: Stage, name: str) -> None:
    """An upload that became a blob at one process can't be continued at the other, and the blob stays what it is."""
    one, other = stage.one, stage.other
    content = os.urandom(100_000)
    location = _anywhere(await _patch(one, await _begin(one, name), content, 0))
    assert 201 == (await _put(other, location, b"", sha256(content))).status_code

    assert 404 == (await one.patch(location, content=b"more")).status_code
    assert 404 == (await _put(one, location, b"more", sha256(content + b"more"))).status_code
    await stage.assert_everywhere(name, content)
    await stage.assert_all_finished()


async def test_wrong_offset_is_told_anywhere(stage: Stage, name: str) -> None:
    """A chunk that doesn't begin where the other process has ended is refused, with how far the upload is."""
    one, other = stage.one, stage.other
    location = _anywhere(await _patch(one, await _begin(one, name), b"0123456789", 0))
    refused = await other.patch(location, content=b"more", headers={"content-range": "5-8"})

    assert (416, "0-9") == (refused.status_code, refused.headers["range"])
    location = await _patch(other, _anywhere(refused.headers["location"]), b"more", 10)
    assert 204 == (await one.delete(_anywhere(location))).status_code
    await stage.assert_all_finished()


async def test_mount_at_the_other(stage: Stage, name: str) -> None:
    """A blob that was just pushed to one process is mounted at the other, from a repository and from anywhere."""
    for number, source in enumerate([{"from": name}, {}] * 2):
        first, second = (stage.one, stage.other) if number % 2 else (stage.other, stage.one)
        content = os.urandom(1000)
        digest = await _push(first, name, content)
        target = f"{name}/target-{number}"
        answer = await second.post(f"/v2/{target}/blobs/uploads/", params={"mount": digest, **source})
        assert 201 == answer.status_code, answer.text
        await stage.assert_everywhere(target, content)


@pytest.mark.parametrize("sent", [0, pytest.param(1000, marks=pytest.mark.slow), _PART + 1000])
async def test_a_replica_dies(stage: Stage, name: str, sent: int) -> None:
    """An upload whose process was killed in the middle of a chunk goes on at the other, from what that has."""
    one, other = stage.one, stage.other
    server = stage.replicas.servers[0]
    content = random.Random(sent).randbytes(_PART * 2 + 2000)
    location = await _begin(one, name)
    if sent:
        location = await _patch(one, location, content[:sent], 0)
    reached = anyio.Event()

    async def stream() -> AsyncIterator[bytes]:
        yield content[sent : sent + _PART]
        reached.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as group:
        group.start_soon(partial(one.patch, location, content=stream()))
        await reached.wait()
        server.kill()
        group.cancel_scope.cancel()
    try:
        told = await other.get(_anywhere(location))
        last = int(told.headers["range"].partition("-")[2])
        kept = last + 1 if last else 0
        assert 204 == told.status_code
        assert sent <= kept <= sent + _PART
        location = await _patch(other, _anywhere(told.headers["location"]), content[kept:], kept)
        answer = await _put(other, location, b"", sha256(content))
    finally:
        await to_thread.run_sync(server.start)

    assert 201 == answer.status_code, answer.text
    await stage.assert_everywhere(name, content)
    await stage.assert_all_finished()
