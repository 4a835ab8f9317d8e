"""Pulling: manifests, blobs, and whether they are there."""

import json

import pytest

from tests.conformance.deployment import Deploy
from tests.conformance.requirements import proves
from tests.registry.client import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    Client,
    digest_of,
    error_code,
    make_image,
    make_index,
)

pytestmark = pytest.mark.anyio

BLOB = bytes(range(256)) * 8
ALGORITHMS = ["sha256", "sha512"]


async def push_blob(client: Client, name: str, algorithm: str = "sha256") -> str:
    """Push the blob under the digest of an algorithm."""
    digest = digest_of(BLOB, algorithm)
    location = await client.begin(name, **{"digest-algorithm": algorithm})
    assert 201 == (await client.finish(location, digest, BLOB)).status_code
    return digest


@proves("manifest-1", "manifest-10", "manifest-11", "manifest-12", "end-3", "general-1")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_manifest(client: Client, name: str, algorithm: str) -> None:
    """A manifest comes back whole by its digest and by its tag, with the digest that it was pushed by."""
    image = make_image(name)
    digest = digest_of(image.manifest, algorithm)
    await client.push_image(image, "latest", name)
    await client.put_manifest(digest, image.manifest, name=name)

    by_tag = await client.get_manifest("latest", name)
    by_digest = await client.get_manifest(digest, name)

    assert (200, image.manifest) == (by_tag.status_code, by_tag.content)
    assert (200, image.manifest) == (by_digest.status_code, by_digest.content)
    assert digest_of(image.manifest) == by_tag.headers["docker-content-digest"]
    assert digest == by_digest.headers["docker-content-digest"]


@proves("manifest-13")
async def test_manifest_by_tag_of_another_algorithm(client: Client, name: str) -> None:
    """A tag that was set with a sha512 digest tells that digest, whatever the client expects of a tag."""
    image = make_image(name)
    digest = digest_of(image.manifest, "sha512")
    await client.push_image(image, name=name)
    await client.request(
        "PUT",
        f"/v2/{name}/manifests/{digest}",
        params={"tag": "strong"},
        headers={"content-type": OCI_MANIFEST},
        body=image.manifest,
    )

    response = await client.get_manifest("strong", name)

    assert (200, digest) == (response.status_code, response.headers.get("docker-content-digest"))


@proves("manifest-6", "manifest-8")
@pytest.mark.parametrize("media_type", [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])
@pytest.mark.parametrize("says_itself", [True, False])
async def test_manifest_type(client: Client, deploy: Deploy, name: str, media_type: str, says_itself: bool) -> None:  # noqa: FBT001 - a parameter
    """A manifest comes back with the bare type it was pushed with, from any replica, or isn't taken."""
    is_index = media_type in {OCI_INDEX, DOCKER_LIST}
    image = make_index([], media_type=media_type) if is_index else make_image(name, media_type=media_type)
    document = json.loads(image.manifest)
    if not says_itself:
        del document["mediaType"]
    for blob in image.blobs:
        await client.push_blob(blob, name)

    pushed = await client.put_manifest("typed", json.dumps(document).encode(), media_type, name)

    # Docker's types need a mediaType: storage has no other place for them.
    needs_one = media_type in {DOCKER_MANIFEST, DOCKER_LIST} and not says_itself
    assert pushed.status_code == 201 or (needs_one and error_code(pushed) == "MANIFEST_INVALID")
    if pushed.status_code == 201:
        async with deploy() as replica:
            for asked, method in ((client, "GET"), (client, "HEAD"), (replica, "GET"), (replica, "HEAD")):
                response = await asked.request(method, f"/v2/{name}/manifests/typed", headers={"accept": media_type})

                assert (200, media_type) == (response.status_code, response.headers["content-type"])


@proves("manifest-2", "manifest-4")
@pytest.mark.parametrize(
    "reference",
    [
        "-begins-with-a-dash",
        ".begins-with-a-dot",
        "a" * 129,
        "has+plus",
        "has%20space",
        "caf%C3%A9",
        "newline%0A",
        "sha256:short",
        "sha256:" + "A" * 64,
        "unknown:" + "a" * 64,
        "latest:1",
    ],
)
async def test_neither_digest_nor_tag(client: Client, name: str, reference: str) -> None:
    """What is neither a digest nor a tag is refused, when it is pushed and when it is pulled."""
    image = make_image(name)
    await client.push_image(image, "latest", name)

    pushed = await client.put_manifest(reference, image.manifest, name=name)
    pulled = await client.get_manifest(reference, name)
    tags = (await client.request("GET", f"/v2/{name}/tags/list")).json()["tags"]

    assert 400 == pushed.status_code
    assert pulled.status_code in {400, 404}
    assert ["latest"] == tags


