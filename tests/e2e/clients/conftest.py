import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

import pytest
import trustme

from tests.services.client import PLAIN, ClientError, Trust
from tests.services.containerd import Containerd, Ctr
from tests.services.holdfast_server import HoldfastServer, ServedTLS
from tests.services.images import Layout, build_index, build_small_image
from tests.services.oras import Oras
from tests.services.podman import Buildah, Podman
from tests.services.requirement import require_tool
from tests.services.server import Server
from tests.services.skopeo import Skopeo
from tests.services.umoci import Umoci

_REMEDY = "scripts/install-clients"
_Store = TypeVar("_Store", Podman, Buildah)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reached:
    """A server, and how clients reach it."""

    server: Server
    trust: Trust


# All tests of clients share one server per way of reaching it, and each uses repositories of its own.
@pytest.fixture(scope="session", params=["plain", "tls"])
def reached(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Reached]:
    """Holdfast with deletes enabled, on plain HTTP and on TLS with an authority that the machine doesn't know."""
    folder = tmp_path_factory.mktemp("server")
    tls = _certify(folder) if request.param == "tls" else None
    config = {"storage": {"delete": {"enabled": True}}}
    with HoldfastServer(root=folder / "root", scratch=folder, config=config, tls=tls) as server:
        yield _Reached(server=server, trust=PLAIN if tls is None else Trust(authority=tls.authority))


def _certify(folder: Path) -> ServedTLS:
    """Makes an authority, and a certificate by it for this machine's loopback address."""
    trusted = folder / "trusted"
    trusted.mkdir()
    authority = trustme.CA()
    leaf = authority.issue_cert("127.0.0.1", "localhost")
    files = ServedTLS(certificate=folder / "server.pem", key=folder / "key.pem", authority=trusted / "ca.crt")
    files.authority.write_bytes(authority.cert_pem.bytes())
    files.key.write_bytes(leaf.private_key_pem.bytes())
    files.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
    return files


@pytest.fixture
def server(reached: _Reached) -> Iterator[Server]:
    """The server that all tests of clients share; what it said during a test is shown if that fails."""
    before = len(reached.server.output())
    yield reached.server
    print(f"the server:\n{reached.server.output()[before:][-20_000:]}")


@pytest.fixture
def trust(reached: _Reached) -> Trust:
    """How clients reach the server."""
    return reached.trust


@pytest.fixture(scope="session")
def small_image(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A single-platform OCI image of some hundred kilobytes, built once."""
    return build_small_image(tmp_path_factory.mktemp("small-image") / "layout")


@pytest.fixture(scope="session")
def small_index(tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """An OCI image index for two platforms, as small, built once."""
    return build_index(tmp_path_factory.mktemp("small-index") / "layout", cap=300_000)


def _home(folder: Path, name: str) -> Path:
    home = folder / name
    home.mkdir()
    return home


@pytest.fixture
def skopeo(tmp_path: Path, trust: Trust) -> Skopeo:
    """The skopeo of this machine, or the reason why the test cannot run."""
    return Skopeo(tool=require_tool("skopeo", _REMEDY), home=_home(tmp_path, "skopeo"), trust=trust)


@pytest.fixture
def podman(trust: Trust) -> Iterator[Podman]:
    """A podman with an empty store, or the reason why the test cannot run."""
    tool = require_tool("podman", _REMEDY)
    # podman takes no folder with a long name, as those of pytest are.
    with TemporaryDirectory(prefix="podman") as home:
        yield _working(Podman(tool=tool, home=Path(home), trust=trust))


@pytest.fixture
def buildah(trust: Trust) -> Iterator[Buildah]:
    """A buildah with an empty store, or the reason why the test cannot run."""
    tool = require_tool("buildah", _REMEDY)
    with TemporaryDirectory(prefix="buildah") as home:
        yield _working(Buildah(tool=tool, home=Path(home), trust=trust))


def _working(client: _Store) -> _Store:
    """The client, where it may unpack images: not every sandbox lets it."""
    try:
        client.run("info")
    except ClientError as error:
        pytest.skip(f"{type(client).__name__.lower()} cannot keep images here: {str(error).splitlines()[-1]}")
    return client


@pytest.fixture
def ctr(tmp_path: Path, trust: Trust) -> Iterator[Ctr]:
    """A ctr with a containerd of its own, or the reason why the test cannot run."""
    daemon, tool = require_tool("containerd", _REMEDY), require_tool("ctr", _REMEDY)
    if subprocess.run(["unshare", "--mount", "true"], check=False, capture_output=True).returncode:
        pytest.skip("containerd cannot unpack images here: it needs the right to mount")
    with Containerd(tool=daemon, folder=_home(tmp_path, "containerd")) as containerd:
        yield Ctr(tool=tool, home=_home(tmp_path, "ctr"), trust=trust, daemon=containerd)


@pytest.fixture
def oras(trust: Trust) -> Iterator[Oras]:
    """The Python library."""
    with Oras(trust) as client:
        yield client


@pytest.fixture
def umoci(tmp_path: Path) -> Umoci:
    """The umoci of this machine, or the reason why the test cannot run."""
    return Umoci(tool=require_tool("umoci", _REMEDY), home=_home(tmp_path, "umoci"))
