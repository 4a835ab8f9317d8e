"""Segments of large objects: where they are, whose they are, and when they go."""

import json
import secrets
from collections.abc import Callable

import pytest

from holdfast.storage.driver import StorageDriver
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
from holdfast.storage.drivers.swift._features import Features
from holdfast.storage.drivers.swift._once import Once
from holdfast.storage.drivers.swift.bucket import SwiftBucket
from holdfast.storage.errors import PathNotFoundError, StorageTimeoutError
from tests.services.stores.swift_container import SwiftContainer, SwiftService

pytestmark = pytest.mark.anyio

MIB = 1024 * 1024


async def _write(driver: StorageDriver, path: str, content: bytes) -> None:
    writer = await driver.writer(path)
    await writer.write(content)
    await writer.commit()


def _segments(container: SwiftContainer) -> list[str]:
    return container.keys("segments/")


async def _make_large(bucket: SwiftBucket, key: str, *contents: bytes) -> None:
    upload_id = await bucket.begin_upload(key)
    parts = [await bucket.put_part(key, upload_id, number, part) for number, part in enumerate(contents, 1)]
    await bucket.complete_upload(key, upload_id, parts)


async def test_names_are_upstreams(driver: StorageDriver, container: SwiftContainer) -> None:
    """The manifest is where upstream has it, and each segment below a hash in two pieces, by its number."""
    content = secrets.token_bytes(2 * MIB + 5)
    await _write(driver, "/a/b", content)

    assert ["files/a/b"] == container.keys("files/")
    assert content == container.get("files/a/b")
    places = {name.rpartition("/")[0] for name in _segments(container)}
    assert 1 == len(places)
    _, three, rest = places.pop().split("/")
    assert (3, 37) == (len(three), len(rest))
    assert [f"{number:016}" for number in (1, 2, 3)] == [
        name.rpartition("/")[2].partition("-")[0] for name in _segments(container)
    ]


async def test_moving_leaves_segments_where_they_are(driver: StorageDriver, container: SwiftContainer) -> None:
    """Only the manifest moves, and what it replaces goes with its segments."""
    content = secrets.token_bytes(2 * MIB)
    await _write(driver, "/to", b"x" * (3 * MIB))
    await _write(driver, "/from", content)
    before = set(_segments(container))
    await driver.move("/from", "/to")

    assert content == await driver.get_content("/to")
    assert ["files/to"] == container.keys("files/")
    assert 2 == len(_segments(container))
    assert set(_segments(container)) <= before


@pytest.mark.parametrize("how", ["delete", "delete_files", "delete above", "put", "write", "move a small one"])
async def test_segments_go_with_their_object(driver: StorageDriver, container: SwiftContainer, how: str) -> None:
    """Deleted or replaced, in whatever way, none is left."""
    await _write(driver, "/d/a", bytes(2 * MIB))
    if how == "delete":
        await driver.delete("/d/a")
    elif how == "delete_files":
        await driver.delete_files(["/d/a"])
    elif how == "delete above":
        await driver.delete("/d")
    elif how == "put":
        await driver.put_content("/d/a", b"small")
    elif how == "write":
        await _write(driver, "/d/a", b"small")
    else:
        await driver.put_content("/d/b", b"small")
        await driver.move("/d/b", "/d/a")

    assert [] == _segments(container)


