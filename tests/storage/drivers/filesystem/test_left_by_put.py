import asyncio
import os
import signal
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions
from holdfast.storage.layers import compose

pytestmark = pytest.mark.anyio

_KILLED = """
import asyncio, os, signal, sys
from holdfast.storage.drivers.filesystem import FilesystemDriver, FilesystemOptions, _atomic

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

_atomic.move_into_place = die
asyncio.run(FilesystemDriver(FilesystemOptions(rootdirectory=sys.argv[1])).put_content("/a/b/file", b"content"))
"""


async def test_what_a_killed_put_leaves(tmp_path: Path) -> None:
    """A put that was killed leaves a file that no listing shows; it is among the uploads, and can be aborted."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", _KILLED, str(tmp_path))
    assert -signal.SIGKILL == await asyncio.wait_for(process.wait(), timeout=60)
    driver = compose(FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path))))
    await driver.put_content("/a/c", b"")

    (left,) = [upload async for upload in driver.list_uploads("/a")]
    assert ("/a/b", 7) == (left.path.rpartition("/")[0], left.size)
    assert left.started is not None
    assert timedelta(0) <= datetime.now(UTC) - left.started < timedelta(minutes=5)
    assert [] == [upload async for upload in driver.list_uploads("/a/c")]
    await driver.abort_upload(left)
    await driver.abort_upload(left)

    assert [] == [upload async for upload in driver.list_uploads("/")]
    assert ["c"] == os.listdir(tmp_path / "a")  # noqa: PTH208 - names are what is looked at
    await driver.aclose()


async def test_only_our_own_files(tmp_path: Path) -> None:
    """Nothing of anybody else's is listed, whatever its name, nor what is behind a link; nothing of it is removed."""
    outside = tmp_path / "outside"
    root = tmp_path / "root"
    temporary = "~t" + "0" * 32
    for folder in (outside, root / "a", root / "lost+found", root / "a" / temporary):
        folder.mkdir(parents=True)
    (outside / temporary).touch()
    (root / "link").symlink_to(outside)
    for name in ("~t123", "~lock", "t" + "0" * 32, "file~", temporary + "0"):
        (root / "a" / name).touch()
    (root / "lost+found" / temporary).touch()
    (root / temporary).touch()
    driver = compose(FilesystemDriver(FilesystemOptions(rootdirectory=str(root))))

    (upload,) = [upload async for upload in driver.list_uploads("/")]
    assert f"/{temporary[1:]}" == upload.path
    await driver.abort_upload(upload)
    assert not (root / temporary).exists()
    assert (outside / temporary).exists()
    assert 6 == len(list((root / "a").iterdir()))
    await driver.aclose()


async def test_an_upload_of_that_very_name(tmp_path: Path) -> None:
    """A path may look like that of a temporary file: its own unfinished write is aborted, and nothing else."""
    driver = compose(FilesystemDriver(FilesystemOptions(rootdirectory=str(tmp_path))))
    path = "/a/t" + "0" * 32
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / ("~t" + "0" * 32)).touch()
    writer = await driver.writer(path)
    await writer.close()

    (own,) = [upload async for upload in driver.list_uploads(path)]
    await driver.abort_upload(own)
    (left,) = [upload async for upload in driver.list_uploads("/")]
    assert ("t" + "0" * 32, True) == (left.upload_id, (tmp_path / "a" / ("~t" + "0" * 32)).exists())
    await driver.aclose()
