import asyncio
from collections.abc import Awaitable, Callable

import pytest

from holdfast.registry.errors import ManifestUnknownError
from holdfast.registry.model.digest import Digest
from holdfast.registry.store import paths
from holdfast.registry.store.tags import TagStore
from holdfast.storage import ops
from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import Fault, FaultyDriver
from holdfast.testing.drivers.interception import InterceptingDriver, Step
from tests.registry.client import NAME, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

OLD, NEW = Digest.of(b"old"), Digest.of(b"new")


class Hooked(InterceptingDriver):
    """A driver that does something else right before or after it reads a link."""

    def __init__(
        self,
        inner: StorageDriver,
        *,
        before: Callable[[str], Awaitable[None]] | None = None,
        after: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        super().__init__(inner)
        self._hooks = (before, after)

    async def before(self, step: Step) -> None:
        """Let the other thing happen."""
        if step.op == "get_content" and self._hooks[0] is not None:
            await self._hooks[0](step.path)

    async def after(self, step: Step) -> None:
        """Let the other thing happen."""
        if step.op == "get_content" and self._hooks[1] is not None:
            await self._hooks[1](step.path)


async def test_tags_of_a_manifest_are_removed(storage: Storage) -> None:
    """Every tag that points to the manifest goes, and none that only did so once, or never."""
    tags = TagStore(storage.driver)
    for tag in ("a", "a-b", "b", "moved"):
        await tags.point(NAME, tag, OLD)
    for tag in ("c", "moved"):
        await tags.point(NAME, tag, NEW)

    assert ["a", "a-b", "b"] == await tags.pointing_to(NAME, OLD)
    assert ["a", "a-b", "b"] == await tags.remove_pointing_to(NAME, OLD)
    assert ([], []) == (await tags.pointing_to(NAME, OLD), await tags.remove_pointing_to(NAME, OLD))
    assert (["c", "moved"], False) == await tags.list(NAME)
    assert ["c", "moved"] == await tags.pointing_to(NAME, NEW)


async def test_tags_of_nothing(storage: Storage) -> None:
    """A repository that isn't there has no tags to remove."""
    assert [] == await TagStore(storage.driver).remove_pointing_to("absent", OLD)


async def test_a_crash_between_the_two_links_of_a_tag(storage: Storage) -> None:
    """A tag whose index link was never written is found all the same, whether it is new or was moved."""
    tags = TagStore(storage.driver)
    await tags.point(NAME, "moved", OLD)
    await storage.tick()
    driver = FaultyDriver(storage.open(), Fault(op="put_content", path="*/index/*", times=None))
    for tag in ("moved", "new"):
        with pytest.raises(Exception, match="injected fault"):
            await TagStore(driver).point(NAME, tag, NEW)

    assert ["moved", "new"] == await tags.remove_pointing_to(NAME, NEW)


async def test_a_tag_that_another_replica_moves_meanwhile_stays(storage: Storage) -> None:
    """Each tag is read again before it is removed: a tag that was found and has moved since isn't."""
    for tag in ("moved", "other"):
        await TagStore(storage.driver).point(NAME, tag, OLD)

    async def move(path: str) -> None:
        if path == paths.tag_current_link(NAME, "moved"):
            await TagStore(storage.driver).point(NAME, "moved", NEW)

    assert ["other"] == await TagStore(Hooked(storage.open(), before=move)).remove_pointing_to(NAME, OLD)
    assert NEW == await TagStore(storage.driver).resolve(NAME, "moved")


async def test_a_tag_that_is_pushed_here_meanwhile_stays(storage: Storage) -> None:
    """Within a process, a push that comes after the last look waits for the removal, and then makes the tag anew."""
    pushes: list[asyncio.Task[None]] = []

    async def push(path: str) -> None:
        if path == paths.tag_current_link(NAME, "tag") and not pushes:
            pushes.append(asyncio.create_task(tags.point(NAME, "tag", NEW)))
            await asyncio.sleep(0)

    tags = TagStore(Hooked(storage.open(), after=push))
    await tags.point(NAME, "tag", OLD)

    assert ["tag"] == await tags.remove_pointing_to(NAME, OLD)
    await asyncio.gather(*pushes)
    assert NEW == await tags.resolve(NAME, "tag")


@pytest.mark.parametrize(
    "links",
    [
        {paths.tag_current_link(NAME, "bad"): b""},
        {paths.tag_current_link(NAME, "bad"): b"sha256:short"},
        {paths.tag_current_link(NAME, "bad"): str(OLD).encode()},
        {paths.tag_index_link(NAME, "bad", OLD): str(OLD).encode()},
    ],
    ids=["empty", "garbage", "of a manifest that isn't there", "without a current link"],
)
async def test_dangling_tag(storage: Storage, links: dict[str, bytes]) -> None:
    """A tag that leads nowhere answers 404, and can be deleted or pushed anew."""
    async with storage.client() as client:
        await client.push_image(make_image(), "good")
        for path, content in links.items():
            await storage.put(path, content)

        assert 404 == (await client.get_manifest("bad")).status_code
        assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/bad")).status_code
        assert 404 == (await client.request("DELETE", f"/v2/{NAME}/manifests/bad")).status_code
        assert ["good"] == (await client.request("GET", f"/v2/{NAME}/tags/list")).json()["tags"]
        assert 200 == (await client.get_manifest("good")).status_code


async def test_deleting_a_tag_leaves_all_else(storage: Storage) -> None:
    """A deleted tag is gone, alone: its manifest, and other tags of it, stay."""
    image = make_image()
    async with storage.client() as client:
        for tag in ("a", "a-b", "a.b"):
            await client.push_image(image, tag)
        await client.request("DELETE", f"/v2/{NAME}/manifests/a")

        found = [(await client.get_manifest(reference)).status_code for reference in ("a", "a-b", "a.b", image.digest)]
    assert [404, 200, 200, 200] == found


async def test_deleting_a_manifest_removes_its_tags(storage: Storage) -> None:
    """After a manifest no tag of it shows, and a tag of the same name can come again."""
    old, new = make_image("old"), make_image("new")
    async with storage.client() as client:
        for tag in ("a", "b", "moved"):
            await client.push_image(old, tag)
        await client.push_image(new, "moved")
        assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{old.digest}")).status_code

        assert ["moved"] == (await client.request("GET", f"/v2/{NAME}/tags/list")).json()["tags"]
        await client.push_image(old, "a")
        assert 200 == (await client.get_manifest("a")).status_code


async def test_files_of_others_among_the_tags(storage: Storage) -> None:
    """What can't be a tag is passed over, and a page is full all the same."""
    tags = TagStore(storage.driver)
    for tag in ("a", "b", "c"):
        await tags.point(NAME, tag, OLD)
    for junk in (".DS_Store", "-x", "b-", ".y"):
        await storage.put(f"{paths.tags(NAME)}/{junk}", b"")

    assert (["a", "b"], True) == await tags.list(NAME, limit=2)
    assert (["b-", "c"], False) == await tags.list(NAME, limit=2, last="b")


async def test_removing_a_tag_that_is_not_there(storage: Storage) -> None:
    """A tag that isn't there is unknown."""
    with pytest.raises(ManifestUnknownError):
        await TagStore(storage.driver).remove(NAME, "absent")
    assert not await ops.exists(storage.driver, "/docker")
