import pytest

from holdfast.storage.driver import UploadInfo
from holdfast.storage.drivers._objectstore.driver import ObjectStoreDriver
from holdfast.storage.errors import PathNotFoundError, StorageUnavailableError, WriteConflictError
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket, Store
from tests.storage.drivers.objectstore.stage import PATH, content, land, text, unfinished

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("small_sizes")]

_LONG = "/" + "/".join("n" * 200 for _ in range(5))[:1000]


async def _keep(driver: ObjectStoreDriver, *paths: str, size: int = 20) -> None:
    for path in paths:
        writer = await driver.writer(path)
        await writer.write(text(size))
        await writer.close()


async def _found(driver: ObjectStoreDriver, path: str = "/") -> list[UploadInfo]:
    found = [upload async for upload in driver.list_uploads(path)]

    assert len({(upload.path, upload.upload_id) for upload in found}) == len(found)
    return sorted(found, key=lambda upload: (upload.path, upload.upload_id))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/", ["/a", "/a-b", "/a/b", "/a/b/c", "/ab"]),
        ("/a", ["/a", "/a/b", "/a/b/c"]),
        ("/a/b", ["/a/b", "/a/b/c"]),
        ("/ab", ["/ab"]),
        ("/c", []),
    ],
)
@pytest.mark.parametrize("size", [2, 20])
async def test_found_at_and_below(driver: ObjectStoreDriver, path: str, expected: list[str], size: int) -> None:
    """Kept writes are found at and below a path, once each, with and without parts."""
    await _keep(driver, "/a", "/ab", "/a-b", "/a/b", "/a/b/c", size=size)
    found = await _found(driver, path)

    assert expected == [upload.path for upload in found]
    assert all(upload.started is not None for upload in found)


async def test_writes_of_killed_processes_are_found(driver: ObjectStoreDriver, store: Store) -> None:
    """Parts that no record tells of are found by the store's own list, also beside a record of another upload."""
    await _keep(driver, "/a")
    bucket = MemoryBucket(store)
    for key in ("a", "a", "b/c"):
        await bucket.begin_upload(key)
    found = await _found(driver)

    assert [upload.path for upload in found] == ["/a", "/a", "/a", "/b/c"]
    for upload in found:
        await driver.abort_upload(upload)
    assert ({}, {}) == (store.objects, store.uploads)


async def test_what_is_not_ours_is_not_told(driver: ObjectStoreDriver, store: Store) -> None:
    """What no path names is neither listed nor aborted: uploads to others' keys, and others' objects at our prefix."""
    bucket = MemoryBucket(store)
    for key in ("a b", "x//y", "folder/"):
        await bucket.begin_upload(key)
    for key in ("a b~", "~", "a~b~c~d", "readme"):
        bucket.keep(f".uploads~/{key}", b"theirs")

    assert [] == await _found(driver)
    assert (4, 3) == (len(store.objects), len(store.uploads))


async def test_damaged_record_is_told_and_thrown_away(driver: ObjectStoreDriver, store: Store) -> None:
    """A record that can't be read takes space, and can be got rid of."""
    MemoryBucket(store).keep(".uploads~/a/b~", b"damaged")
    (found,) = await _found(driver)
    await driver.abort_upload(found)

    assert found.path == PATH
    assert {} == store.objects


@pytest.mark.parametrize("has_content", [True, False])
async def test_damaged_record_is_in_nobodys_way(driver: ObjectStoreDriver, store: Store, *, has_content: bool) -> None:
    """Who appends where the record can't be read continues from the content, and can close; without it nothing is."""
    bucket = MemoryBucket(store)
    bucket.keep(".uploads~/a/b~", b"damaged")
    if not has_content:
        with pytest.raises(PathNotFoundError):
            await driver.writer(PATH, append=True)
        writer = await driver.writer(PATH)
    else:
        bucket.keep("a/b", text(9))
        writer = await driver.writer(PATH, append=True)
    size = writer.size
    await writer.write(text(4, size))
    await writer.close()

    assert size == (9 if has_content else 0)
    assert await unfinished(store) == text(size + 4)


async def test_grown_write_is_spared(driver: ObjectStoreDriver, store: Store) -> None:
    """A write that went on after it was listed isn't aborted: it isn't the one that was old."""
    await _keep(driver, PATH)
    (listed,) = await _found(driver)
    writer = await driver.writer(PATH, append=True)
    await writer.write(text(5, 20))
    await writer.close()
    await driver.abort_upload(listed)

    assert await unfinished(store) == text(25)


