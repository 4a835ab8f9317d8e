import time

import pytest

from holdfast.registry.model import reference
from holdfast.registry.model.reference import MAX_NAME_LENGTH, is_name, is_tag


@pytest.mark.parametrize(
    "name", ["a", "0", "a/b", "a-b", "a--b", "a---b", "a.b", "a_b", "a__b", "library/ubuntu", "a/b/c/d/e", "a" * 255]
)
def test_names(name: str) -> None:
    """The spec's grammar, with as many dashes as one likes, up to Distribution's length."""
    assert is_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a/",
        "/a",
        "a//b",
        "A",
        "a..b",
        "a___b",
        "a-",
        "-a",
        ".a",
        "_a",
        "a._b",
        "a b",
        "a\n",
        "ä",
        "a/../b",
        "a/_layers",
        "a:b",
        "a" * 256,
    ],
)
def test_not_names(name: str) -> None:
    """What the grammar doesn't make is no name."""
    assert not is_name(name)


def test_name_takes_no_time() -> None:
    """A name that almost matches is refused without trying all ways to read it, and a long one isn't remembered."""
    started = time.perf_counter()
    almost = ("a-" * 127)[:MAX_NAME_LENGTH] + "!"
    for _ in range(100):
        is_name(almost)
    is_name("a" * 10_000_000)

    assert 0.5 > time.perf_counter() - started
    assert reference._matches_name.cache_info().currsize <= 4096
    before = reference._matches_name.cache_info().currsize
    is_name("b" * 256)
    assert before == reference._matches_name.cache_info().currsize


@pytest.mark.parametrize("tag", ["a", "A", "0", "_", "_a", "v1.2.3", "a-b_c.d", "a" * 128])
def test_tags(tag: str) -> None:
    """The spec's grammar of tags."""
    assert is_tag(tag)


@pytest.mark.parametrize("tag", ["", ".", "..", ".a", "-a", "a b", "a/b", "a:b", "a" * 129, "a\n", "ä"])
def test_not_tags(tag: str) -> None:
    """What the grammar doesn't make is no tag."""
    assert not is_tag(tag)
