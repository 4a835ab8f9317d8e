import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.http.ranges import ByteRange, UnsatisfiableRangeError, parse_chunk_range, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-0", (0, 1)),
        ("bytes=0-9", (0, 10)),
        ("bytes=0-10", (0, 10)),
        ("bytes=0-9999999999999999999", (0, 10)),
        ("bytes=3-5", (3, 3)),
        ("bytes=9-", (9, 1)),
        ("bytes=9-9", (9, 1)),
        ("bytes=-1", (9, 1)),
        ("bytes=-10", (0, 10)),
        ("bytes=-11", (0, 10)),
        ("Bytes=3-5", (3, 3)),
        (f"bytes=0-{'9' * 30}", (0, 10)),
        (f"bytes=-{'9' * 30}", (0, 10)),
        (f"bytes=0-{'9' * 5000}", None),
        ("bytes=0-1,3-4", None),
        ("bytes=", None),
        ("bytes=-", None),
        ("bytes=a-b", None),
        ("bytes=0x0-1", None),
        ("bytes 0-1", None),
        ("items=0-1", None),
        ("", None),
    ],
)
def test_range_of_ten_bytes(header: str, expected: tuple[int, int] | None) -> None:
    """One range of bytes is cut at the end; what is malformed, of another unit, or several, is ignored."""
    assert expected == parse_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", f"bytes={'9' * 30}-", "bytes=5-4"])
def test_outside(header: str) -> None:
    """A range without a byte of the content is refused, as is one that ends before it begins."""
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 10)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-1"])
def test_of_nothing(header: str) -> None:
    """No range is in empty content."""
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 0)


@given(size=st.integers(1, 50), start=st.integers(0, 60), last=st.integers(0, 60) | st.none())
def test_as_slices(size: int, start: int, last: int | None) -> None:
    """A range means what a slice means; an empty slice is no range."""
    content = bytes(range(size))
    expected = content[start:] if last is None else content[start : last + 1]
    try:
        found = parse_range(f"bytes={start}-{'' if last is None else last}", size)
    except UnsatisfiableRangeError:
        assert b"" == expected
        return

    assert found is not None
    assert expected == content[found.start : found.start + found.length]
    assert expected == content[found.start : found.last + 1]


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("0-0", (0, 1)),
        ("5-9", (5, 5)),
        ("5-4", None),
        ("5-", None),
        ("-5", None),
        ("bytes 0-4/5", None),
        ("0-4/5", None),
        ("", None),
        ("a-b", None),
        ("0-4 ", None),
        ("0-1,2-3", None),
    ],
)
def test_chunk(header: str, expected: tuple[int, int] | None) -> None:
    """A chunk's range is two numbers, both inclusive; anything else is malformed."""
    assert (ByteRange(*expected) if expected else None) == parse_chunk_range(header)
