import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.keys import Keys
from holdfast.storage.drivers._objectstore.listing import any_below, list_children
from holdfast.storage.errors import PathNotFoundError, StorageUnavailableError
from holdfast.testing.suite.examples import example_settings
from tests.storage.drivers.objectstore.memory_bucket import MemoryBucket
from tests.storage.drivers.objectstore.trees import (
    SparseBucket,
    bucket_of,
    children,
    files_below,
    key_sets,
    paths,
    run,
)

pytestmark = pytest.mark.anyio

_roots = st.sampled_from(["", "root/sub"])
_kinds = st.sampled_from([MemoryBucket, SparseBucket])


@example_settings(150)
@given(
    names=key_sets,
    root=_roots,
    path=paths,
    start_after=st.none() | paths | st.sampled_from(["/a/", "/a/a", "/a-", "/b0", "", "~", "/a/é"]),
    limit=st.none() | st.integers(0, 5),
    page=st.integers(1, 5),
    kind=_kinds,
)
@example(names={"a-b", "a-b.c", "a/x", "a-/x"}, root="", path="/", start_after=None, limit=1, page=1, kind=MemoryBucket)
@example(names={"a//b"}, root="", path="/a", start_after=None, limit=None, page=5, kind=MemoryBucket)
def test_children_are_those_of_the_model(
    *,
    names: set[str],
    root: str,
    path: str,
    start_after: str | None,
    limit: int | None,
    page: int,
    kind: type[MemoryBucket],
) -> None:
    """Any keys, however the store cuts its pages: the children come in order, after the start, as many as asked for."""
    keys = Keys(root)
    there = {keys.root + name for name in names}
    expected = children(there, keys, path)
    bucket = bucket_of(there, page=page, kind=kind)
    if not expected and path != "/":
        with pytest.raises(PathNotFoundError):
            run(lambda bucket: list_children(bucket, keys, path, start_after=start_after, limit=limit), bucket)
        return
    found = run(lambda bucket: list_children(bucket, keys, path, start_after=start_after, limit=limit), bucket)

    assert found == [child for child in expected if start_after is None or child > start_after][:limit]


@example_settings(150)
@given(names=key_sets, root=_roots, path=paths, page=st.integers(1, 5), kind=_kinds)
def test_directory_exists_while_a_file_is_below(
    names: set[str], root: str, path: str, page: int, kind: type[MemoryBucket]
) -> None:
    """Folder markers and what isn't ours make no directory."""
    keys = Keys(root)
    there = {keys.root + name for name in names}
    bucket = bucket_of(there, page=page, kind=kind)

    assert bool(files_below(there, keys, path)) == run(lambda bucket: any_below(bucket, keys, path), bucket)


def _tags(count: int) -> list[str]:
    return [f"tags/v{number:05}/link" for number in range(count)]


@pytest.mark.parametrize(
    ("count", "start_after", "limit", "requests"),
    [
        (3, None, None, 1),
        (1000, None, None, 1),
        (1001, None, None, 2),
        (5000, None, None, 5),
        (5000, None, 100, 1),
        (5000, "/tags/v02000", 100, 1),
        (5000, "/tags/v02000", None, 3),
        (5000, "/tags/v04999", 100, 2),
        (5000, "/zzz", 100, 1),
        (5000, None, 0, 1),
        (5000, None, 1500, 2),
    ],
)
async def test_requests(count: int, start_after: str | None, limit: int | None, requests: int) -> None:
    """A small directory takes one request, a page of a large one too; the end of one takes one more to be sure."""
    bucket = bucket_of(_tags(count))
    await list_children(bucket, Keys(""), "/tags", start_after=start_after, limit=limit)

    assert {"list_page": requests} == bucket.store.calls


async def test_requests_for_a_missing_directory() -> None:
    """One request tells that nothing is there."""
    bucket = bucket_of(_tags(3))
    with pytest.raises(PathNotFoundError):
        await list_children(bucket, Keys(""), "/missing", start_after=None, limit=None)

    assert {"list_page": 1} == bucket.store.calls


async def test_requests_where_a_directory_may_have_been_passed_over() -> None:
    """`a-b` comes before the directory `a` in a listing, and after it in its order: one more request looks for `a`."""
    bucket = bucket_of([f"a-{number:05}" for number in range(2000)] + ["a/x"])

    assert await list_children(bucket, Keys(""), "/", start_after=None, limit=3) == ["/a", "/a-00000", "/a-00001"]
    assert {"list_page": 2} == bucket.store.calls


async def test_requests_where_no_directory_can_have_been_passed_over() -> None:
    """Once the listing is past where the directory `a` would be, nothing has to be looked for."""
    bucket = bucket_of([f"a-{number}" for number in range(3)] + [f"b{number}" for number in range(9)])

    assert await list_children(bucket, Keys(""), "/", start_after=None, limit=3) == ["/a-0", "/a-1", "/a-2"]
    assert {"list_page": 1} == bucket.store.calls


async def test_many_names_that_may_have_been_passed_over() -> None:
    """Where looking them up would be many requests, the listing is read on; the answer is the same."""
    name = "-".join("a" * 40)
    bucket = bucket_of([f"{name}-{number}" for number in range(8)] + ["a-a/x", "a/x"], page=3)

    assert await list_children(bucket, Keys(""), "/", start_after=None, limit=3) == ["/a", "/a-a", f"/{name}-0"]
    assert bucket.store.calls["list_page"] <= 6


async def test_foreign_objects_are_passed_over_in_large_pages() -> None:
    """A directory of thousands of objects that aren't ours is told to be none within a few requests."""
    bucket = bucket_of([f"a/{number:05} of theirs" for number in range(3000)])

    assert not await any_below(bucket, Keys(""), "/a")
    assert bucket.store.calls["list_page"] <= 5


async def test_failure_is_never_an_empty_directory() -> None:
    """A page that can't be read is raised, whichever it is."""
    bucket = bucket_of(_tags(3000))
    for failing in (1, 2, 3):
        bucket.store.calls.clear()

        def fail(_op: str, when: str, _key: str, failing: int = failing) -> None:
            if when == "before" and bucket.store.calls["list_page"] == failing:
                raise StorageUnavailableError

        bucket.store.fail = fail
        with pytest.raises(StorageUnavailableError):
            await list_children(bucket, Keys(""), "/tags", start_after=None, limit=None)
