import pytest

from holdfast.registry.store.order import start_after
from holdfast.storage.path import check_path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("tag", "/d/tag"),
        ("v1 or so", "/d/v1"),
        ("v1/x", "/d/v1"),
        ("", None),
        ("é", None),
        ("!", None),
        (".", None),
        ("..", None),
        ("x" * 300, "/d/" + "x" * 255),
    ],
)
def test_beginnings(name: str, expected: str | None) -> None:
    """A text becomes the longest path that isn't greater and that storage takes, or nothing."""
    assert expected == start_after("/d", name)
    if expected is not None:
        check_path(expected)
        assert expected.removeprefix("/d/") <= name


def test_a_long_directory() -> None:
    """A path never gets longer than storage takes."""
    directory = "/d" * 500
    found = start_after(directory, "x" * 255)

    assert found is not None
    check_path(found)
