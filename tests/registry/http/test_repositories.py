from typing import Any

import pytest

from holdfast.registry.store import paths
from tests.registry.client import NAME, error_code, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


async def test_deleting_a_repository(storage: Storage) -> None:
    """Where it is allowed, a DELETE of the repository's own URL deletes it, and only once."""
    async with storage.client(repository_delete_enabled=True) as client:
        await client.push_image(make_image(), "tag")
        await client.push_image(make_image(), "tag", f"{NAME}/below")
        response = await client.request("DELETE", f"/v2/{NAME}/")
        assert (202, b"") == (response.status_code, response.content)

        assert [f"{NAME}/below"] == (await client.request("GET", "/v2/_catalog")).json()["repositories"]
        again = await client.request("DELETE", f"/v2/{NAME}/")
    assert (404, "NAME_UNKNOWN") == (again.status_code, error_code(again))


@pytest.mark.parametrize(
    "settings", [{}, {"repository_delete_enabled": True, "delete_enabled": False}, {"repository_delete_enabled": False}]
)
async def test_off_by_default(storage: Storage, settings: dict[str, Any]) -> None:
    """It takes its own switch and that of all deleting; without both it is unsupported."""
    async with storage.client(**settings) as client:
        await client.push_image(make_image(), "tag")
        response = await client.request("DELETE", f"/v2/{NAME}/")
        assert (405, "UNSUPPORTED") == (response.status_code, error_code(response))

        assert 200 == (await client.get_manifest("tag")).status_code


@pytest.mark.parametrize("path", ["app/manifests/", "app/blobs/", "app/tags/", "app/blobs/uploads/", "app/uploads/"])
async def test_a_lost_reference(storage: Storage, path: str) -> None:
    """A URL that lost its last segment isn't taken for a repository's, even where there is one of that name."""
    await storage.put(f"{paths.REPOSITORIES}/{path}_manifests/tags/x/current/link", b"")
    async with storage.client(repository_delete_enabled=True) as client:
        response = await client.request("DELETE", f"/v2/{path}")

    assert (405, "UNSUPPORTED") == (response.status_code, error_code(response))


@pytest.mark.parametrize("path", ["/v2/App/", "/v2/a//", "/v2/_catalog/", "/v2//"])
async def test_not_a_name(storage: Storage, path: str) -> None:
    """What isn't a repository's name is refused."""
    async with storage.client(repository_delete_enabled=True) as client:
        response = await client.http.request("DELETE", path)

    assert (400, "NAME_INVALID") == (response.status_code, error_code(response))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "PATCH"])
async def test_other_methods(storage: Storage, method: str) -> None:
    """There is nothing else at that URL."""
    async with storage.client(repository_delete_enabled=True) as client:
        assert 404 == (await client.request(method, f"/v2/{NAME}/")).status_code
