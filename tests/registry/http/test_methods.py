import pytest

from holdfast.registry.model.validation import ManifestValidation
from tests.registry.asgi import RawRequest
from tests.registry.client import NAME, Client, make_image
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

LISTS = ["/v2/_catalog", f"/v2/{NAME}/tags/list"]


@pytest.mark.parametrize("path", LISTS)
async def test_head_of_a_list(client: Client, path: str) -> None:
    """HEAD answers what GET does, without the body (RFC 9110, section 9.3.2)."""
    await client.push_image(make_image(), "latest")
    got = await client.request("GET", path)
    request = RawRequest(client.app, "HEAD", path)
    await request.task

    assert (got.status_code, b"") == (request.status, request.body)
    assert dict(got.headers) == request.headers


async def test_head_of_an_upload(client: Client) -> None:
    """HEAD tells how much of an upload has arrived, as GET does."""
    location = (await client.request("POST", f"/v2/{NAME}/blobs/uploads/")).headers["location"]
    answer = await client.request("HEAD", location)

    assert (204, "0-0") == (answer.status_code, answer.headers["range"])


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/v2/", "GET, HEAD"),
        ("/v2/_catalog", "GET, HEAD"),
        (f"/v2/{NAME}/manifests/latest", "DELETE, GET, HEAD, PUT"),
        (f"/v2/{NAME}/blobs/uploads/", "POST"),
    ],
)
async def test_options(client: Client, path: str, allowed: str) -> None:
    """A browser's question before a request of another origin is answered with what can be asked for."""
    answer = await client.request("OPTIONS", path)

    assert (200, allowed, b"") == (answer.status_code, answer.headers["allow"], answer.content)


async def test_options_of_nothing(client: Client) -> None:
    """OPTIONS of a path that is no endpoint is not found."""
    assert 404 == (await client.request("OPTIONS", "/v2/something")).status_code


async def test_sparse_image(storage: Storage) -> None:
    """An image whose blobs aren't there is taken where that is switched on, and refused otherwise."""
    image = make_image()
    async with storage.client() as client:
        assert 400 == (await client.put_manifest("latest", image.manifest)).status_code
    async with storage.client(validation=ManifestValidation(sparse_images=True)) as client:
        assert 201 == (await client.put_manifest("latest", image.manifest)).status_code
        assert image.manifest == (await client.get_manifest("latest")).content
