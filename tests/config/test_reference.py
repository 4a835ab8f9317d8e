from holdfast.config import upstream
from holdfast.config.reference import keys


def test_every_key_is_described_and_is_one_of_upstream() -> None:
    """The reference has a description of each key, and none that Distribution's file doesn't have."""
    known = {".".join((*section, key)) for section, names in upstream.KEYS.items() for key in names}

    found = keys()

    assert [] == [info.path for info in found if not info.description]
    assert {"storage.DRIVER"} == {info.path for info in found} - known


def test_defaults_are_written_as_the_file_has_them() -> None:
    """A default can be copied into a file."""
    actual = {info.path: info.default for info in keys()}

    assert {
        "version": None,
        "log.level": "info",
        "storage.DRIVER": None,
        "storage.delete.enabled": "false",
        "http.addr": "127.0.0.1:5000",
        "http.draintimeout": "30s",
        "http.secret": None,
    } == actual
