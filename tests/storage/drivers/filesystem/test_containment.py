import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from holdfast.storage import CreateOnly, MatchVersion
from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.errors import AccessDeniedError, BatchDeleteError, PathNotFoundError, StorageError
from tests.storage.drivers.filesystem.disk import Disk, open_files

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("contained")]


async def _drain(driver: FilesystemDriver, path: str) -> None:
    async with driver.reader(path) as chunks:
        async for _ in chunks:
            pass


async def _walk(driver: FilesystemDriver, path: str) -> None:
    async for _ in driver.walk(path):
        pass


async def _write(driver: FilesystemDriver, path: str) -> None:
    writer = await driver.writer(path)
    await writer.cancel()


async def _move_to(driver: FilesystemDriver, path: str) -> None:
    await driver.put_content("/source", b"x")
    await driver.move("/source", path)


async def _delete_many(driver: FilesystemDriver, path: str) -> None:
    try:
        await driver.delete_files([path])
    except BatchDeleteError as error:
        raise error.failures[path] from error


_ON_FILES: dict[str, Callable[[FilesystemDriver, str], Awaitable[object]]] = {
    "get_content": lambda driver, path: driver.get_content(path),
    "put_content": lambda driver, path: driver.put_content(path, b"x"),
    "create": lambda driver, path: driver.put_content(path, b"x", precondition=CreateOnly()),
    "match": lambda driver, path: driver.put_content(path, b"x", precondition=MatchVersion("1")),
    "reader": _drain,
    "writer": _write,
    "append": lambda driver, path: driver.writer(path, append=True),
    "stat": lambda driver, path: driver.stat(path),
    "move from": lambda driver, path: driver.move(path, "/elsewhere"),
    "move to": _move_to,
    "delete": lambda driver, path: driver.delete(path),
    "delete_files": _delete_many,
    "local_path": lambda driver, path: driver.local_path(path),
}
_ON_DIRECTORIES: dict[str, Callable[[FilesystemDriver, str], Awaitable[object]]] = {
    "stat": lambda driver, path: driver.stat(path),
    "list": lambda driver, path: driver.list(path),
    "walk": _walk,
    "delete": lambda driver, path: driver.delete(path),
}


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A directory beside the root, with a secret in it."""
    directory = tmp_path / "outside"
    (directory / "inner").mkdir(parents=True)
    (directory / "secret").write_bytes(b"secret")
    (directory / "inner" / "secret").write_bytes(b"secret")
    return directory


@pytest.mark.parametrize("operation", _ON_FILES)
@pytest.mark.parametrize("absolute", [False, True], ids=["relative", "absolute"])
@pytest.mark.parametrize("path", ["/link", "/docker/link", "/docker/linked/secret", "/docker/linked/inner/secret"])
async def test_no_operation_on_a_file_leaves_the_root(
    driver: FilesystemDriver, disk: Disk, outside: Path, operation: str, *, absolute: bool, path: str
) -> None:
    """A link to a file outside, or to a directory above it, is refused; what is outside stays as it is."""
    base = str(outside) if absolute else "../outside"
    disk.at("/docker").mkdir(parents=True)
    disk.at("/link").symlink_to(f"{base}/secret")
    disk.at("/docker/link").symlink_to(f"{base if absolute else '../' + base}/secret")
    disk.at("/docker/linked").symlink_to(base if absolute else "../" + base)
    before = open_files()

    with pytest.raises(AccessDeniedError):
        await _ON_FILES[operation](driver, path)

    assert _content(outside) == {"secret": b"secret", "inner/secret": b"secret"}
    assert [name for name in open_files() if str(outside) in name] == []
    assert len(open_files()) <= len(before) + 1  # the root's own


@pytest.mark.parametrize("operation", _ON_DIRECTORIES)
@pytest.mark.parametrize("path", ["/linked", "/linked/inner"])
async def test_no_operation_on_a_directory_leaves_the_root(
    driver: FilesystemDriver, disk: Disk, outside: Path, operation: str, path: str
) -> None:
    """As for files."""
    disk.root.mkdir()
    disk.at("/linked").symlink_to("../outside")

    with pytest.raises(AccessDeniedError):
        await _ON_DIRECTORIES[operation](driver, path)

    assert _content(outside) == {"secret": b"secret", "inner/secret": b"secret"}


async def test_deleting_a_directory_removes_a_link_and_not_what_it_leads_to(
    driver: FilesystemDriver, disk: Disk, outside: Path
) -> None:
    """A recursive delete follows no link."""
    disk.write("/a/file")
    disk.at("/a/linked").symlink_to("../../outside")

    await driver.delete("/a")

    assert disk.names() == []
    assert _content(outside) == {"secret": b"secret", "inner/secret": b"secret"}


async def test_link_that_leads_out_is_listed_and_ends_a_walk(
    driver: FilesystemDriver, disk: Disk, outside: Path
) -> None:
    """It is neither taken for absent nor passed over: what is behind it might be what a collector must not miss."""
    disk.write("/a/file")
    disk.at("/a/linked").symlink_to(outside)

    assert await driver.list("/a") == ["/a/file", "/a/linked"]
    with pytest.raises(AccessDeniedError):
        await _walk(driver, "/a")


async def test_unfinished_writes_do_not_leave_the_root(driver: FilesystemDriver, disk: Disk, outside: Path) -> None:
    """A link in the tree of unfinished writes is refused like any other."""
    disk.root.mkdir()
    disk.at("/.uploads~").symlink_to("../outside")

    with pytest.raises(AccessDeniedError):
        await driver.writer("/inner/new")

    assert _content(outside) == {"secret": b"secret", "inner/secret": b"secret"}


async def test_loop_of_links_is_refused(driver: FilesystemDriver, disk: Disk) -> None:
    """A path that can't be followed isn't there, and isn't an endless walk."""
    disk.write("/file")
    disk.at("/loop").symlink_to("loop")

    with pytest.raises(StorageError):
        await driver.get_content("/loop")


async def test_swapping_a_directory_for_a_link_never_lets_a_read_out(
    driver: FilesystemDriver, disk: Disk, outside: Path
) -> None:
    """While a directory and a link that leads out change places, a read gets the inside or an error, no secret."""
    disk.write("/inside/secret", b"inside")
    disk.at("/away").symlink_to("../outside")
    done = False

    def swap() -> None:
        while not done:
            disk.at("/inside").rename(disk.at("/parked"))
            disk.at("/away").rename(disk.at("/inside"))
            disk.at("/inside").rename(disk.at("/away"))
            disk.at("/parked").rename(disk.at("/inside"))

    swapping = asyncio.ensure_future(asyncio.to_thread(swap))
    seen = set()
    for _ in range(2_000):
        try:
            seen.add(await driver.get_content("/inside/secret"))
        except (AccessDeniedError, PathNotFoundError):
            continue
    done = True
    await swapping

    assert b"secret" not in seen
    assert _content(outside) == {"secret": b"secret", "inner/secret": b"secret"}


def _content(directory: Path) -> dict[str, bytes]:
    files = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path.relative_to(directory)): path.read_bytes() for path in files}


async def test_root_may_be_a_link(tmp_path: Path) -> None:
    """An operator's root directory is where it leads to, files' paths on this machine included."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "root").symlink_to("disk")
    driver = FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path / "root")))
    await driver.put_content("/a", b"x")
    local = await driver.local_path("/a")
    await driver.aclose()

    assert local is not None
    assert local.path == str(tmp_path / "disk" / "a")
    assert (tmp_path / "disk" / "a").read_bytes() == b"x"
