"""`holdfast encryption`: which keys are needed, and encrypting anew."""

import asyncio
import json
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
import yaml
from typer.testing import CliRunner, Result

from holdfast.cli.main import app
from holdfast.registry.maintenance.readonly import ReadOnlySwitch
from holdfast.registry.store import paths
from holdfast.storage.driver import StorageDriver
from holdfast.storage.middleware.encrypt import Encrypt
from holdfast.storage.middleware.encrypt.options import EncryptOptions
from tests.registry.client import Client, digest_of, make_image
from tests.registry.storages import filesystem

_IMAGE = make_image(layers=[b"small", secrets.token_bytes(2 * 1024 * 1024)])


class Registry:
    """A registry on a folder, encrypted with the keys of a file.

    Attributes:
        folder: Its data.
        config: Its configuration.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "data"
        self.config = folder / "config.yml"
        self._keys = folder / "keys"
        self.configure()

    def configure(self, plaintext: str = "refuse", *, middleware: bool = True) -> None:
        """Write the configuration."""
        options = {"keyfile": str(self._keys), "plaintext": plaintext}
        content = {
            "version": "0.1",
            "storage": {"filesystem": {"rootdirectory": str(self.folder)}},
            "http": {"addr": "127.0.0.1:0"},
        }
        if middleware:
            content["middleware"] = {"storage": [{"name": "encrypt", "options": options}]}
        self.config.write_text(yaml.safe_dump(content))

    def use_keys(self, *names: str) -> None:
        """Configure keys, the first one first; the same name is always the same key."""
        lines = [f"{name} {b64encode(name.encode().ljust(32, b'.')).decode()}" for name in names]
        self._keys.write_text("\n".join(lines))

    def __call__(self, *words: object, status: int = 0) -> Result:
        """Run a command on it, with the wait for replicas left out."""
        command = ["encryption", words[0], self.config, *words[1:]]
        with patch("holdfast.registry.maintenance.readonly.asyncio.sleep", _no_sleep):
            result = CliRunner().invoke(app, [str(word) for word in command])
        assert status == result.exit_code, result.output
        return result

    def counts(self) -> dict[str, int]:
        """How many files need which key."""
        shown = json.loads(self("status", "--json").stdout)
        return {key: count["files"] for key, count in shown["keys"].items()}

    def is_read_only(self) -> bool:
        """Whether read-only mode is switched on."""
        return Path(f"{self.folder}{paths.READ_ONLY}").exists()

    def run(self, act: Callable[[Client], Awaitable[None]], *, encrypted: bool = True) -> None:
        """Do something with the registry."""

        async def run() -> None:
            async with self._client(encrypted=encrypted) as client:
                await act(client)

        asyncio.run(run())

    @asynccontextmanager
    async def _client(self, *, encrypted: bool) -> AsyncIterator[Client]:
        storage = filesystem(self.folder)
        async with storage.client(self._around if encrypted else None) as client:
            yield client
        await storage.aclose()

    def _around(self, raw: StorageDriver) -> StorageDriver:
        return Encrypt(raw, EncryptOptions(keyfile=str(self._keys)))


async def _no_sleep(seconds: float) -> None:
    del seconds


pytestmark = pytest.mark.usefixtures("own_logs")


@pytest.fixture
def registry(tmp_path: Path) -> Registry:
    """A registry with an image that was pushed when the key was `old`; now `new` is the first."""
    registry = Registry(tmp_path)
    registry.use_keys("old")
    registry.run(_push)
    registry.use_keys("new", "old")
    return registry


async def _push(client: Client) -> None:
    await client.push_image(_IMAGE, "v1")


async def _push_another(client: Client) -> None:
    await client.push_image(make_image("other"), "v2")


async def _pull(client: Client) -> None:
    assert _IMAGE.manifest == (await client.get_manifest("v1")).content
    for blob in _IMAGE.blobs:
        assert blob == (await client.get_blob(digest_of(blob))).content


async def _begin_upload(client: Client) -> None:
    await client.patch(await client.begin(), b"content")


def test_status_counts_files_by_key(registry: Registry) -> None:
    """Before anything is written with the first key, it is told that no file needs it."""
    before = registry.counts()
    assert {"old"} == before.keys()
    assert sum(1 for path in registry.folder.rglob("*") if path.is_file()) == before["old"]

    registry.run(_push_another)
    assert {"old": before["old"]}.items() < registry.counts().items()
    lines = registry("status").stdout.splitlines()
    assert lines[0].startswith("key new, the first: ")
    assert lines[1].startswith(f"key old: {before['old']} files, ")


def test_renewed_content_needs_the_first_key_alone(registry: Registry) -> None:
    """Every file is encrypted anew, and the old key can go: all can be pulled without it."""
    before = registry.counts()
    said = registry("renew").stdout
    assert said.startswith(f"{before['old']} files, ")
    assert "encrypted anew with the key new" in said
    assert {"new": before["old"]} == registry.counts()

    registry.use_keys("new")
    registry.run(_pull)
    assert "0 files, 0 bytes encrypted anew with the key new\n" == registry("renew").stdout


def test_dry_run_changes_nothing(registry: Registry) -> None:
    """It counts the same files, and leaves them, and read-only mode, as they are."""
    files = {path: path.read_bytes() for path in registry.folder.rglob("*") if path.is_file()}
    with patch.object(ReadOnlySwitch, "turn_on", side_effect=AssertionError):
        shown = json.loads(registry("renew", "--dry-run", "--json").stdout)
    assert (True, len(files)) == (shown["dry_run"], shown["keys"]["old"]["files"])
    assert files == {path: path.read_bytes() for path in registry.folder.rglob("*") if path.is_file()}


def test_what_requests_may_replace_is_renewed_in_read_only_mode(registry: Registry) -> None:
    """When a link is written, read-only mode is on; when a blob is written, it needn't be; in the end it is off."""
    seen: dict[str, set[bool]] = {"links": set(), "blobs": set()}
    writer = Encrypt.writer

    async def watching(self: Encrypt, path: str, **other: object) -> object:
        seen["blobs" if path.startswith(paths.BLOBS) else "links"].add(registry.is_read_only())
        return await writer(self, path, **other)  # type: ignore[arg-type]

    with patch.object(Encrypt, "writer", watching):
        registry("renew")
    assert {"links": {True}, "blobs": {False}} == seen
    assert not registry.is_read_only()


