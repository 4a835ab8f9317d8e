import ast
import sys
from pathlib import Path

import pytest

from holdfast.storage.drivers import inmemory
from holdfast.storage.drivers.inmemory import InMemoryDriver, InMemoryOptions

pytestmark = pytest.mark.anyio


async def test_each_driver_object_has_a_store_of_its_own() -> None:
    """Nothing is shared through the process."""
    first, second = InMemoryDriver(InMemoryOptions()), InMemoryDriver(InMemoryOptions())
    await first.put_content("/a", b"x")

    assert await second.list("/") == []


async def test_chunks_are_copied() -> None:
    """A caller may use its buffer again as soon as a call returns."""
    driver = InMemoryDriver()
    buffer = bytearray(b"put")
    await driver.put_content("/put", buffer)
    writer = await driver.writer("/written")
    await writer.write(memoryview(buffer))
    buffer[:] = b"..."
    await writer.commit()

    assert await driver.get_content("/put") == b"put"
    assert await driver.get_content("/written") == b"put"


@pytest.mark.parametrize("size", [0, 1, 2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20])
async def test_sizes_around_a_block(size: int) -> None:
    """Content is kept in blocks, which doesn't show."""
    driver = InMemoryDriver()
    content = bytes(number % 251 for number in range(size))
    await driver.put_content("/a", content)
    async with driver.reader("/a", offset=size // 3) as chunks:
        read = b"".join([chunk async for chunk in chunks])

    assert await driver.get_content("/a") == content
    assert content[size // 3 :] == read


def test_nothing_but_the_standard_library() -> None:
    """The driver to learn from, and to test with, brings no dependency."""
    folder = Path(inmemory.__file__).parent
    names = set()
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                names.add((node.module or "").partition(".")[0])

    assert names <= sys.stdlib_module_names | {"holdfast"}
