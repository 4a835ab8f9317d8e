import pytest

from holdfast.registry.errors import RepositoryUnknownError
from holdfast.registry.store import paths
from holdfast.registry.store.repositories import RepositoryContents, contents, delete_repository
from holdfast.storage.errors import StorageUnavailableError
from holdfast.testing.drivers import CountingDriver, Fault, FaultyDriver
from tests.registry.client import Client, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

NAME = "team/app"
IMAGE = make_image()
OWN = f"{paths.REPOSITORIES}/{NAME}/_"


async def fill(storage: Storage, name: str = NAME) -> None:
    """A repository with an image, two tags, an upload that isn't finished, and something of a later version's."""
    async with storage.client() as client:
        await client.push_image(IMAGE, "one", name)
        await client.push_image(IMAGE, "two", name)
        await client.patch(await client.begin(name), b"content")
    await storage.put(f"{paths.REPOSITORIES}/{name}/_future/index", b"")


async def status(client: Client, path: str) -> int:
    """The status of a GET."""
    return (await client.request("GET", path)).status_code


async def test_contents(storage: Storage) -> None:
    """What a repository has is counted."""
    await fill(storage)

    assert RepositoryContents(tags=2, manifests=1, blobs=3, uploads=1) == await contents(storage.driver, NAME)


async def test_deleting(storage: Storage) -> None:
    """Nothing of the repository is left, unfinished writes included; what it shared stays for others."""
    await fill(storage)
    async with storage.client() as client:
        await client.push_image(IMAGE, "tag", "other")
    await delete_repository(storage.driver, NAME)

    assert [] == [path for path in await storage.files() if path.startswith(f"{paths.REPOSITORIES}/{NAME}")]
    assert [] == await storage.uploads()
    async with storage.client() as client:
        assert ["other"] == (await client.request("GET", "/v2/_catalog")).json()["repositories"]
        assert 404 == await status(client, f"/v2/{NAME}/tags/list")
        assert 200 == (await client.get_manifest("tag", "other")).status_code
        assert 200 == (await client.get_blob(await client.push_blob(IMAGE.blobs[0], "other"), "other")).status_code


async def test_repositories_below_and_beside_stay(storage: Storage) -> None:
    """Names that go on from the deleted one are other repositories."""
    others = ["team", "team/app-b", "team/app.b", "team/app/b", "team/app/b/c", "team/apple"]
    for name in [*others, NAME]:
        await fill(storage, name)
    before = {path: content for path, content in (await storage.files()).items() if not path.startswith(OWN)}
    await delete_repository(storage.driver, NAME)

    assert before == await storage.files()


@pytest.mark.parametrize("name", ["absent", "te", "team", "team/app/b"])
async def test_unknown(storage: Storage, name: str) -> None:
    """A name under which there is nothing is unknown, also where something is below or above it."""
    await fill(storage)
    before = await storage.files()
    for act in (contents, delete_repository):
        with pytest.raises(RepositoryUnknownError, match=f"repository {name} is unknown"):
            await act(storage.driver, name)

    assert before == await storage.files()


async def test_only_an_unfinished_write_is_left(storage: Storage) -> None:
    """What only the driver knows of is deleted, too."""
    writer = await storage.driver.writer(paths.upload_data(NAME, "x"))
    await writer.write(b"content")
    await writer.close()
    await delete_repository(storage.driver, NAME)

    assert [] == await storage.uploads()


async def test_a_crash_leaves_nothing_that_serves_half(storage: Storage) -> None:
    """Wherever it ends: a tag that shows can be pulled whole, and so can a manifest; the next call finishes it."""
    await fill(storage)
    for number in range(1, 6):
        driver = FaultyDriver(storage.open(), Fault(op="delete", nth=number))
        try:
            await delete_repository(driver, NAME)
        except StorageUnavailableError:
            async with storage.client() as client:
                for reference in ("one", IMAGE.digest):
                    if (await client.get_manifest(reference, NAME)).status_code == 200:
                        for blob in IMAGE.blobs:
                            digest = await client.push_blob(blob, "elsewhere")
                            assert 200 == (await client.get_blob(digest, NAME)).status_code
        else:
            break
        finally:
            await storage.driver.stat("/")
    await fill(storage)
    await delete_repository(storage.driver, NAME)

    assert [] == [path for path in await storage.files() if path.startswith(OWN)]


async def test_cost(storage: Storage) -> None:
    """A listing, and a delete for each directory, however much is in them."""
    await fill(storage)
    counting = CountingDriver(storage.open())
    await delete_repository(counting, NAME)

    deleted = [path.removeprefix(OWN) for op, path in counting.calls if op == "delete"]
    assert ["manifests/tags", "manifests", "future", "layers", "uploads"] == deleted
    counting.expect({"list": 1, "delete": 5})