async def test_write_that_was_closed_after_it_was_listed_is_spared(driver: ObjectStoreDriver, store: Store) -> None:
    """Parts that had no record when they were listed are spared once they have one."""
    writer = await driver.writer(PATH)
    await writer.write(text(20))
    await land(writer)
    (listed,) = await _found(driver)
    await writer.close()
    await driver.abort_upload(listed)

    assert listed.upload_id.startswith("parts:")
    assert await unfinished(store) == text(20)


async def test_aborted_under_a_writer(driver: ObjectStoreDriver, store: Store) -> None:
    """Who writes on after all was aborted is told, and shows nothing."""
    await _keep(driver, PATH)
    writer = await driver.writer(PATH, append=True)
    for upload in await _found(driver):
        await driver.abort_upload(upload)
    with pytest.raises(WriteConflictError):
        await writer.commit()
    await writer.close()

    assert await content(store) is None
    assert ({}, {}) == (store.objects, store.uploads)


@pytest.mark.parametrize("upload_id", ["", "record:", "record:v0", "parts:", "parts:none", "other:x", "no kind"])
async def test_aborting_what_is_not_there(driver: ObjectStoreDriver, store: Store, upload_id: str) -> None:
    """It is no error, and touches nothing else."""
    await _keep(driver, PATH)
    before = dict(store.objects)
    await driver.abort_upload(UploadInfo(path=PATH, upload_id=upload_id))
    await driver.abort_upload(UploadInfo(path="/c", upload_id=upload_id))

    assert before == store.objects


async def test_abort_can_be_repeated(driver: ObjectStoreDriver, store: Store) -> None:
    """Where freeing the parts fails, the write is still found, and aborted the next time."""
    await _keep(driver, PATH)

    def fail(op: str, _when: str, _key: str) -> None:
        if op == "abort_upload":
            raise StorageUnavailableError

    store.fail = fail
    with pytest.raises(StorageUnavailableError):
        await driver.abort_upload((await _found(driver))[0])
    store.fail = Store().fail
    await driver.abort_upload((await _found(driver))[0])

    assert ({}, {}) == (store.objects, store.uploads)


async def test_long_paths(driver: ObjectStoreDriver, store: Store) -> None:
    """Writes to paths that are too long for a record's key are continued, found and thrown away as all others are."""
    other = _LONG[:-1] + "m"
    await _keep(driver, _LONG, other)
    directory = _LONG.rpartition("/")[0]

    assert await unfinished(store, _LONG) == text(20)
    assert sorted([_LONG, other]) == [upload.path for upload in await _found(driver)]
    assert sorted([_LONG, other]) == [upload.path for upload in await _found(driver, directory)]
    assert [_LONG] == [upload.path for upload in await _found(driver, _LONG)]
    await driver.delete(directory)
    assert ({}, {}) == (store.objects, store.uploads)


async def test_record_of_a_long_path_that_is_anothers(driver: ObjectStoreDriver, store: Store) -> None:
    """A record that was copied to where another path's belongs isn't believed."""
    await _keep(driver, _LONG)
    (key,) = store.objects
    moved = driver._keys.record(_LONG[:-1] + "m")
    store.objects[moved] = store.objects.pop(key)

    assert [] == [upload for upload in await _found(driver) if upload.upload_id.startswith("record:")]


async def test_deleting_takes_unfinished_writes_along(driver: ObjectStoreDriver, store: Store) -> None:
    """Those at and below the path go, of whatever kind, and no others; `delete_files` takes none."""
    await _keep(driver, "/a", "/a/b", "/ab")
    await MemoryBucket(store).begin_upload("a/c")
    await driver.put_content("/a", b"x")
    await driver.delete_files(["/a"])
    before = [upload.path for upload in await _found(driver)]
    await driver.delete("/a")

    assert before == ["/a", "/a/b", "/a/c", "/ab"]
    assert ["/ab"] == [upload.path for upload in await _found(driver)]
    with pytest.raises(PathNotFoundError):
        await driver.delete("/a")


async def test_identities_tell_what_they_are(driver: ObjectStoreDriver, store: Store) -> None:
    """An identity is the record's version, which a listing of records has already."""
    await _keep(driver, "/a", size=2)
    store.calls.clear()
    (found,) = await _found(driver)

    assert found.upload_id == f"record:{store.objects['.uploads~/a~'].version}"
    assert {"list_page": 1, "list_uploads": 1} == store.calls
