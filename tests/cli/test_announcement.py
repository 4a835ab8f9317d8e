from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from holdfast.cli.announcement import announcement, socket_announcement, warning, whereabouts
from holdfast.config import Address
from holdfast.storage import DriverOptions


class _Options(DriverOptions):
    bucket: str = Field(description="Which.")
    secretkey: SecretStr = Field(description="Secret.")
    region: str = Field(default="somewhere", description="Where.")


class _Root(DriverOptions):
    rootdirectory: str = Field(description="Where.")


@pytest.mark.parametrize(
    ("address", "listens", "pushes"),
    [
        ("127.0.0.1:5000", "http://127.0.0.1:5000\n", "127.0.0.1:5000"),
        ("[::1]:5001", "http://[::1]:5001\n", "[::1]:5001"),
        (":5000", "http://0.0.0.0:5000 (every address of this machine)\n", "127.0.0.1:5000"),
        ("0.0.0.0:5000", "http://0.0.0.0:5000 (every address of this machine)\n", "127.0.0.1:5000"),
        ("[::]:5000", "http://[::]:5000 (every address of this machine)\n", "[::1]:5000"),
        ("192.0.2.7:80", "http://192.0.2.7:80\n", "192.0.2.7:80"),
    ],
)
def test_says_where_it_listens_where_data_is_and_how_to_push(address: str, listens: str, pushes: str) -> None:
    """The lines can be copied: a wildcard is told by an address that a client here can use."""
    actual = announcement(Address.parse(address), "/srv/registry")

    assert f" listens on {listens}" in actual
    assert "\nData:  /srv/registry\n" in actual
    assert f"\nPush:  docker tag IMAGE {pushes}/NAME:TAG && docker push {pushes}/NAME:TAG\n" in actual
    assert f"skopeo copy --dest-tls-verify=false docker-daemon:IMAGE docker://{pushes}/NAME:TAG" in actual


@pytest.mark.parametrize(
    ("address", "warned"), [("127.0.0.1:5000", False), ("localhost:1", False), (":5000", True), ("192.0.2.7:80", True)]
)
def test_warns_when_others_can_reach_it(address: str, *, warned: bool) -> None:
    """Without authentication and TLS, only loopback goes without a warning."""
    actual = warning(Address.parse(address))

    assert warned == (actual is not None and "no authentication and no TLS" in actual)


def test_says_what_tls_changes() -> None:
    """With TLS the URL says so, and clients needn't be told to do without; known clients alone need no warning."""
    address = Address.parse(":443")
    told = announcement(address, "/srv/registry", tls=True)

    assert "https://0.0.0.0:443 " in told
    assert "tls-verify" not in told
    assert "no authentication:" in (warning(address, tls=True) or "")
    assert None is warning(address, tls=True, knows_clients=True)


def test_says_which_socket_it_listens_on() -> None:
    """On a unix socket, its path is told, and nothing of an address."""
    actual = socket_announcement(Path("/run/holdfast.sock"), "/srv/registry")

    assert "listens on /run/holdfast.sock\nData:  /srv/registry" in actual
    assert "http" not in actual


def test_whereabouts_show_no_secret() -> None:
    """Of a driver's options, those that were given are told, secrets excepted."""
    options = _Options(bucket="images", secretkey=SecretStr("hush"))

    actual = whereabouts("cloud", options)

    assert "cloud bucket=images" == actual


def test_whereabouts_name_the_middleware() -> None:
    """What stands around the storage is named as a request passes it, the outermost first, without its options."""
    around = (("encrypt", {"keyenv": "KEYS"}), ("readcache", {"folder": "/cache"}))
    actual = whereabouts("filesystem", _Root(rootdirectory="/srv/registry"), around)

    assert "/srv/registry, through readcache, encrypt" == actual


def test_whereabouts_of_a_folder_are_absolute(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative data folder is told as where it really is."""
    monkeypatch.chdir(str(tmp_path))

    actual = whereabouts("filesystem", _Root(rootdirectory="data"))

    assert f"{tmp_path}/data" == actual


def test_whereabouts_of_memory_warn() -> None:
    """Who keeps images in memory is told that they go."""
    actual = whereabouts("inmemory", DriverOptions())

    assert "memory; it is gone when the registry stops" == actual
