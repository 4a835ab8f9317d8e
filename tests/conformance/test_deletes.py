"""Deleting tags, manifests and blobs; and registries that don't allow it."""

import httpx
import pytest

from tests.conformance.deployment import Deploy
from tests.conformance.manifests import EMPTY, artifact, index, pushed, put
from tests.conformance.requirements import proves
from tests.registry.client import OCI_MANIFEST, Client, descriptor, digest_of, error_code

pytestmark = pytest.mark.anyio

ALGORITHMS = ["sha256", "sha512"]


async def delete(client: Client, name: str, what: str) -> httpx.Response:
    """Delete something of a repository."""
    return await client.request("DELETE", f"/v2/{name}/{what}")


async def tags_of(client: Client, name: str) -> list[str]:
    """The tags of a repository; none where it is gone with them."""
    return (await client.request("GET", f"/v2/{name}/tags/list")).json().get("tags") or []


@proves("delete-1", "delete-2", "delete-3", "end-9", "general-2", "general-3")
async def test_tag(client: Client, name: str) -> None:
    """A tag that is deleted is gone; its manifest, and the other tags of it, stay."""
    digest = await pushed(client, name, artifact())
    for tag in ("stays", "goes"):
        await put(client, name, tag, artifact())

    response = await delete(client, name, "manifests/goes")

    assert 202 == response.status_code
    assert 404 == (await client.get_manifest("goes", name)).status_code
    assert ["stays"] == await tags_of(client, name)
    assert [200, 200] == [(await client.get_manifest(reference, name)).status_code for reference in ("stays", digest)]


@proves("delete-3", "end-9")
async def test_tag_again(client: Client, name: str) -> None:
    """A tag that was deleted can be set anew."""
    await pushed(client, name, artifact())
    for _ in range(2):
        await put(client, name, "again", artifact())
        assert 200 == (await client.get_manifest("again", name)).status_code
        assert 202 == (await delete(client, name, "manifests/again")).status_code

        assert 404 == (await client.get_manifest("again", name)).status_code


@proves("delete-1", "delete-5", "end-9", "general-2", "general-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_manifest(client: Client, name: str, algorithm: str) -> None:
    """A manifest that is deleted is gone by its digest and by each of its tags; other manifests stay."""
    goes, stays = artifact(), artifact(annotations={"is": "staying"})
    digest = await pushed(client, name, goes, algorithm=algorithm)
    other = await pushed(client, name, stays)
    await put(client, name, digest, goes, "one", "two")
    await put(client, name, "three", stays)

    response = await delete(client, name, f"manifests/{digest}")

    assert 202 == response.status_code
    for reference in (digest, "one", "two"):
        assert 404 == (await client.get_manifest(reference, name)).status_code
        assert 404 == (await client.request("HEAD", f"/v2/{name}/manifests/{reference}")).status_code
    assert ["three"] == await tags_of(client, name)
    assert [stays, stays] == [(await client.get_manifest(reference, name)).content for reference in (other, "three")]


@proves("delete-5", "end-9")
async def test_manifest_of_an_index(client: Client, name: str) -> None:
    """A manifest that an index lists can be deleted, the index stays; and the other way round."""
    children = [artifact(annotations={"child": str(number)}) for number in range(2)]
    digests = [await pushed(client, name, child) for child in children]
    listing = index(manifests=[descriptor(child, OCI_MANIFEST) for child in children])
    parent = await pushed(client, name, listing)

    assert 202 == (await delete(client, name, f"manifests/{digests[0]}")).status_code
    assert listing == (await client.get_manifest(parent, name)).content
    assert 202 == (await delete(client, name, f"manifests/{parent}")).status_code
    assert children[1] == (await client.get_manifest(digests[1], name)).content


@proves("delete-5", "end-9")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_manifest_again(client: Client, name: str, algorithm: str) -> None:
    """A manifest that was deleted can be pushed anew, and deleted once only each time."""
    for _ in range(2):
        digest = await pushed(client, name, artifact(), algorithm=algorithm)
        statuses = [(await delete(client, name, f"manifests/{digest}")).status_code for _ in range(2)]

        assert [202, 404] == statuses


@proves("delete-6", "end-9")
@pytest.mark.parametrize("reference", ["latest", digest_of(b"absent"), digest_of(b"absent", "sha512")])
async def test_manifest_that_is_not_there(client: Client, name: str, reference: str) -> None:
    """A manifest or a tag that isn't there is not found, in a repository that is there and in one that isn't."""
    await pushed(client, name, artifact())

    for repository in (name, f"{name}/nothing"):
        response = await delete(client, repository, f"manifests/{reference}")

        assert (404, True) == (response.status_code, error_code(response) in {"MANIFEST_UNKNOWN", "NAME_UNKNOWN"})


@proves("delete-1", "delete-11", "end-10", "general-2", "general-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_blob(client: Client, name: str, algorithm: str) -> None:
    """A blob that is deleted is gone from its repository, and from no other; it can be pushed anew."""
    digest = digest_of(b"shared", algorithm)
    for repository in (name, f"{name}/other"):
        await client.finish(await client.begin(repository), digest, b"shared")

    statuses = [(await delete(client, name, f"blobs/{digest}")).status_code for _ in range(2)]

    assert [202, 404] == statuses
    assert 404 == (await client.get_blob(digest, name)).status_code
    assert 404 == (await client.head_blob(digest, name)).status_code
    assert b"shared" == (await client.get_blob(digest, f"{name}/other")).content
    assert 201 == (await client.finish(await client.begin(name), digest, b"shared")).status_code
    assert b"shared" == (await client.get_blob(digest, name)).content


@proves("delete-12", "end-10")
async def test_blob_that_is_not_there(client: Client, name: str) -> None:
    """A blob that isn't there is not found, in a repository that is there and in one that isn't."""
    await client.push_blob(b"another", name)

    for repository in (name, f"{name}/nothing"):
        response = await delete(client, repository, f"blobs/{digest_of(b'absent')}")

        assert (404, True) == (response.status_code, error_code(response) in {"BLOB_UNKNOWN", "NAME_UNKNOWN"})


@proves("end-9", "end-10")
@pytest.mark.parametrize("what", ["manifests/sha256:abc", "manifests/-bad", "blobs/sha256:abc", "blobs/latest"])
async def test_no_reference(client: Client, name: str, what: str) -> None:
    """What is neither a digest nor a tag is refused."""
    await pushed(client, name, artifact())

    assert 400 == (await delete(client, name, what)).status_code


@proves("delete-1", "delete-4", "delete-7", "delete-13", "end-9", "end-10")
async def test_switched_off(deploy: Deploy, name: str) -> None:
    """With deletion switched off, nothing can be deleted, and the answer says that it is not supported."""
    async with deploy(delete_enabled=False) as client:
        digest = await pushed(client, name, artifact())
        await put(client, name, "latest", artifact())
        for what in (f"manifests/{digest}", "manifests/latest", f"blobs/{digest_of(EMPTY)}"):
            response = await delete(client, name, what)

            assert response.status_code in {400, 405}
            assert "UNSUPPORTED" == error_code(response)
            assert 200 == (await client.request("GET", f"/v2/{name}/{what}")).status_code
