import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.storage.errors import InvalidPathError
from holdfast.storage.path import MAX_COMPONENT_BYTES, MAX_PATH_BYTES, check_directory_path, check_path

ALLOWED = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

almost_paths = st.lists(
    st.sampled_from(["/", ".", "..", "a", "-", "_", "Z9", "/a", "\n", " ", "ä", "~", "\x00", "x" * 254, "x" * 300]),
    max_size=12,
).map("".join)


def _is_valid(path: str) -> bool:
    """The rule, slowly: component by component, character by character."""
    if path[:1] != "/" or len(path) > MAX_PATH_BYTES:
        return False
    return all(
        0 < len(part) <= MAX_COMPONENT_BYTES and part not in {".", ".."} and all(letter in ALLOWED for letter in part)
        for part in path[1:].split("/")
    )


def _accepts(path: str) -> bool:
    try:
        check_path(path)
    except InvalidPathError:
        return False
    return True


@given(almost_paths | st.text(ALLOWED + "/", max_size=40).map("/".__add__) | st.text(max_size=10))
def test_the_validator_is_the_rule(path: str) -> None:
    """It accepts what a character-by-character reading of the rule accepts, and nothing else."""
    assert _is_valid(path) == _accepts(path)


@pytest.mark.parametrize("path", ["/a", "/a/b.c", "/.a", "/a..", "/...", "/-", "/_/A-z.0", "/" + "x" * 255])
def test_valid_paths(path: str) -> None:
    """Dots may stand anywhere, as long as they aren't all of a component of one or two."""
    check_path(path)
    check_directory_path(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "starts with"),
        ("a/b", "starts with"),
        ("/", "is a directory"),
        ("/a/", "no empty component"),
        ("/a//b", "no empty component"),
        ("/a/./b", "'.' and '..'"),
        ("/..", "'.' and '..'"),
        ("/" + "x" * 256, "at most 255"),
        ("/aaa" * 256, "at most 1023"),
        ("/a b", "made of"),
        ("/a\n", "made of"),
        ("/a\\b", "made of"),
        ("/aé", "made of"),
    ],
)
def test_the_error_says_what_is_wrong(path: str, reason: str) -> None:
    """The reason is one a person can act on, and the path is in the error."""
    with pytest.raises(InvalidPathError, match=reason) as caught:
        check_path(path)

    assert path == caught.value.path


def test_the_longest_path() -> None:
    """1,023 characters are taken, 1,024 aren't."""
    longest = "/aaa" * 255 + "/bb"
    check_path(longest)
    with pytest.raises(InvalidPathError):
        check_path(longest + "b")

    assert MAX_PATH_BYTES == len(longest)


def test_the_root_is_a_directory() -> None:
    """`/` is legal where a directory is meant."""
    check_directory_path("/")
    with pytest.raises(InvalidPathError):
        check_directory_path("//")
