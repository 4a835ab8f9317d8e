"""The fixtures of the stores, and the closing words on what the stores that took part don't do."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from tests.services.requirement import require_tool
from tests.services.tools import Tool

from .azurite import Azurite, AzuriteService
from .ceph import Ceph, CephPrograms
from .fake_gcs import FakeGcs, FakeGcsService
from .installed import find_installed
from .moto import Moto
from .s3 import S3Service
from .swift import Swift, SwiftService

_lacks = pytest.StashKey[dict[str, Mapping[str, str]]]()

TookPart = Callable[[str, Mapping[str, str]], None]


@pytest.fixture(scope="session")
def took_part(request: pytest.FixtureRequest) -> TookPart:
    """Notes that a store takes part in this session, and what it lacks."""

    def note(name: str, lacks: Mapping[str, str]) -> None:
        request.config.stash.setdefault(_lacks, {})[name] = lacks

    return note


def _require(store: str, program: str) -> Path:
    """Returns an installed file, or skips the test that needs it, naming what would bring it here."""
    path = find_installed(store, program)
    if path is None:
        pytest.skip(f"{store} is missing: scripts/install-stores {store}")
    return path


@pytest.fixture(scope="session")
def ceph_programs() -> CephPrograms:
    """Ceph's programs, or the reason why the test cannot run."""
    programs = CephPrograms.find()
    if programs is None:
        pytest.skip("ceph is missing: scripts/install-stores ceph")
    return programs


@pytest.fixture(scope="session")
def memcached_tool() -> Tool:
    """memcached, or the reason why the test cannot run."""
    return require_tool("memcached", "scripts/install-stores swift")


@pytest.fixture(scope="session")
def ceph(
    ceph_programs: CephPrograms, tmp_path_factory: pytest.TempPathFactory, took_part: TookPart
) -> Iterator[S3Service]:
    """Ceph's object gateway, shared by the whole session."""
    with Ceph(tmp_path_factory.mktemp("ceph"), programs=ceph_programs) as server:
        took_part(server.name, server.service.lacks)
        yield server.service


@pytest.fixture(scope="session")
def swift(memcached_tool: Tool, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SwiftService]:
    """OpenStack Swift, shared by the whole session."""
    programs = _require("swift", "bin/swift-proxy-server").parent
    with Swift(tmp_path_factory.mktemp("swift"), programs=programs, memcached=memcached_tool) as server:
        yield server.service


@pytest.fixture(scope="session")
def swift_s3(swift: SwiftService, took_part: TookPart) -> S3Service:
    """The S3 interface of OpenStack Swift, shared by the whole session."""
    took_part(swift.s3.name, swift.s3.lacks)
    return swift.s3


@pytest.fixture(scope="session")
def moto(tmp_path_factory: pytest.TempPathFactory, took_part: TookPart) -> Iterator[S3Service]:
    """The server of moto, shared by the whole session."""
    program = _require("moto", "bin/moto_server")
    with Moto(tmp_path_factory.mktemp("moto"), program=program) as server:
        took_part(server.name, server.service.lacks)
        yield server.service


def _azurite(folder: Path, *, tls: bool) -> Azurite:
    node = _require("node", "bin/node")
    script = _require("azurite", "node_modules/azurite/dist/src/blob/main.js")
    return Azurite(folder, node=node, script=script, tls=tls)


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory, took_part: TookPart) -> Iterator[AzuriteService]:
    """Azurite over http, shared by the whole session."""
    with _azurite(tmp_path_factory.mktemp("azurite"), tls=False) as server:
        took_part(server.name, server.service.lacks)
        yield server.service


@pytest.fixture(scope="session")
def azurite_tls(tmp_path_factory: pytest.TempPathFactory, took_part: TookPart) -> Iterator[AzuriteService]:
    """Another Azurite, over https, which takes bearer tokens too; shared by the whole session."""
    with _azurite(tmp_path_factory.mktemp("azurite"), tls=True) as server:
        took_part(server.name, server.service.lacks)
        yield server.service


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: pytest.TempPathFactory, took_part: TookPart) -> Iterator[FakeGcsService]:
    """fake-gcs-server, shared by the whole session."""
    program = _require("fake-gcs", "bin/fake-gcs-server")
    with FakeGcs(tmp_path_factory.mktemp("fake-gcs"), program=program) as server:
        took_part(server.name, server.service.lacks)
        yield server.service


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Counts what the stores of this session lack: what was tested on them alone is not proven there."""
    lacks = config.stash.get(_lacks, {})
    if not lacks:
        return
    terminalreporter.section("stores")
    for name, missing in sorted(lacks.items()):
        things = "1 thing" if len(missing) == 1 else f"{len(missing)} things"
        terminalreporter.line(f"{name} lacks {things}: {', '.join(sorted(missing))}")
        if config.get_verbosity() > 0:
            for thing, instead in sorted(missing.items()):
                terminalreporter.line(f"  {thing}: {instead}")