def test_file_that_cannot_be_read_does_not_keep_the_others(registry: Registry) -> None:
    """It stays as it is, is told by its path, and the status is 1."""
    before = registry.counts()
    blob = max(registry.folder.rglob("data"), key=lambda path: path.stat().st_size)
    damaged = bytearray(blob.read_bytes())
    damaged[1000] ^= 1
    blob.write_bytes(damaged)
    result = registry("renew", status=1)

    assert str(blob).removeprefix(str(registry.folder)) in result.stderr
    assert "1 failed" in result.stdout
    assert damaged == blob.read_bytes()
    assert {"new": before["old"] - 1, "old": 1} == registry.counts()


def test_key_that_is_missing(registry: Registry) -> None:
    """What can't be decrypted is told, with the key that it needs, and stays."""
    registry.use_keys("new")
    result = registry("renew", status=1)
    assert "encrypted with the key 'old', which isn't configured" in result.stderr
    registry.use_keys("old")
    registry.run(_pull)


def test_uploads_are_left(registry: Registry) -> None:
    """An upload that began with the old key ends with it, and is told until then."""
    registry.use_keys("old")
    registry.run(_begin_upload)
    registry.use_keys("new", "old")
    said = registry("renew").stdout
    assert "uploads that haven't ended have 1 file," in said
    assert "need the key old" in said
    assert said.splitlines()[1:] == registry("status").stdout.splitlines()[1:]


def test_plain_content_is_encrypted_where_it_may_be_read(tmp_path: Path) -> None:
    """With `plaintext: read`, a registry that wasn't encrypted is afterwards; otherwise nothing is trusted."""
    registry = Registry(tmp_path)
    registry.use_keys("new")
    registry.run(_push, encrypted=False)
    plain = registry.counts()
    assert {""} == plain.keys()
    assert "not encrypted: " in registry("status").stdout

    assert "isn't encrypted" in registry("renew", status=1).stderr
    assert plain == registry.counts()
    registry.configure(plaintext="read")
    registry("renew")
    registry.configure()
    assert {"new": plain[""]} == registry.counts()
    registry.run(_pull)


@pytest.mark.parametrize("command", ["status", "renew"])
def test_nothing_encrypts(registry: Registry, command: str) -> None:
    """Without the middleware there is nothing to do, and that is an error in one line."""
    registry.configure(middleware=False)
    assert "no middleware `encrypt`" in registry(command, status=1).stderr