@proves("manifest-4")
@pytest.mark.parametrize("tag", ["a", "_", "0", "A.b-c_D", "a" * 128, "_.-", "1.0.0"])
async def test_tags_of_the_grammar(client: Client, name: str, tag: str) -> None:
    """Every tag that the grammar allows can be pushed and pulled."""
    image = make_image(name)

    await client.push_image(image, tag, name)

    assert image.manifest == (await client.get_manifest(tag, name)).content


@proves("manifest-3")
@pytest.mark.parametrize(
    "repository", ["a", "0", "a.b", "a_b", "a__b", "a---b", "a/b/c", "x1/y-2/z_3", "a/blobs/uploads"]
)
async def test_names_of_the_grammar(client: Client, name: str, repository: str) -> None:
    """Every name that the grammar allows is a repository."""
    image = make_image(name)

    await client.push_image(image, "latest", repository)

    assert image.manifest == (await client.get_manifest("latest", repository)).content


@proves("manifest-3")
@pytest.mark.parametrize(
    "repository", ["A", "-a", "a-", "a..b", "a___b", "a._b", "a/", "/a", "a//b", "caf%C3%A9", "a%00", "_a"]
)
async def test_names_outside_of_the_grammar(client: Client, repository: str) -> None:
    """Nothing can be pushed to a name outside of the grammar."""
    begun = await client.request("POST", f"/v2/{repository}/blobs/uploads/")
    pushed = await client.put_manifest("latest", make_index([]).manifest, OCI_INDEX, repository)

    assert ("NAME_INVALID", "NAME_INVALID") == (error_code(begun), error_code(pushed))
    assert (400, 400) == (begun.status_code, pushed.status_code)


@proves("manifest-16", "exists-4", "end-3")
@pytest.mark.parametrize("reference", ["absent", digest_of(b"absent"), digest_of(b"absent", "sha512")])
async def test_no_manifest(client: Client, name: str, reference: str) -> None:
    """A manifest that isn't there is not found."""
    await client.push_image(make_image(name), "latest", name)

    read = await client.get_manifest(reference, name)
    asked = await client.request("HEAD", f"/v2/{name}/manifests/{reference}")

    assert (404, "MANIFEST_UNKNOWN") == (read.status_code, error_code(read))
    assert (404, b"") == (asked.status_code, asked.content)


@proves("put-18", "blob-6", "manifest-16")
async def test_no_repository(client: Client, name: str) -> None:
    """Nothing is found in a repository that isn't there, even if another has it."""
    image = make_image(name)
    await client.push_image(image, "latest", f"{name}/other")

    statuses = [
        (await client.get_manifest("latest", name)).status_code,
        (await client.get_manifest(image.digest, name)).status_code,
        (await client.get_blob(digest_of(image.blobs[0]), name)).status_code,
        (await client.request("GET", f"/v2/{name}/tags/list")).status_code,
    ]

    assert [404, 404, 404, 404] == statuses


