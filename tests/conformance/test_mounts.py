"""Mounting a blob of another repository."""

import httpx
import pytest

from tests.conformance.requirements import proves
from tests.registry.client import Client, digest_of

pytestmark = pytest.mark.anyio


async def mount(client: Client, name: str, digest: str, **source: str) -> httpx.Response:
    """Ask for a mount."""
    return await client.request("POST", f"/v2/{name}/blobs/uploads/", params={"mount": digest, **source}, body=b"")


async def assert_upload(client: Client, name: str, begun: httpx.Response, blob: bytes) -> None:
    """Check that an upload began, and that the blob can be pushed with it."""
    assert 202 == begun.status_code
    assert 404 == (await client.head_blob(digest_of(blob), name)).status_code
    assert 201 == (await client.finish(begun.headers["location"], digest_of(blob), blob)).status_code
    assert blob == (await client.get_blob(digest_of(blob), name)).content


@proves("mount-1", "mount-2", "end-11")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("blob", [b"mounted", b""], ids=["content", "empty"])
async def test_mount(client: Client, name: str, algorithm: str, blob: bytes) -> None:
    """A blob of another repository is at the location of the answer, without being pushed."""
    digest = digest_of(blob, algorithm)
    await client.finish(await client.begin(f"{name}/source"), digest, blob)

    response = await mount(client, name, digest, **{"from": f"{name}/source"})

    assert 201 == response.status_code
    assert digest == response.headers.get("docker-content-digest", digest)
    assert blob == (await client.request("GET", response.headers["location"])).content
    assert (200, blob) == ((read := await client.get_blob(digest, name)).status_code, read.content)


@proves("mount-4", "end-11")
async def test_mount_from_anywhere(client: Client, name: str) -> None:
    """A mount that names no source finds the blob in whichever repository has it."""
    blob = f"anywhere {name}".encode()
    digest = await client.push_blob(blob, f"{name}/source")

    response = await mount(client, name, digest)

    assert 201 == response.status_code
    assert blob == (await client.request("GET", response.headers["location"])).content


@proves("mount-5", "mount-6", "end-11")
async def test_mount_of_nothing_from_anywhere(client: Client, name: str) -> None:
    """A mount of a blob that no repository has begins an upload."""
    blob = f"nowhere {name}".encode()

    await assert_upload(client, name, await mount(client, name, digest_of(blob)), blob)


@proves("mount-5", "mount-6", "end-11")
async def test_mount_from_the_wrong_repository(client: Client, name: str) -> None:
    """A mount from a repository that lacks the blob begins an upload, even if a third has the blob."""
    blob = f"elsewhere {name}".encode()
    await client.push_blob(blob, f"{name}/elsewhere")
    await client.push_blob(b"another", f"{name}/source")

    begun = await mount(client, name, digest_of(blob), **{"from": f"{name}/source"})

    await assert_upload(client, name, begun, blob)


@proves("mount-5", "mount-6", "end-11")
async def test_mount_from_no_repository(client: Client, name: str) -> None:
    """A mount from a repository that isn't there begins an upload."""
    blob = f"no source {name}".encode()

    await assert_upload(client, name, await mount(client, name, digest_of(blob), **{"from": f"{name}/nothing"}), blob)


@proves("mount-1", "end-11")
async def test_mount_from_itself(client: Client, name: str) -> None:
    """A mount of a blob that the repository has already is done."""
    digest = await client.push_blob(b"mine", name)

    response = await mount(client, name, digest, **{"from": name})

    assert 201 == response.status_code
    assert b"mine" == (await client.request("GET", response.headers["location"])).content


@proves("mount-1")
async def test_mount_outlives_its_source(client: Client, name: str) -> None:
    """A mounted blob stays when the source gives it up."""
    digest = await client.push_blob(b"outlives", f"{name}/source")
    await mount(client, name, digest, **{"from": f"{name}/source"})

    deleted = await client.request("DELETE", f"/v2/{name}/source/blobs/{digest}")

    assert 202 == deleted.status_code
    assert 404 == (await client.get_blob(digest, f"{name}/source")).status_code
    assert b"outlives" == (await client.get_blob(digest, name)).content


@proves("push-4", "end-11")
@pytest.mark.parametrize("digest", ["sha256:abc", "md5:" + "a" * 32, "latest", "sha256:" + "A" * 64])
async def test_mount_of_a_malformed_digest(client: Client, name: str, digest: str) -> None:
    """A mount of what is no digest is refused."""
    response = await mount(client, name, digest, **{"from": f"{name}/source"})

    assert 400 == response.status_code
