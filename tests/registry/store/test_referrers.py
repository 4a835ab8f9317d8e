import asyncio

import pytest

from holdfast.registry.model.digest import Digest, parse_digest
from holdfast.registry.store import paths
from holdfast.registry.store.facts import Facts
from holdfast.registry.store.referrers import ReferrerStore
from holdfast.testing.drivers import Fault, SlowDriver
from tests.registry.artifacts import (
    EMPTY,
    SBOM,
    SIGNATURE,
    SUBJECT,
    SUBJECT_DIGEST,
    digests,
    entry_of,
    link_of,
    make_artifact,
    make_artifacts,
    referrers,
    write_foreign,
)
from tests.registry.client import NAME, Client, Image
from tests.registry.gates import failing, gated
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

# Crashes and damage -------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["revision", "entry", "content", "tag"])
async def test_interrupted_push(storage: Storage, path: str) -> None:
    """Wherever a push of a referrer is interrupted, what the repository has is listed, and nothing else."""
    image = make_artifact(SUBJECT)
    where = {
        "content": paths.blob_data(Digest.of(image.manifest)),
        "entry": entry_of(image),
        "revision": link_of(image),
        "tag": paths.tag_current_link(NAME, "tag"),
    }[path]
    async with storage.client() as client:
        await client.push_blob(EMPTY)
    async with storage.client(failing(Fault(op="put_content", path=where))) as client:
        assert 503 == (await client.put_manifest("tag", image.manifest)).status_code
        has = 200 == (await client.get_manifest(image.digest)).status_code
        assert ({image.digest} if has else set()) == await digests(client, SUBJECT)
        assert has == (path == "tag")
        assert 201 == (await client.put_manifest("tag", image.manifest)).status_code
        assert {image.digest} == await digests(client, SUBJECT)


@pytest.mark.parametrize("path", ["revision", "entry"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_interrupted_deletion(storage: Storage, path: str, when: str) -> None:
    """Wherever a deletion of a referrer is interrupted, it is listed if and only if it is there."""
    image = make_artifact(SUBJECT)
    async with storage.client() as client:
        await client.push_image(image)
    fault = Fault(op="delete", path={"entry": entry_of(image), "revision": link_of(image)}[path], when=when)  # type: ignore[arg-type]
    async with storage.client(failing(fault)) as client:
        assert 503 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}")).status_code
        has = 200 == (await client.get_manifest(image.digest)).status_code
        assert ({image.digest} if has else set()) == await digests(client, SUBJECT)
        assert has == (path == "revision" and when == "before")


@pytest.mark.parametrize(
    "content", [b"", b"{", b'{"mediaType":"x"}', b"\xff", b'{"mediaType":"x","digest":"y","size":1}']
)
async def test_damaged_entry(storage: Storage, content: bytes) -> None:
    """A damaged entry still says which manifest refers to the subject, and that says the rest."""
    image = make_artifact(SUBJECT)
    async with storage.client() as client:
        await client.push_image(image)
        await storage.put(entry_of(image), content)
    async with storage.client() as client:
        found = await referrers(client, SUBJECT.digest)

    assert [(image.digest, SBOM)] == [(each["digest"], each["artifactType"]) for each in found]


async def test_other_files(storage: Storage, client: Client) -> None:
    """A file in the index that isn't an entry is passed over."""
    image = make_artifact(SUBJECT)
    await client.push_image(image)
    for name in ("x", "sha256-short", "sha256-" + "g" * 64):
        await storage.put(f"{paths.referrers_of(NAME, SUBJECT_DIGEST)}/{name}", b"{}")
    await storage.put(f"{paths.referrers_subjects(NAME)}/x", b"")

    assert {image.digest} == await digests(client, SUBJECT)
    await ReferrerStore(storage.driver, Facts()).rebuild(NAME)
    assert {image.digest} == await digests(client, SUBJECT)


@pytest.mark.parametrize("damage", ["gone", "damaged", "link gone", "link empty"])
async def test_manifest_lost(storage: Storage, damage: str) -> None:
    """A referrer that the repository lost, at the hands of another program or of a disk, isn't listed."""
    lost, kept = make_artifacts(2)
    async with storage.client() as client:
        for image in (lost, kept):
            await client.push_image(image)
    if damage == "link gone":
        await storage.remove(link_of(lost))
    elif damage == "link empty":
        await storage.put(link_of(lost), b"")
    else:
        await storage.damage_blob(lost.digest, None if damage == "gone" else b"{}")
        await storage.put(entry_of(lost), b"")
    async with storage.client() as client:
        assert {kept.digest} == await digests(client, SUBJECT)


# Pushing and deleting the same --------------------------------------------------------------------


async def pushed_and_complete(client: Client, image: Image) -> None:
    """Push a referrer into a repository whose index is complete: no walk will find what isn't entered."""
    await client.push_image(image)
    assert {image.digest} == await digests(client, SUBJECT)


async def check(client: Client, storage: Storage, image: Image) -> None:
    """A manifest is listed if and only if the repository has it."""
    has = 200 == (await client.get_manifest(image.digest)).status_code
    assert ({image.digest} if has else set()) == await digests(client, SUBJECT)
    assert has == (link_of(image) in await storage.files())


@pytest.mark.parametrize("op", ["delete", "stat"])
async def test_push_within_a_deletion(storage: Storage, op: str) -> None:
    """A referrer that is pushed while its deletion is removing the entry ends up listed."""
    image = make_artifact(SUBJECT)
    async with (
        storage.client() as other,
        gated(storage, op, entry_of(image) if op == "delete" else link_of(image)) as held,
    ):
        client, gate = held
        await pushed_and_complete(other, image)
        gate.opened.set()
        if op == "stat":
            # The first look is whether there is anything to delete, the second whether it is there again.
            await client.get_manifest(image.digest)
        gate.reached.clear()
        gate.opened.clear()
        deletion = asyncio.create_task(client.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}"))
        await gate.reached.wait()
        await other.put_manifest(image.digest, image.manifest)
        gate.opened.set()
        assert 202 == (await deletion).status_code
        await check(other, storage, image)


@pytest.mark.parametrize(("op", "where"), [("put_content", "link"), ("stat", "entry")])
async def test_deletion_within_a_push(storage: Storage, op: str, where: str) -> None:
    """A referrer that is deleted while it is pushed again is listed if and only if it is there."""
    image = make_artifact(SUBJECT)
    async with (
        storage.client() as other,
        gated(storage, op, link_of(image) if where == "link" else entry_of(image)) as held,
    ):
        client, gate = held
        await pushed_and_complete(other, image)
        push = asyncio.create_task(client.put_manifest(image.digest, image.manifest))
        await gate.reached.wait()
        await other.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}")
        gate.opened.set()
        assert 201 == (await push).status_code
        await check(other, storage, image)


