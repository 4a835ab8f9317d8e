"""The driver on a container that Distribution has filled."""

from collections.abc import AsyncIterator

import pytest

from holdfast.storage import StorageDriver, create
from tests.services.stores.azurite import AzuriteContainer
from tests.storage.drivers.azure.test_types import append_blob

pytestmark = pytest.mark.anyio

_LINK = "/docker/registry/v2/repositories/a/_manifests/tags/latest/current/link"
_DATA = "/docker/registry/v2/blobs/sha256/00/0000/data"


@pytest.fixture(params=["", "/", "registry", "/some/where/"])
async def rooted(
    request: pytest.FixtureRequest, container: AzuriteContainer
) -> AsyncIterator[tuple[StorageDriver, str]]:
    """A driver with a root directory, and what that makes of names."""
    driver = create("azure", container.parameters(rootdirectory=request.param))
    inner = str(request.param).strip("/")
    yield driver, f"{inner}/" if inner else ""
    await driver.aclose()


async def test_names_are_upstreams(rooted: tuple[StorageDriver, str], container: AzuriteContainer) -> None:
    """The root directory without slashes around it, then the path."""
    driver, root = rooted
    await driver.put_content(_LINK, b"sha256:0")

    assert [root + _LINK[1:]] == container.keys()


async def test_what_upstream_wrote_is_served(rooted: tuple[StorageDriver, str], container: AzuriteContainer) -> None:
    """Its append blobs are listed, read, moved, appended to, replaced and deleted."""
    driver, root = rooted
    append_blob(container, root + _DATA[1:], b"layer")
    append_blob(container, root + _LINK[1:], b"sha256:1")
    append_blob(container, f"{root}upload", b"begun, ")

    assert [_DATA, _LINK] == [info.path async for info in driver.walk("/docker")]
    assert b"layer" == await driver.get_content(_DATA)
    await driver.put_content(_LINK, b"sha256:2")
    assert b"sha256:2" == await driver.get_content(_LINK)
    writer = await driver.writer("/upload", append=True)
    await writer.write(b"ended")
    await writer.commit()
    await driver.move("/upload", _DATA)
    assert b"begun, ended" == await driver.get_content(_DATA)
    await driver.delete("/docker")
    assert [] == container.leftovers()
