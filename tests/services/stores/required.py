"""Each server, made of what `scripts/install-stores` has installed; where that is missing, the test is skipped."""

from pathlib import Path
from typing import NoReturn

import pytest

from tests.services.requirement import require_tool
from tests.services.tools import TOOLS

from .azurite import Azurite
from .ceph import Ceph, CephPrograms
from .fake_gcs import FakeGcs
from .keystone import Keystone, KeystoneService
from .moto import Moto
from .swift import Swift

__all__ = ["require_azurite", "require_ceph", "require_fake_gcs", "require_keystone", "require_moto", "require_swift"]


def _require(store: str, program: str) -> Path:
    """Returns a file that was installed for a store."""
    path = TOOLS / "stores" / program
    if not path.exists():
        _skip(store)
    return path


def _skip(store: str) -> NoReturn:
    pytest.skip(f"{store} is missing: scripts/install-stores {store}")


def require_ceph(folder: Path, *, in_memory: bool = False) -> Ceph:
    """Returns Ceph, not yet started; `in_memory` for one that comes up in a second and doesn't keep much."""
    programs = CephPrograms.find()
    if programs is None:
        _skip("ceph")
    return Ceph(folder, programs=programs, in_memory=in_memory)


def require_swift(folder: Path, *, dynamic_alone: bool = False, keystone: KeystoneService | None = None) -> Swift:
    """Returns Swift, not yet started; see `Swift` for what it can be."""
    memcached = require_tool("memcached", "scripts/install-stores swift")
    programs = _require("swift", "swift/bin/swift-proxy-server").parent
    return Swift(folder, programs=programs, memcached=memcached, dynamic_alone=dynamic_alone, keystone=keystone)


def require_keystone(folder: Path) -> Keystone:
    """Returns Keystone, not yet started."""
    return Keystone(folder, programs=_require("keystone", "keystone/bin/keystone-manage").parent)


def require_moto(folder: Path) -> Moto:
    """Returns moto's server, not yet started."""
    return Moto(folder, python=_require("moto", "moto/bin/python"))


def require_azurite(folder: Path, *, tls: bool = False) -> Azurite:
    """Returns Azurite, not yet started; `tls` for https."""
    script = _require("azurite", "azurite/node_modules/azurite/dist/src/blob/main.js")
    return Azurite(folder, node=_require("azurite", "node/bin/node"), script=script, tls=tls)


def require_fake_gcs(folder: Path) -> FakeGcs:
    """Returns fake-gcs-server, not yet started."""
    return FakeGcs(folder, program=_require("fake-gcs", "fake-gcs/bin/fake-gcs-server"))
