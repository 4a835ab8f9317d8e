import json
import subprocess
import sys

from tests.services.stores.s3 import S3Service

_PROGRAM = """
import asyncio, json, sys
from contextlib import aclosing
from holdfast import storage

async def read(driver):
    size = 0
    async with driver.reader("/large") as chunks:
        async for chunk in chunks:
            size += len(chunk)
    return size

async def main():
    async with aclosing(storage.create("s3", json.loads(sys.argv[1]))) as driver:
        sizes = await asyncio.gather(*(read(driver) for _ in range(8)))
    assert [8 << 20] * 8 == sizes

asyncio.run(main())
"""


def test_a_process_that_read_ends_well(ceph: S3Service) -> None:
    """The reader's threads don't take the process along when it ends right after a download."""
    bucket = ceph.new_bucket()
    bucket.put("large", bytes(8 << 20))
    command = [sys.executable, "-c", _PROGRAM, json.dumps(bucket.parameters())]

    done = [subprocess.run(command, capture_output=True, check=False, timeout=60) for _ in range(8)]
    assert [(0, b"")] * 8 == [(process.returncode, process.stderr) for process in done]
