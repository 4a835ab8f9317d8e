"""The certification suite through `encrypt`, in memory and on a disk that is looked at behind its back."""

import base64
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from holdfast.storage import Capabilities
from holdfast.storage.driver import FileWriter, StorageDriver
from holdfast.storage.drivers.filesystem import FilesystemDriver
from holdfast.storage.drivers.filesystem.options import FilesystemOptions
from holdfast.storage.drivers.inmemory import InMemoryDriver
from holdfast.storage.layers.forwarding import ForwardingDriver, ForwardingWriter
from holdfast.storage.middleware.encrypt import Encrypt
from holdfast.storage.middleware.encrypt.options import EncryptOptions
from holdfast.testing import DriverSuite, MiddlewareSuite, Store

_CAPABLE = Capabilities(
    exclusive_names=True, put_create_only=True, put_match_version=True, write_resume_token=True, list_uploads=True
)


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_TEST_KEYS", f"one {base64.b64encode(b'k' * 32).decode()}")


def _encrypted(inner: StorageDriver) -> Encrypt:
    return Encrypt(inner, EncryptOptions(keyenv="HOLDFAST_TEST_KEYS"))


class _Unshared(ForwardingDriver):
    """A store that another process can't open by name: what it would see is encrypted."""

    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, shared=False)


class TestEncryptInMemory(MiddlewareSuite):
    """Everything the contract says, encrypted in memory."""

    capabilities = _CAPABLE

    @pytest.fixture
    def wrap(self) -> Callable[[StorageDriver], StorageDriver]:
        """With a key of the test's own."""
        return _encrypted


class TestEncryptWithoutTokens(DriverSuite):
    """Around a store that doesn't tell its unfinished writes apart."""

    capabilities = replace(_CAPABLE, write_resume_token=False)

    @pytest.fixture
    def store(self) -> Store:
        """Memory that hides its tokens."""
        return Store(make=lambda: _encrypted(_Tokenless(InMemoryDriver())), content_in_memory=True)


class _Tokenless(ForwardingDriver):
    @property
    def capabilities(self) -> Capabilities:
        return replace(self.inner.capabilities, write_resume_token=False)

    async def writer(self, path: str, *, append: bool = False, resume_token: str | None = None) -> FileWriter:
        assert resume_token is None
        return _TokenlessWriter(await self.inner.writer(path, append=append))


class _TokenlessWriter(ForwardingWriter):
    @property
    def resume_token(self) -> None:
        return None


class TestEncryptOnDisk(DriverSuite):
    """Everything the contract says, encrypted in a directory."""

    capabilities: ClassVar[Capabilities] = _CAPABLE

    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        """Once everything is deleted, only the lock of compare-and-replace may be there."""
        root = tmp_path / "root"

        def make() -> StorageDriver:
            return _encrypted(_Unshared(FilesystemDriver(FilesystemOptions(rootdirectory=str(root)))))

        def leftovers() -> list[str]:
            found = {str(path.relative_to(root)) for path in root.rglob("*")}
            return sorted(found - {".uploads~", ".uploads~/~lock"})

        return Store(make=make, leftovers=leftovers)
