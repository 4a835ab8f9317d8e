import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.drivers._objectstore.keys import MAX_KEY_BYTES, Keys
from holdfast.storage.errors import InvalidPathError
from holdfast.storage.path import MAX_PATH_BYTES
from holdfast.testing.suite.examples import example_settings

_ROOTS = ["", "/", "root", "/a/b/", "r" * 300, "r" * 880]

_names = st.text(string.ascii_letters + string.digits + "._-", min_size=1, max_size=255).filter(
    lambda name: name not in {".", ".."}
)
_paths = st.lists(_names, min_size=1, max_size=8).map(lambda names: "/" + "/".join(names))
_paths_of_a_key = _paths.filter(lambda path: len(path) <= MAX_PATH_BYTES)
_roots = st.sampled_from(_ROOTS)


@pytest.mark.parametrize(
    ("root", "key"), [("", "a/b"), ("/", "a/b"), ("root", "root/a/b"), ("/root/", "root/a/b"), ("r/s//", "r/s/a/b")]
)
def test_content_lies_where_distribution_writes_it(root: str, key: str) -> None:
    """A key is the root directory and the path; slashes at the root's ends don't matter."""
    assert key == Keys(root).key("/a/b")


@example_settings(100)
@given(_paths_of_a_key)
def test_path_of_a_key(path: str) -> None:
    """A key tells its path."""
    keys = Keys("root")

    assert path == keys.path(keys.key(path))


@example_settings(100)
@given(_roots, _paths_of_a_key)
def test_reserved_keys_are_as_long_as_keys_can_be_at_most(root: str, path: str) -> None:
    """The keys of a record and of the parts of an upload fit, whatever the path and the root directory."""
    keys = Keys(root)
    part = keys.part_prefix(keys.root + path[1:], "0" * 32) + "99999"

    assert max(len(keys.record(path)), len(part)) <= MAX_KEY_BYTES
    assert keys.record(path).startswith(keys.reserved)
    assert part.startswith(keys.reserved)


@example_settings(100)
@given(_roots, _paths_of_a_key, _paths_of_a_key)
def test_records_have_keys_of_their_own(root: str, path: str, other: str) -> None:
    """No two paths share a record, and no record or part lies where content does."""
    keys = Keys(root)

    assert (path == other) == (keys.record(path) == keys.record(other))
    assert keys.record(path) != keys.root + other[1:]
    assert keys.part_prefix(keys.root + path[1:], "id") != keys.record(other)


@example_settings(100)
@given(_roots, _paths_of_a_key)
def test_record_tells_its_path_or_that_it_does_not(root: str, path: str) -> None:
    """A record's key tells the path, unless that is too long; a part's key is never taken for a record's."""
    keys = Keys(root)
    record, part = keys.record(path), keys.part_prefix(keys.root + path[1:], "0" * 32) + "1"

    assert keys.recorded_path(record) == (None if keys.is_long_record(record) else path)
    assert keys.recorded_path(part) is None
    assert not keys.is_long_record(part)


@example_settings(100)
@given(_roots, _paths_of_a_key, st.integers(1, 8))
def test_records_below_a_directory_are_listed_by_its_prefix(root: str, path: str, depth: int) -> None:
    """The prefix of the records below any directory above a path covers the path's, and nothing that isn't a record."""
    keys = Keys(root)
    directory = "/".join(path.split("/")[:depth]) or "/"
    if directory != path:
        assert keys.record(path).startswith(keys.records_below(directory))
    assert keys.records_below(directory).startswith(keys.reserved)


def test_longest_path() -> None:
    """The longest path fits into a key, and none that its root directory makes too long."""
    path = "/" + "/".join(["n" * 255] * 3 + ["n" * 254])

    assert len(path) == MAX_PATH_BYTES
    assert Keys("").key(path) == path[1:]
    with pytest.raises(InvalidPathError):
        Keys("root").key(path)


@pytest.mark.parametrize("rest", ["~", "a//b~", "a b~", "a/~", "./a~", "a", "a~b", "a~b~", f"a~{'0' * 64}~1"])
def test_foreign_reserved_keys_tell_no_path(rest: str) -> None:
    """What nobody of us wrote below the reserved prefix is no record."""
    keys = Keys("root")

    assert keys.recorded_path(keys.reserved + rest) is None
    assert not keys.is_long_record(keys.reserved + rest)


@pytest.mark.parametrize(
    ("prefix", "path"), [("root/a/", "/a"), ("root/a//", "/a/"), ("root//", "/"), ("root/a b/", "/a b")]
)
def test_path_of_a_common_prefix(prefix: str, path: str) -> None:
    """Only one slash is what a common prefix ends in: `a//` is a directory without a name below `a`, not `a`."""
    assert path == Keys("root").path(prefix)