async def test_a_copy_has_its_own(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """Either can be deleted, and the other stays."""
    await _make_large(bucket, "files/a", b"x" * MIB, b"y")
    await bucket.copy(await bucket.head("files/a"), "files/b")
    assert 4 == len(_segments(container))
    await bucket.delete("files/a")

    assert b"x" * MIB + b"y" == await bucket.get("files/b")
    await bucket.delete("files/b")
    assert [] == container.keys()


@pytest.mark.parametrize("step", ["note_move", "repeat", "_verify", "delete_plain"])
async def test_a_move_that_was_killed(
    bucket: SwiftBucket, container: SwiftContainer, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever it ended, what is at the target stays whole when the source is deleted, and it can be done again."""
    await _make_large(bucket, "files/from", b"x" * MIB, b"y")
    copier = bucket._copier
    place = {"note_move": copier._larges, "repeat": copier._larges, "delete_plain": copier._deleter}.get(step, copier)
    calls = 0

    async def killed(key: object, *_: object) -> None:
        nonlocal calls
        calls += 1
        if step != "delete_plain" or key == "files/from":
            raise StorageTimeoutError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(place, step, killed)
        with pytest.raises(StorageTimeoutError):
            await bucket.move("files/from", "files/to")
    assert calls
    if container.keys("files/to"):
        await bucket.delete("files/from")
        assert b"x" * MIB + b"y" == await bucket.get("files/to")
    else:
        assert await bucket.move("files/from", "files/to")
        assert b"x" * MIB + b"y" == await bucket.get("files/to")
    await bucket.delete("files/to")

    assert [] == container.keys()


async def test_a_move_that_was_killed_goes_on(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """With both manifests there, moving again ends it; moving the new one on takes the old one away."""
    await _make_large(bucket, "files/from", b"x" * MIB, b"y")
    larges = bucket._larges
    large = await larges.find("files/from")
    assert large is not None
    await larges.note_move(large, "files/to")
    await larges.repeat(large, "files/to")
    assert not await bucket.move("files/from", "files/elsewhere")
    assert await bucket.move("files/to", "files/further")

    assert ["files/further"] == container.keys("files/")
    assert b"x" * MIB + b"y" == await bucket.get("files/further")


async def test_what_is_not_ours_is_not_deleted(bucket: SwiftBucket, swift: SwiftService) -> None:
    """A manifest of somebody else's may name anything: it goes, and what it names stays."""
    container = swift.new_bucket()
    container.put("other/1", b"content")
    container.put("files/b", b"content")
    body = json.dumps([{"path": f"/{container.name}/other/1"}, {"path": f"/{container.name}/files/b"}]).encode()
    assert 201 == container.ask("PUT", "files/a", {"multipart-manifest": "put"}, body=body).status
    container.ask("PUT", "files/c", headers={"X-Object-Manifest": f"{container.name}/other", "Content-Length": "0"})
    own = SwiftBucket(bucket._options.model_copy(update={"container": container.name, **_login(swift)}))
    assert {} == await own.delete_many(["files/a", "files/c"])
    await own.aclose()

    assert ["files/b", "other/1"] == container.keys()


def _login(service: SwiftService) -> dict[str, str]:
    return {"authurl": service.login["authurl"]}


async def test_more_segments_than_a_manifest_takes(
    swift: SwiftService, open_bucket: Callable[..., SwiftBucket]
) -> None:
    """Manifests of manifests hold them, which go with the object."""
    container = swift.new_bucket()
    bucket = open_bucket(container)
    await bucket._client.features()
    small = Features(slo=True, max_segments=2, bulk_delete=3, listing=3, is_open=True)

    async def told() -> Features:
        return small

    bucket._client._prepared = Once(told, "features")
    contents = [secrets.token_bytes(10 + number) for number in range(5)]
    await _make_large(bucket, "files/a", *contents)

    assert b"".join(contents) == await bucket.get("files/a")
    assert 5 + 3 + 2 == len(_segments(container))
    assert await bucket.move("files/a", "files/b")
    await bucket.copy(await bucket.head("files/b"), "files/c")
    assert b"".join(contents) == await bucket.get("files/b") == await bucket.get("files/c")
    assert {} == await bucket.delete_many(["files/b", "files/c"])
    assert [] == container.keys()


async def test_an_upload_that_is_only_still_marked_is_not_thrown_away(
    bucket: SwiftBucket, container: SwiftContainer
) -> None:
    """Killed before the mark was deleted, an upload seems open; aborting it leaves the content, moved or not."""
    for is_moved in (False, True):
        upload_id = await bucket.begin_upload("files/a")
        part = await bucket.put_part("files/a", upload_id, 1, b"content")
        await bucket.complete_upload("files/a", upload_id, [part])
        container.put(bucket._uploads.mark("files/a", upload_id), b"files/a")
        if is_moved:
            await bucket.move("files/a", "files/b")
        for upload in [upload async for upload in bucket.list_uploads("files/")]:
            await bucket.abort_upload(upload.key, upload.upload_id)

        assert b"content" == await bucket.get("files/b" if is_moved else "files/a")
        await bucket.delete("files/a")


async def test_an_aborted_upload_leaves_nothing(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """Neither parts nor the mark."""
    upload_id = await bucket.begin_upload("files/a")
    await bucket.put_part("files/a", upload_id, 1, b"content")
    await bucket.abort_upload("files/a", upload_id)

    assert [] == container.keys()


async def test_a_copy_of_what_is_gone_leaves_nothing(bucket: SwiftBucket, container: SwiftContainer) -> None:
    """Segments that vanish while they are copied: an error, and no half of a copy."""
    await _make_large(bucket, "files/a", b"x" * MIB, b"y")
    find = bucket._larges.whole_segments

    async def late(large: object) -> object:
        segments = await find(large)  # type: ignore[arg-type]
        container.delete(_segments(container)[-1])
        return segments

    bucket._larges.whole_segments = late  # type: ignore[method-assign, assignment]
    with pytest.raises(PathNotFoundError):
        await bucket.copy(ObjectInfo("files/a", MIB + 1), "files/b")

    assert 1 == len(_segments(container))
    assert ["files/a"] == container.keys("files/")
