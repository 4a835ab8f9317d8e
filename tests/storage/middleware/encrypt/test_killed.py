"""A process that is killed in the middle of an encrypted upload."""

import sys
from contextlib import aclosing
from pathlib import Path

import anyio
import pytest

from holdfast.storage import create
from holdfast.testing.suite.acts import random_bytes, read

pytestmark = pytest.mark.anyio

_WRITES_AND_DIES = """
import asyncio, os, pathlib, sys
from holdfast.storage import create
from holdfast.testing.suite.acts import keep_unfinished, random_bytes

async def main(root, keys, closed, size):
    middleware = [("encrypt", {"keyfile": keys})]
    driver = create("filesystem", {"rootdirectory": root}, middleware=middleware)
    content = random_bytes(3_000_000)
    await keep_unfinished(driver, "/file", content[:closed])
    writer = await driver.writer("/file", append=True)
    for at in range(closed, closed + size, 70_001):
        await writer.write(content[at : min(closed + size, at + 70_001)])
    await asyncio.sleep(0.05)
    (part,) = [entry for entry in pathlib.Path(root).rglob("~*") if entry.is_file() and len(entry.name) > 9]
    os.truncate(part, max(closed and 101, part.stat().st_size - 1234)) if size > 300_000 else None
    os._exit(9)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
"""


@pytest.mark.parametrize("closed", [0, 1000, 65_536, 200_000])
@pytest.mark.parametrize("size", [10, 200_000, 2_500_000])
async def test_a_killed_upload_goes_on(tmp_path: Path, closed: int, size: int) -> None:
    """Nothing that was closed is lost, the next size says where to go on, and what comes out is what went in."""
    keys = tmp_path / "keys"
    keys.write_text("one MTExMTExMTExMTExMTExMTExMTExMTExMTExMTExMTE=\n")
    root = tmp_path / "root"
    command = [sys.executable, "-c", _WRITES_AND_DIES, str(root), str(keys), str(closed), str(size)]
    died = await anyio.run_process(command, check=False)
    assert 9 == died.returncode, died.stderr
    content = random_bytes(3_000_000)
    middleware = [("encrypt", {"keyfile": str(keys)})]
    async with aclosing(create("filesystem", {"rootdirectory": str(root)}, middleware=middleware)) as driver:
        writer = await driver.writer("/file", append=True)
        assert closed <= writer.size <= closed + size
        await writer.write(content[writer.size :])
        await writer.commit()

        assert len(content) == (await driver.stat("/file")).size
        assert content == await read(driver, "/file")
        assert content[1_000_000:1_100_000] == await read(driver, "/file", offset=1_000_000, length=100_000)
