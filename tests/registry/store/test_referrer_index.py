import asyncio

import pytest

from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.facts import Facts
from holdfast.registry.store.referrers import ReferrerStore
from holdfast.storage.errors import AccessDeniedError, ReadOnlyStorageError, StorageError, StorageUnavailableError
from holdfast.testing.drivers import Fault, SlowDriver
from tests.registry.artifacts import (
    SIGNATURE,
    SUBJECT,
    digests,
    entry_of,
    link_of,
    make_artifact,
    make_artifact_index,
    make_artifacts,
    referrers_tag,
    write_foreign,
)
from tests.registry.client import NAME, OCI_INDEX, Client, Image, make_image
from tests.registry.gates import failing, gated
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

COMPLETE = paths.referrers_complete(NAME)

# Repositories that Distribution wrote -------------------------------------------------------------


async def test_first_need(storage: Storage) -> None:
    """The referrers of a repository that knows no index are found the first time somebody asks, then kept in step."""
    images = [*make_artifacts(3), make_artifact_index(SUBJECT)]
    for image in [*images, SUBJECT, make_artifact(None, "no subject"), make_artifact(images[0], "deeper")]:
        await write_foreign(storage, image)
    async with storage.client() as client:
        assert {image.digest for image in images} == await digests(client, SUBJECT)
        assert COMPLETE in await storage.files()
        pushed = make_artifact(SUBJECT, "pushed")
        await client.push_image(pushed)
        await client.request("DELETE", f"/v2/{NAME}/manifests/{images[0].digest}")
        expected = {image.digest for image in [*images[1:], pushed]}
        assert expected == await digests(client, SUBJECT)
    async with storage.client() as client:
        assert expected == await digests(client, SUBJECT)


async def test_pushed_before_the_first_need(storage: Storage) -> None:
    """A push into a repository without an index doesn't make those forgotten that were there before."""
    old, new = make_artifacts(2)
    await write_foreign(storage, old)
    async with storage.client() as client:
        await client.push_image(new)
        assert {old.digest, new.digest} == await digests(client, SUBJECT)


async def test_pushed_during_the_walk(storage: Storage) -> None:
    """What is pushed or deleted while the index is made is right in it; many who ask share one walk."""
    old = make_artifacts(3)
    for image in old:
        await write_foreign(storage, image)
    new = make_artifact(SUBJECT, "new")
    async with storage.client() as other, gated(storage, "put_content", entry_of(old[1])) as (client, gate):
        asking = [asyncio.create_task(digests(client, SUBJECT)) for _ in range(5)]
        await gate.reached.wait()
        await other.push_image(new)
        await other.request("DELETE", f"/v2/{NAME}/manifests/{old[0].digest}")
        await other.request("DELETE", f"/v2/{NAME}/manifests/{old[1].digest}")
        gate.opened.set()
        for answer in await asyncio.gather(*asking):
            assert {old[2].digest, new.digest} == answer
        assert 1 == gate.calls


async def test_leaving_during_the_walk(storage: Storage) -> None:
    """A walk goes on when the one who asked first leaves, and ends with the registry."""
    image = make_artifact(SUBJECT)
    await write_foreign(storage, image)
    async with gated(storage, "put_content", entry_of(image)) as (client, gate):
        first = asyncio.create_task(digests(client, SUBJECT))
        await gate.reached.wait()
        second = asyncio.create_task(digests(client, SUBJECT))
        first.cancel()
        await asyncio.wait([first])
        gate.opened.set()
        assert {image.digest} == await second
    await storage.remove(COMPLETE)
    await storage.remove(entry_of(image))
    async with gated(storage, "put_content", entry_of(image)) as (client, gate):
        left = asyncio.create_task(digests(client, SUBJECT))
        await gate.reached.wait()
    await asyncio.wait([left])

    assert left.cancelled()
    assert COMPLETE not in await storage.files()


@pytest.mark.parametrize("op", ["list", "get_content", "put_content"])
async def test_walk_fails(storage: Storage, op: str) -> None:
    """An index that couldn't be made is no empty list: the request fails, and the next one makes it."""
    image = make_artifact(SUBJECT)
    await write_foreign(storage, image)
    path = {
        "list": f"{paths.revisions(NAME)}/sha256",
        "get_content": paths.blob_data(Digest.of(image.manifest)),
        "put_content": entry_of(image),
    }[op]
    async with storage.client(failing(Fault(op=op, path=path, error=StorageUnavailableError))) as client:
        response = await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}")
        assert 503 == response.status_code
        assert COMPLETE not in await storage.files()
        assert {image.digest} == await digests(client, SUBJECT)


async def test_unreadable_manifests(storage: Storage, client: Client) -> None:
    """Manifests that can't be read don't keep the others out of the index."""
    image = make_artifact(SUBJECT)
    await write_foreign(storage, image)
    for number in range(3):
        digest = Digest.of(b"gone %d" % number)
        await storage.put(paths.revision_link(NAME, digest), str(digest).encode())
    await storage.put(f"{paths.revisions(NAME)}/sha256/nonsense/link", b"")

    assert {image.digest} == await digests(client, SUBJECT)
    counts = await ReferrerStore(storage.driver, Facts()).rebuild(NAME)
    assert (4, 3, 1, 0, 0) == counts