@proves("blob-1", "blob-2", "blob-3", "end-2", "general-1", "image-1", "image-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_blob(client: Client, name: str, algorithm: str) -> None:
    """A blob comes back whole, with its digest."""
    digest = await push_blob(client, name, algorithm)

    response = await client.get_blob(digest, name)

    assert (200, BLOB) == (response.status_code, response.content)
    assert digest == digest_of(response.content, algorithm) == response.headers["docker-content-digest"]


@proves("blob-6", "exists-4", "end-2")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_no_blob(client: Client, name: str, algorithm: str) -> None:
    """A blob that isn't there is not found."""
    await client.push_blob(b"another", name)

    read = await client.get_blob(digest_of(b"absent", algorithm), name)
    asked = await client.head_blob(digest_of(b"absent", algorithm), name)

    assert (404, "BLOB_UNKNOWN") == (read.status_code, error_code(read))
    assert (404, b"") == (asked.status_code, asked.content)


@proves("exists-1", "exists-2", "exists-3", "end-2", "end-3")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_exists(client: Client, name: str, algorithm: str) -> None:
    """HEAD tells the digest and the size of a blob and of a manifest, and sends neither."""
    blob = await push_blob(client, name, algorithm)
    image = make_image(name)
    await client.push_image(image, name=name)
    manifest = digest_of(image.manifest, algorithm)
    await client.put_manifest(manifest, image.manifest, name=name)

    for path, digest, size in [("blobs", blob, len(BLOB)), ("manifests", manifest, len(image.manifest))]:
        response = await client.request("HEAD", f"/v2/{name}/{path}/{digest}")

        assert (200, b"") == (response.status_code, response.content)
        assert digest == response.headers["docker-content-digest"]
        assert str(size) == response.headers["content-length"]


@proves("blob-7")
@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=500-1499", 500, 1500),
        ("bytes=500-", 500, 2048),
        ("bytes=-500", 1548, 2048),
        ("bytes=-5000", 0, 2048),
        ("bytes=2000-5000", 2000, 2048),
        ("bytes=0-99999999999999999999999", 0, 2048),
        ("Bytes=1-2", 1, 3),
    ],
)
async def test_range(client: Client, name: str, asked: str, start: int, end: int) -> None:
    """A range of a blob is sent alone, and says which it is."""
    digest = await push_blob(client, name)

    response = await client.get_blob(digest, name, {"range": asked})

    assert (206, BLOB[start:end]) == (response.status_code, response.content)
    assert f"bytes {start}-{end - 1}/2048" == response.headers["content-range"]
    assert str(end - start) == response.headers["content-length"]
    assert "bytes" == response.headers["accept-ranges"]


@proves("blob-7")
@pytest.mark.parametrize("asked", ["bytes=2048-", "bytes=5000-10000", "bytes=-0", "bytes=500-0"])
async def test_range_that_cannot_be(client: Client, name: str, asked: str) -> None:
    """A range outside of a blob, or one that ends before it starts, is refused with the blob's size."""
    digest = await push_blob(client, name)

    response = await client.get_blob(digest, name, {"range": asked})

    assert (416, "bytes */2048") == (response.status_code, response.headers.get("content-range"))


@proves("blob-7")
@pytest.mark.parametrize("asked", ["lines=1-2", "bytes", "bytes=", "bytes=a-b", "1-2"])
async def test_range_that_is_none(client: Client, name: str, asked: str) -> None:
    """What is no range in bytes is as if it weren't there."""
    digest = await push_blob(client, name)

    response = await client.get_blob(digest, name, {"range": asked})

    assert (200, BLOB) == (response.status_code, response.content)


@proves("blob-7")
@pytest.mark.parametrize(("tag", "status"), [("", 206), ("not it", 200)])
async def test_range_on_condition(client: Client, name: str, tag: str, status: int) -> None:
    """A range is sent for the content that the client began with, and all of it otherwise."""
    digest = await push_blob(client, name)
    etag = (await client.head_blob(digest, name)).headers["etag"]

    headers = {"range": "bytes=0-9", "if-range": f'"{tag}"' if tag else etag}
    response = await client.get_blob(digest, name, headers)

    assert (status, BLOB[:10] if status == 206 else BLOB) == (response.status_code, response.content)


@proves("image-2", "image-4")
@pytest.mark.parametrize(
    "digest",
    [
        "sha256:" + "a" * 63,
        "sha256:" + "a" * 65,
        "sha256:" + "A" * 64,
        "sha256:" + "g" * 64,
        "sha512:" + "a" * 64,
        "sha512:" + "A" * 128,
        "SHA256:" + "a" * 64,
    ],
)
async def test_malformed_digest(client: Client, name: str, digest: str) -> None:
    """A digest whose encoded part isn't what its algorithm makes is refused, of blobs and of manifests."""
    location = await client.begin(name)

    answers = [
        await client.get_blob(digest, name),
        await client.get_manifest(digest, name),
        await client.put_manifest(digest, make_index([]).manifest, OCI_INDEX, name),
        await client.finish(location, digest, b"content"),
    ]

    assert [(400, "DIGEST_INVALID")] * 4 == [(answer.status_code, error_code(answer)) for answer in answers]