@pytest.mark.parametrize("seed", range(8))
async def test_pushes_and_deletions(storage: Storage, seed: int) -> None:
    """However pushes and deletions of one referrer fall together, in the end it is listed if it is there."""
    image = make_artifact(SUBJECT)
    async with storage.client(lambda driver: SlowDriver(driver, 0.0004, jitter=1.0, seed=seed)) as client:
        await pushed_and_complete(client, image)

        async def push() -> None:
            assert 201 == (await client.put_manifest(image.digest, image.manifest)).status_code

        async def delete() -> None:
            response = await client.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}")
            assert response.status_code in {202, 404}

        for _ in range(5):
            await asyncio.gather(delete(), push(), delete(), push())
            await check(client, storage, image)


# Pages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unwritten", [False, True])
@pytest.mark.parametrize("limits", [{"max_entries": 1}, {"max_entries": 3}, {"max_bytes": 1}, {"max_bytes": 900}, {}])
async def test_pages(storage: Storage, limits: dict[str, int], unwritten: bool) -> None:  # noqa: FBT001
    """Pages of any size have all referrers, each once and in order; only the last has nothing after it."""
    images = sorted(make_artifacts(7), key=lambda image: image.digest)
    for image in images:
        await write_foreign(storage, image)
    store = ReferrerStore(storage.driver, Facts(), may_write=lambda: not unwritten)
    found = []
    pages = 0
    after = None
    while True:
        page = await store.page(NAME, SUBJECT_DIGEST, after=after, **limits)  # type: ignore[arg-type] # only numbers
        found += page.descriptors
        pages += 1
        after = page.last
        if after is None:
            break
        assert limits
    assert [image.digest.encode() in encoded for image, encoded in zip(images, found, strict=True)] == [True] * 7
    assert bool(limits) == (pages > 1)


async def test_filter_over_pages(storage: Storage, client: Client) -> None:
    """A filter looks at a bounded number of entries for each page, which may then have none."""
    images = sorted(make_artifacts(5), key=lambda image: image.digest)
    for image in images:
        await client.push_image(image)
    store = ReferrerStore(storage.driver, Facts())
    page = await store.page(NAME, SUBJECT_DIGEST, kinds=frozenset({"none"}), max_entries=2)

    assert ([], parse_digest(images[1].digest)) == page


async def test_long_descriptors(storage: Storage, client: Client) -> None:
    """A descriptor that is too long for an entry is read from the manifest; the filter sees it there."""
    long = [
        make_artifact(SUBJECT, str(number), kind=kind, annotations={"long": "x" * 100_000})
        for number, kind in enumerate((SBOM, SIGNATURE))
    ]
    for image in long:
        await client.push_image(image)
    assert all(len(content) < 1000 for path, content in (await storage.files()).items() if "_referrers" in path)
    async with storage.client() as other:
        found = await referrers(other, SUBJECT.digest, query=f"?artifactType={SIGNATURE}")

    assert [{"long": "x" * 100_000}] == [each["annotations"] for each in found]