@pytest.mark.parametrize("error", [ReadOnlyStorageError, AccessDeniedError, None])
async def test_nothing_can_be_written(storage: Storage, error: type[StorageError] | None) -> None:
    """Storage that takes no writes, or a registry in read-only mode, has referrers as well."""
    images = [*make_artifacts(4), make_artifact(SUBJECT, "signature", kind=SIGNATURE)]
    for image in images:
        await write_foreign(storage, image)
    before = await storage.files()
    around = failing(Fault(op="put_content", times=None, error=error)) if error else None
    async with storage.client(around, read_only=error is None) as client:
        for _ in range(2):
            assert {image.digest for image in images} == await digests(client, SUBJECT)
        assert {images[-1].digest} == await digests(client, SUBJECT, query=f"?artifactType={SIGNATURE}")
    assert before == await storage.files()


# Clients that keep a list under a tag --------------------------------------------------------------


async def test_referrers_tag(storage: Storage, client: Client) -> None:
    """What another registry's clients list under the referrers tag is listed, where it is there and refers to it."""
    assert set() == await digests(client, SUBJECT)
    await client.push_image(SUBJECT)
    assert set() == await digests(client, SUBJECT)
    assert COMPLETE in await storage.files()
    listed, missing, other = *make_artifacts(2), make_artifact(make_image("other subject"))
    for image in (listed, other):
        await write_foreign(storage, image)
    tag, index = referrers_tag(SUBJECT, listed, missing, other, SUBJECT)
    await write_foreign(storage, index, tag=tag)

    assert {listed.digest} == await digests(client, SUBJECT)
    await client.request("DELETE", f"/v2/{NAME}/manifests/{tag}")
    assert {listed.digest} == await digests(client, SUBJECT)


async def test_referrers_tag_pushed_here(client: Client) -> None:
    """A client that keeps the list although it need not changes nothing."""
    artifact = make_artifact(SUBJECT)
    for image in (SUBJECT, artifact):
        await client.push_image(image)
    tag, index = referrers_tag(SUBJECT, artifact)
    await client.put_manifest(tag, index.manifest, OCI_INDEX)

    assert {artifact.digest} == await digests(client, SUBJECT)
    await client.request("DELETE", f"/v2/{NAME}/manifests/{artifact.digest}")
    assert set() == await digests(client, SUBJECT)


@pytest.mark.parametrize("what", ["no index", "gone", "damaged link"])
async def test_odd_referrers_tag(storage: Storage, client: Client, what: str) -> None:
    """A tag that happens to be called like a referrers tag does no harm."""
    image = make_image("some image")
    artifact = make_artifact(SUBJECT)
    tag = SUBJECT.digest.replace(":", "-")
    await client.push_image(artifact)
    await client.push_image(image, tag)
    if what == "gone":
        await storage.damage_blob(image.digest, None)
    elif what == "damaged link":
        await storage.put(paths.tag_current_link(NAME, tag), b"")
    assert {artifact.digest} == await digests(client, SUBJECT)


# Rebuilding -----------------------------------------------------------------------------------------


async def test_rebuild(storage: Storage, client: Client) -> None:
    """A rebuilt index has what is there and nothing else, and doing it again changes nothing."""
    kept, foreign, orphan, damaged = make_artifacts(4)
    for image in (kept, orphan, damaged):
        await client.push_image(image)
    await digests(client, SUBJECT)
    await write_foreign(storage, foreign)
    await storage.remove(link_of(orphan))
    await storage.put(entry_of(damaged), b"")
    told: list[tuple[int, ...]] = []
    store = ReferrerStore(storage.driver, Facts())
    first = await store.rebuild(NAME, told.append)
    after_first = await storage.files()
    second = await store.rebuild(NAME)

    assert (3, 0, 3, 2, 1) == first
    assert first == told[-1]
    assert (3, 0, 3, 0, 0) == second
    assert after_first == await storage.files()
    assert entry_of(orphan) not in after_first
    assert {kept.digest, foreign.digest, damaged.digest} == await digests(client, SUBJECT)


async def test_rebuild_nothing(storage: Storage) -> None:
    """Rebuilding a repository that isn't there makes nothing."""
    assert (0, 0, 0, 0, 0) == await ReferrerStore(storage.driver, Facts()).rebuild("no/such")
    assert {} == await storage.files()


async def test_rebuild_refused(storage: Storage) -> None:
    """A rebuild that somebody asked for fails where storage takes no writes."""
    await write_foreign(storage, make_artifact(SUBJECT))
    driver = storage.open(failing(Fault(op="put_content", times=None, error=ReadOnlyStorageError)))

    with pytest.raises(ReadOnlyStorageError):
        await ReferrerStore(driver, Facts()).rebuild(NAME)


async def test_rebuild_while_pushing(storage: Storage) -> None:
    """Rebuilding while referrers come and go loses none."""
    images = make_artifacts(12)
    async with storage.client(lambda driver: SlowDriver(driver, 0.0004, jitter=1.0)) as client:
        for image in images[:6]:
            await client.push_image(image)
        store = ReferrerStore(storage.open(lambda driver: SlowDriver(driver, 0.0004, jitter=1.0)), Facts())

        async def again_and_again(image: Image) -> None:
            for _ in range(4):
                await client.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}")
                await client.put_manifest(image.digest, image.manifest)

        await asyncio.gather(*map(again_and_again, images), *(store.rebuild(NAME) for _ in range(3)))

        assert {image.digest for image in images} == await digests(client, SUBJECT)
