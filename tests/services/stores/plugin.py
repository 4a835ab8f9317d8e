"""The fixtures of the stores, each started when a test first asks for it, and words on what they lack at the end."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypeVar

import pytest

from .azurite import AzuriteService
from .fake_gcs import FakeGcsService
from .keystone import KeystoneService
from .oss.service import Oss, OssService
from .process import StoreServer
from .required import (
    require_azurite,
    require_ceph,
    require_fake_gcs,
    require_keystone,
    require_moto,
    require_swift,
)
from .s3 import S3Service
from .sftp import Sftp, SftpService
from .swift_container import SwiftService

ServiceT = TypeVar("ServiceT")

_lacks = pytest.StashKey[dict[str, Mapping[str, str]]]()

_Factory = pytest.TempPathFactory


@contextmanager
def _running(server: StoreServer[ServiceT]) -> Iterator[ServiceT]:
    with server:
        yield server.service


def _note(config: pytest.Config, service: S3Service | AzuriteService | FakeGcsService | OssService) -> None:
    """Remembers for the closing words that a store takes part."""
    config.stash.setdefault(_lacks, {})[service.name] = service.lacks


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[S3Service]:
    """Ceph's object gateway, shared by the whole session."""
    with _running(require_ceph(tmp_path_factory.mktemp("ceph"))) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def swift(tmp_path_factory: _Factory) -> Iterator[SwiftService]:
    """OpenStack Swift, shared by the whole session."""
    with _running(require_swift(tmp_path_factory.mktemp("swift"))) as service:
        yield service


@pytest.fixture(scope="session")
def swift_dlo(tmp_path_factory: _Factory) -> Iterator[SwiftService]:
    """An OpenStack Swift without static large objects and bulk deletion, shared by the whole session."""
    with _running(require_swift(tmp_path_factory.mktemp("swift-dlo"), dynamic_alone=True)) as service:
        yield service


@pytest.fixture(scope="session")
def keystone(tmp_path_factory: _Factory) -> Iterator[KeystoneService]:
    """OpenStack Keystone, shared by the whole session."""
    with _running(require_keystone(tmp_path_factory.mktemp("keystone"))) as service:
        yield service


@pytest.fixture(scope="session")
def swift_keystone(tmp_path_factory: _Factory, keystone: KeystoneService) -> Iterator[SwiftService]:
    """An OpenStack Swift whose users are Keystone's, shared by the whole session."""
    with _running(require_swift(tmp_path_factory.mktemp("swift-keystone"), keystone=keystone)) as service:
        yield service


@pytest.fixture(scope="session")
def swift_keystone_dlo(tmp_path_factory: _Factory, keystone: KeystoneService) -> Iterator[SwiftService]:
    """An OpenStack Swift that is both: of Keystone's users, and without static large objects."""
    folder = tmp_path_factory.mktemp("swift-keystone-dlo")
    with _running(require_swift(folder, dynamic_alone=True, keystone=keystone)) as service:
        yield service


@pytest.fixture(scope="session")
def swift_s3(swift: SwiftService, pytestconfig: pytest.Config) -> S3Service:
    """The S3 interface of OpenStack Swift, shared by the whole session."""
    if swift.s3 is None:
        raise LookupError("this Swift has no S3 interface")
    _note(pytestconfig, swift.s3)
    return swift.s3


@pytest.fixture(scope="session")
def moto(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[S3Service]:
    """The server of moto, shared by the whole session."""
    with _running(require_moto(tmp_path_factory.mktemp("moto"))) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[AzuriteService]:
    """Azurite over http, shared by the whole session."""
    with _running(require_azurite(tmp_path_factory.mktemp("azurite"))) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def azurite_tls(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[AzuriteService]:
    """Another Azurite, over https, which takes bearer tokens too; shared by the whole session."""
    with _running(require_azurite(tmp_path_factory.mktemp("azurite"), tls=True)) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def fake_gcs(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[FakeGcsService]:
    """fake-gcs-server, shared by the whole session."""
    with _running(require_fake_gcs(tmp_path_factory.mktemp("fake-gcs"))) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def oss(tmp_path_factory: _Factory, pytestconfig: pytest.Config) -> Iterator[OssService]:
    """Our own fake of Alibaba Cloud OSS, shared by the whole session."""
    with _running(Oss(tmp_path_factory.mktemp("oss"))) as service:
        _note(pytestconfig, service)
        yield service


@pytest.fixture(scope="session")
def sftp(tmp_path_factory: _Factory) -> Iterator[SftpService]:
    """A server that speaks SFTP, shared by the whole session."""
    with _running(Sftp(tmp_path_factory.mktemp("sftp"))) as service:
        yield service


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
