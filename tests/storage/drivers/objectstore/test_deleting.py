from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.deleting import delete_keys, delete_tree
from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.errors import (
    AccessDeniedError,
    BatchDeleteError,
    StorageError,
    StorageUnavailableError,
)
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket
from tests.storage.drivers.objectstore.trees import SparseBucket, bucket_of, key_sets, paths, run

pytestmark = pytest.mark.anyio


@example_settings(150)
@given(
    names=key_sets,
    root=st.sampled_from(["", "root"]),
    path=paths,
    page=st.integers(1, 5),
    kind=st.sampled_from([MemoryBucket, SparseBucket]),
)
def test_what_is_at_and_below_a_path_goes(
    *, names: set[str], root: str, path: str, page: int, kind: type[MemoryBucket]
) -> None:
    """The file and everything below it go, others' objects too, and nothing else; that there was something is told."""
    keys = Keys(root)
    there = {keys.root + name for name in names} | {"other/place/a"}
    doomed = {
        key
        for key in there
        if (key == keys.root + path[1:] and path != "/")
        or (key.startswith(keys.below(path)) and not key.startswith(keys.reserved))
    }
    bucket = bucket_of(there, page=page, kind=kind)

    assert bool(doomed) == run(lambda bucket: delete_tree(bucket, keys, path), bucket)
    assert there - doomed == bucket.store.objects.keys()


@pytest.mark.parametrize(
    ("files", "requests"),
    [
        (["a"], {"head": 1, "delete": 1, "list_page": 1}),
        ([], {"head": 1, "list_page": 1}),
        (["a/b", "a/c"], {"head": 1, "list_page": 1, "delete_many": 1}),
        ([f"a/{number:05}" for number in range(2500)], {"head": 1, "list_page": 3, "delete_many": 3}),
    ],
)
async def test_requests(files: list[str], requests: dict[str, int]) -> None:
    """A page of files takes two requests."""
    bucket = bucket_of(files)
    await delete_tree(bucket, Keys(""), "/a")

    assert requests == bucket.store.calls
    assert {} == bucket.store.objects


class _Refusing(MemoryBucket):
    """Refuses to delete some keys."""

    async def delete_many(self, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """All but those that say so."""
        refused = {key: AccessDeniedError() for key in keys if "refused" in key}
        return dict(await super().delete_many([key for key in keys if key not in refused])) | refused


async def test_what_can_not_be_deleted_is_told_by_path() -> None:
    """The others are gone, and those that aren't are named with their errors."""
    bucket = bucket_of(["root/a", "root/refused/b", "root/c"], kind=_Refusing)
    with pytest.raises(BatchDeleteError) as raised:
        await delete_keys(bucket, Keys("root"), [*bucket.store.objects])

    assert [("/refused/b", AccessDeniedError)] == [(path, type(why)) for path, why in raised.value.failures.items()]
    assert ["root/refused/b"] == [*bucket.store.objects]


async def test_all_pages_are_tried_where_some_files_can_not_be_deleted() -> None:
    """What a directory has after a file that can't be deleted goes all the same; all that stays is named."""
    bucket = bucket_of(
        [f"a/{number}{'-refused' if number in {1, 7} else ''}" for number in range(10)], page=2, kind=_Refusing
    )
    with pytest.raises(BatchDeleteError) as raised:
        await delete_tree(bucket, Keys(""), "/a")

    assert ["a/1-refused", "a/7-refused"] == [*bucket.store.objects]
    assert {"/a/1-refused", "/a/7-refused"} == raised.value.failures.keys()


@pytest.mark.parametrize("op", ["head", "list_page", "delete_many"])
async def test_failure_is_raised(op: str) -> None:
    """A listing or a request that fails isn't taken for nothing to delete."""
    bucket = bucket_of(["a/b"])

    def fail(now_op: str, _when: str, _key: str) -> None:
        if now_op == op:
            raise StorageUnavailableError

    bucket.store.fail = fail
    with pytest.raises(StorageUnavailableError):
        await delete_tree(bucket, Keys(""), "/a")
