"""Several processes that share one folder of copies."""

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from holdfast.testing.suite.acts import MIB

_READS_AT_RANDOM = """
import asyncio, hashlib, random, sys
from contextlib import aclosing
from holdfast.storage import create
from holdfast.testing.suite.acts import MIB, random_bytes, read

def path_of(content):
    digest = hashlib.sha256(content).hexdigest()
    return f"/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data"

async def main(store, cache, seed):
    dice = random.Random(seed)
    contents = [random_bytes(MIB + number, number) for number in range(24)]
    middleware = [("readcache", {"rootdirectory": cache, "size": 8 * MIB, "maxfile": 2 * MIB})]
    async with aclosing(create("filesystem", {"rootdirectory": store}, middleware=middleware)) as driver:
        for _ in range(25):
            wanted = dice.sample(contents, 4)
            found = await asyncio.gather(*(read(driver, path_of(content)) for content in wanted))
            assert found == wanted

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""

_FILLS = """
import asyncio, hashlib, sys
from holdfast.storage import create
from holdfast.testing.suite.acts import MIB, random_bytes

async def main(store):
    driver = create("filesystem", {"rootdirectory": store})
    for number in range(24):
        content = random_bytes(MIB + number, number)
        digest = hashlib.sha256(content).hexdigest()
        await driver.put_content(f"/docker/registry/v2/blobs/sha256/{digest[:2]}/{digest}/data", content)
    await driver.aclose()

asyncio.run(main(sys.argv[1]))
"""


def test_processes_share_copies_within_the_bound(tmp_path: Path) -> None:
    """While three processes read and evict at random all they read is right, and copies never take too much."""
    store, cache = tmp_path / "store", tmp_path / "cache"
    subprocess.run([sys.executable, "-c", _FILLS, str(store)], check=True, timeout=60)
    command = [sys.executable, "-c", _READS_AT_RANDOM, str(store), str(cache)]
    running = [subprocess.Popen([*command, str(seed)]) for seed in range(3)]
    most = 0
    while any(process.poll() is None for process in running):
        most = max(most, _taken(cache))
        for copy in cache.glob("sha256/*/*"):
            _age(copy)

    assert [0, 0, 0] == [process.wait() for process in running]
    assert 0 < most <= 8 * MIB
    assert [] == [*(cache / "new").iterdir()]


def _taken(cache: Path) -> int:
    """Count while nobody may add or take away."""
    try:
        with (cache / "lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            files = [*cache.glob("sha256/*/*"), *cache.glob("new/*")]
            return sum(path.stat().st_size for path in files)
    except FileNotFoundError:  # none yet, or one was dropped, which needs no lock
        return 0


def _age(copy: Path) -> None:
    """Let it look unused for a while, so that it may be taken away."""
    try:
        info = copy.stat()
        os.utime(copy, ns=(info.st_mtime_ns - 100_000_000_000, info.st_mtime_ns))
    except FileNotFoundError:
        return
