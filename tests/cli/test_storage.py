from pathlib import Path

import pytest
import typer

from holdfast.cli.storage import opened_storage
from holdfast.storage import ops
from holdfast.storage.errors import ConfigurationError, StorageError

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _no_overrides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))


def _config(folder: Path, storage: str) -> Path:
    path = folder / "config.yml"
    path.write_text(f"version: 0.1\nstorage: {storage}\n")
    return path


async def test_a_folder(tmp_path: Path) -> None:
    """`--root` names the folder, which is the very storage that a server has there."""
    (tmp_path / "file").write_bytes(b"content")

    async with opened_storage(None, tmp_path) as driver:
        assert b"content" == await driver.get_content("/file")


async def test_the_default_folder(tmp_path: Path) -> None:
    """With neither a file nor a folder it is the one that `serve` takes."""
    folder = tmp_path / "home" / "holdfast" / "registry"
    folder.mkdir(parents=True)
    (folder / "file").touch()

    async with opened_storage(None, None) as driver:
        assert await ops.exists(driver, "/file")


async def test_a_configuration(tmp_path: Path) -> None:
    """A configuration's storage is opened with its parameters, and `--root` overrides the folder."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    config = _config(tmp_path, f"{{filesystem: {{rootdirectory: {tmp_path / 'one'}}}}}")

    async with opened_storage(config, None) as driver:
        assert ["/one"] == await driver.list("/")
    async with opened_storage(config, tmp_path / "two") as driver:
        assert ["/two"] == await driver.list("/")


async def test_it_is_closed(tmp_path: Path) -> None:
    """Leaving closes the driver: it can't be used any more."""
    async with opened_storage(None, tmp_path) as driver:
        pass

    with pytest.raises(StorageError, match="closed"):
        await driver.put_content("/file", b"")


@pytest.mark.parametrize("words", [(None, "missing"), ("filesystem: {rootdirectory: /missing/folder}", None)])
async def test_a_missing_folder(tmp_path: Path, words: tuple[str | None, str | None]) -> None:
    """A folder that isn't there is refused, and not made."""
    config = None if words[0] is None else _config(tmp_path, f"{{{words[0]}}}")
    root = None if words[1] is None else tmp_path / words[1]

    with pytest.raises(ConfigurationError, match="there is no folder"):
        async with opened_storage(config, root):
            pass
    assert not (tmp_path / "missing").exists()


async def test_storage_in_memory(tmp_path: Path) -> None:
    """What another process has in its memory can't be worked on, and isn't taken for an empty registry."""
    with pytest.raises(ConfigurationError, match="only by the process that serves it"):
        async with opened_storage(_config(tmp_path, "inmemory"), None):
            pass


async def test_a_folder_where_there_is_none_to_name(tmp_path: Path) -> None:
    """`--root` with storage that isn't in a folder is wrong usage."""
    with pytest.raises(typer.BadParameter):
        async with opened_storage(_config(tmp_path, "inmemory"), tmp_path):
            pass


async def test_middleware_is_around_it(tmp_path: Path) -> None:
    """What works on the storage sees what the server sees: with its middleware, but for what is disabled."""
    config = _config(tmp_path, f"{{filesystem: {{rootdirectory: {tmp_path}}}}}")
    with config.open("a") as file:
        file.write(
            "middleware:\n  storage:\n    - {name: redirect, options: {baseurl: 'https://cdn.example'}}\n"
            "    - {name: rewrite, options: {host: other.example}, disabled: true}\n"
        )

    async with opened_storage(config, None) as driver:
        assert "https://cdn.example/a" == await driver.redirect_url("/a")
        assert "Redirect(FilesystemDriver)" in repr(driver)
        assert "Rewrite" not in repr(driver)


async def test_middleware_that_nobody_offers_is_an_error(tmp_path: Path) -> None:
    """It names the place and the name; nothing is opened."""
    config = _config(tmp_path, f"{{filesystem: {{rootdirectory: {tmp_path}}}}}")
    with config.open("a") as file:
        file.write("middleware: {storage: [{name: nobodys}]}\n")
    with pytest.raises(
        ConfigurationError, match=r"middleware\.storage\.0\.name: no storage middleware is named 'nobodys'"
    ):
        async with opened_storage(config, None):
            pass
