"""Keys as paths of a tree."""

from holdfast.storage.drivers._bridge.names import beside, path_of


def test_short_names_stay() -> None:
    """A key whose components a file system takes is its path."""
    key = f"a/{'b' * 255}/{'c' * 255}"

    assert key == path_of(key)


def test_long_names_are_cut() -> None:
    """No component is longer than 255 characters, and what was cut tells what it was."""
    name = "n" * 255 + "~" + "0" * 32 + "~00001-89abcdef"
    path = path_of(f".uploads~/a/{name}")

    assert max(map(len, path.split("/"))) <= 255
    assert f".uploads~/a/{name}" == path.replace("~~/", "")


def test_content_beside_its_place_tells_where_it_belongs() -> None:
    """The name has the beginning of the path, and fits into one component, whatever it is of."""
    upload = "0" * 32

    assert f".uploads~/~{upload}~a~b" == beside("a/b", upload)
    assert f".uploads~/~{upload}~a~b" == beside(".uploads~/a/b~", upload)
    assert len(beside("x/" * 500, upload).rpartition("/")[2]) <= 255
