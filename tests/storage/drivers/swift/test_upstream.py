"""What Distribution's driver writes: dynamic large objects, whose segments are in the same container."""

from collections.abc import AsyncIterator

import pytest

from holdfast.storage.driver import StorageDriver
from holdfast.storage.drivers.swift import SwiftDriver, SwiftOptions
from tests.services.stores.swift_container import SwiftContainer

pytestmark = pytest.mark.anyio

_PLACE = "production/segments/0a1/b2c3d4e5f60718293a4b5c6d7e8f901234567"
_KEY = "production/files/docker/registry/v2/blobs/data"
_PATH = "/docker/registry/v2/blobs/data"
_PIECES = [b"x" * 100, b"y" * 50, b"z"]


@pytest.fixture
def written(container: SwiftContainer) -> SwiftContainer:
    """A container in which upstream's driver has written one file, and begun one without any content."""
    for number, piece in enumerate(_PIECES, 1):
        container.put(f"{_PLACE}/{number:016}", piece)
    _manifest(container, _KEY, _PLACE)
    _manifest(container, "production/files/docker/empty", "production/segments/fff/" + "0" * 37)
    return container


def _manifest(container: SwiftContainer, key: str, place: str) -> None:
    headers = {"X-Object-Manifest": f"{container.name}/{place}", "Content-Length": "0"}
    assert 201 == container.ask("PUT", key, headers=headers).status


@pytest.fixture
async def driver(written: SwiftContainer) -> AsyncIterator[StorageDriver]:
    """A driver on it."""
    driver = SwiftDriver(SwiftOptions.model_validate(written.parameters(prefix="production")))
    yield driver
    await driver.aclose()


async def test_its_files_are_read(driver: StorageDriver) -> None:
    """Whole, in part, and with the size that listings don't tell."""
    content = b"".join(_PIECES)

    assert content == await driver.get_content(_PATH)
    async with driver.reader(_PATH, offset=90, length=20) as chunks:
        assert content[90:110] == b"".join([chunk async for chunk in chunks])
    assert len(content) == (await driver.stat(_PATH)).size
    assert b"" == await driver.get_content("/docker/empty")


async def test_segments_do_not_show(driver: StorageDriver) -> None:
    """Neither in listings nor in walks, which tell true sizes."""
    assert ["/docker"] == await driver.list("/")
    walked = {info.path: info.size async for info in driver.walk("/")}
    assert {"/docker/empty": 0, _PATH: 151} == walked


async def test_it_is_moved(driver: StorageDriver, written: SwiftContainer) -> None:
    """As its own driver does it: the segments stay."""
    await driver.move(_PATH, "/moved")

    assert b"".join(_PIECES) == await driver.get_content("/moved")
    assert 3 == len(written.keys(_PLACE))
    await driver.delete("/moved")
    assert [] == written.keys(_PLACE)


async def test_it_is_deleted(driver: StorageDriver, written: SwiftContainer) -> None:
    """With its segments."""
    await driver.delete("/docker")

    assert [] == written.keys()


async def test_it_is_gone_on_with(driver: StorageDriver, written: SwiftContainer) -> None:
    """An upload that it has begun is continued, as any content is, and replaces it with its segments."""
    writer = await driver.writer(_PATH, append=True)
    await writer.write(b" and more")
    await writer.commit()

    assert b"".join(_PIECES) + b" and more" == await driver.get_content(_PATH)
    assert [] == written.keys(_PLACE)
