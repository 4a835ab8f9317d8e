import json

import pytest

from holdfast.registry.model.manifest import MAX_MANIFEST_BYTES
from tests.registry.asgi import RawRequest
from tests.registry.client import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    NAME,
    OCI_INDEX,
    OCI_MANIFEST,
    Client,
    Image,
    descriptor,
    digest_of,
    error_code,
    make_image,
    make_index,
    tags_of,
)
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


async def push(client: Client, media_type: str) -> Image:
    """An image, or an index of one, of the type."""
    if media_type in {OCI_MANIFEST, DOCKER_MANIFEST}:
        image = make_image(media_type=media_type)
        await client.push_image(image)
        return image
    child = make_image(media_type=DOCKER_MANIFEST if media_type == DOCKER_LIST else OCI_MANIFEST)
    await client.push_image(child)
    return make_index([child], media_type=media_type)


TYPES = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX]


@pytest.mark.parametrize("by_digest", [False, True])
@pytest.mark.parametrize("media_type", TYPES)
async def test_round_trip(client: Client, media_type: str, by_digest: bool) -> None:  # noqa: FBT001
    """A manifest of each type is served byte for byte as it was pushed, by what it was pushed as."""
    image = await push(client, media_type)
    pretty = json.dumps(json.loads(image.manifest), indent=3).encode() + b"\n"
    digest = digest_of(pretty)
    reference = digest if by_digest else "tag"
    pushed = await client.put_manifest(reference, pretty, media_type)

    assert 201 == pushed.status_code, pushed.text
    assert digest == pushed.headers["docker-content-digest"]
    assert f"{client.http.base_url}/v2/{NAME}/manifests/{digest}" == pushed.headers["location"]
    for asked in {reference, digest}:
        response = await client.get_manifest(asked)
        assert (200, media_type) == (response.status_code, response.headers["content-type"])
        assert (digest, pretty) == (response.headers["docker-content-digest"], response.content)
    assert ([] if by_digest else ["tag"]) == await tags_of(client)


async def test_sha512(client: Client) -> None:
    """A manifest that is pushed by its sha512 digest is known by it."""
    image = make_image()
    await client.push_image(image, "tag")
    digest = digest_of(image.manifest, "sha512")
    pushed = await client.put_manifest(digest, image.manifest)

    assert (201, digest) == (pushed.status_code, pushed.headers["docker-content-digest"])
    response = await client.get_manifest(digest)
    assert (image.manifest, digest) == (response.content, response.headers["docker-content-digest"])


@pytest.mark.parametrize(
    ("stored", "accept", "by_tag", "by_digest"),
    [
        (DOCKER_MANIFEST, OCI_MANIFEST, 200, 200),
        (OCI_MANIFEST, OCI_MANIFEST, 200, 200),
        (OCI_MANIFEST, DOCKER_MANIFEST, 404, 404),
        (OCI_MANIFEST, f"{DOCKER_MANIFEST}, {OCI_MANIFEST};q=0.1", 200, 200),
        (OCI_MANIFEST, f"*/*, {OCI_MANIFEST};q=0", 200, 200),
        (OCI_INDEX, OCI_MANIFEST, 404, 404),
        (OCI_INDEX, f"{OCI_MANIFEST},{OCI_INDEX}", 200, 200),
        (DOCKER_LIST, DOCKER_LIST, 200, 200),
        (DOCKER_LIST, "application/json", 200, 200),
    ],
)
async def test_negotiation(client: Client, stored: str, accept: str, by_tag: int, by_digest: int) -> None:
    """A client that names types gets a manifest of another one only where Distribution gives it one."""
    image = await push(client, stored)
    await client.put_manifest("tag", image.manifest, stored)

    for reference, expected in {"tag": by_tag, image.digest: by_digest}.items():
        response = await client.get_manifest(reference, headers={"accept": accept})
        assert expected == response.status_code
        if expected == 404:
            assert "MANIFEST_UNKNOWN" == error_code(response)


async def test_several_accept_headers(client: Client) -> None:
    """The types of all `Accept` headers count."""
    await client.push_image(make_image(), "tag")
    url = f"http://registry.test/v2/{NAME}/manifests/tag"
    response = await client.http.get(url, headers=[("accept", DOCKER_MANIFEST), ("accept", OCI_MANIFEST)])

    assert 200 == response.status_code


async def test_image_for_an_old_client(client: Client) -> None:
    """A client that can't read a Docker list gets, by tag, the image of linux on amd64; by digest the list."""
    amd64, arm64 = make_image("amd64", media_type=DOCKER_MANIFEST), make_image("arm64", media_type=DOCKER_MANIFEST)
    index = make_index([amd64, arm64], media_type=DOCKER_LIST)
    for image in (amd64, arm64):
        await client.push_image(image)
    await client.put_manifest("tag", index.manifest, DOCKER_LIST)
    old = {"accept": DOCKER_MANIFEST}
    by_tag, by_digest = [await client.get_manifest(each, headers=old) for each in ("tag", index.digest)]

    assert (200, amd64.manifest) == (by_tag.status_code, by_tag.content)
    assert (amd64.digest, DOCKER_MANIFEST) == (by_tag.headers["docker-content-digest"], by_tag.headers["content-type"])
    assert (200, index.manifest) == (by_digest.status_code, by_digest.content)


async def test_subject_may_be_missing(client: Client) -> None:
    """A manifest may refer to a subject that isn't there yet."""
    image = make_image()
    await client.push_image(image)
    subject = descriptor(b"absent", OCI_MANIFEST)
    content = json.dumps(json.loads(image.manifest) | {"subject": subject}).encode()

    assert 201 == (await client.put_manifest(digest_of(content), content)).status_code


async def test_media_type_only_in_header(client: Client) -> None:
    """A manifest without a media type is taken as what its Content-Type says, as long as that can be."""
    image = make_image()
    await client.push_image(image)
    document = json.loads(image.manifest)
    del document["mediaType"]
    content = json.dumps(document).encode()

    assert 201 == (await client.put_manifest("tag", content, OCI_MANIFEST)).status_code
    assert 400 == (await client.put_manifest("tag", content, OCI_INDEX)).status_code
    response = await client.get_manifest("tag")
    assert (content, OCI_MANIFEST) == (response.content, response.headers["content-type"])


def padded(size: int, image: Image) -> bytes:
    """An image's manifest with an annotation that makes it so many bytes."""
    document = json.loads(image.manifest) | {"annotations": {"padding": ""}}
    document["annotations"]["padding"] = "x" * (size - len(json.dumps(document)))
    content = json.dumps(document).encode()
    assert size == len(content)
    return content


async def test_size_limit(storage: Storage, client: Client) -> None:
    """A manifest of 4 MiB is taken; one of a byte more is too large, and nothing of it is stored."""
    image = make_image()
    await client.push_image(image)
    largest, too_large = padded(MAX_MANIFEST_BYTES, image), padded(MAX_MANIFEST_BYTES + 1, image)

    assert 201 == (await client.put_manifest("tag", largest)).status_code
    assert largest == (await client.get_manifest("tag")).content
    before = await storage.files()
    response = await client.put_manifest("tag", too_large)
    assert (413, "SIZE_INVALID") == (response.status_code, error_code(response))
    assert before == await storage.files()


@pytest.mark.parametrize("length", [None, "1000"])
async def test_size_limit_of_unknown_length(storage: Storage, client: Client, length: str | None) -> None:
    """A manifest that goes on and on isn't read to its end, nor held, whatever its announced length."""
    headers = {"content-type": OCI_MANIFEST} | ({"content-length": length} if length else {})
    request = RawRequest(client.app, "PUT", f"/v2/{NAME}/manifests/tag", headers=headers)
    for _ in range(100):
        request.send(b"x" * 100_000)
    await request.task

    assert (400 if length else 413) == request.status
    assert b"SIZE_INVALID" in request.body
    assert {} == await storage.files()


@pytest.mark.parametrize("how", ["leave", "short"])
async def test_cut_off(storage: Storage, client: Client, how: str) -> None:
    """A manifest that doesn't arrive whole isn't stored."""
    image = make_image()
    headers = {"content-type": OCI_MANIFEST, "content-length": str(len(image.manifest))}
    request = RawRequest(client.app, "PUT", f"/v2/{NAME}/manifests/tag", headers=headers)
    request.send(image.manifest[:50])
    if how == "leave":
        request.leave()
    else:
        request.send(more=False)
    await request.task

    assert (408 if how == "leave" else 400) == request.status
    assert {} == await storage.files()


async def test_tag_moves(client: Client) -> None:
    """A tag points to what was pushed last; what it pointed to stays under its digest."""
    first, second = make_image("first"), make_image("second")
    await client.push_image(first, "tag")
    assert first.manifest == (await client.get_manifest("tag")).content
    await client.push_image(second, "tag")

    assert second.manifest == (await client.get_manifest("tag")).content
    assert first.manifest == (await client.get_manifest(first.digest)).content
    await client.push_image(first, "tag")
    assert first.manifest == (await client.get_manifest("tag")).content


async def test_delete_by_digest(client: Client) -> None:
    """Deleting a manifest deletes the tags that point to it, and only them; others keep what they have."""
    doomed, kept = make_image("doomed"), make_image("kept")
    for tag in ("a", "b", "moved"):
        await client.push_image(doomed, tag)
    for tag in ("c", "moved"):
        await client.push_image(kept, tag)
    await client.push_image(doomed, "elsewhere", "other")

    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{doomed.digest}")).status_code
    assert ["c", "moved"] == await tags_of(client)
    for reference in ("a", "b", doomed.digest):
        assert 404 == (await client.get_manifest(reference)).status_code
    assert kept.manifest == (await client.get_manifest("moved")).content
    assert doomed.manifest == (await client.get_manifest("elsewhere", "other")).content
    again = await client.request("DELETE", f"/v2/{NAME}/manifests/{doomed.digest}")
    assert (404, "MANIFEST_UNKNOWN") == (again.status_code, error_code(again))
    await client.push_image(doomed, "a")
    assert doomed.manifest == (await client.get_manifest("a")).content


async def test_delete_by_tag(client: Client) -> None:
    """Deleting a tag leaves the manifest, and its other tags."""
    image = make_image()
    await client.push_image(image, "a")
    await client.push_image(image, "b")

    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/a")).status_code
    assert 404 == (await client.get_manifest("a")).status_code
    assert ["b"] == await tags_of(client)
    assert 200 == (await client.get_manifest(image.digest)).status_code
    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/b")).status_code
    assert [] == await tags_of(client)
    assert 404 == (await client.request("DELETE", f"/v2/{NAME}/manifests/b")).status_code


async def test_delete_with_many_tags(client: Client) -> None:
    """A manifest with many tags, among many tags, is deleted with all of its own."""
    doomed, kept = make_image("doomed"), make_image("kept")
    await client.push_image(doomed)
    await client.push_image(kept)
    for number in range(200):
        image = doomed if number % 2 else kept
        assert 201 == (await client.put_manifest(f"t{number:03}", image.manifest)).status_code

    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{doomed.digest}")).status_code
    assert [f"t{number:03}" for number in range(0, 200, 2)] == await tags_of(client)


async def test_last_manifest_goes(client: Client) -> None:
    """A repository without manifests has nothing to list, and isn't in the catalog."""
    image = make_image()
    await client.push_image(image, "tag")
    await client.request("DELETE", f"/v2/{NAME}/manifests/{image.digest}")

    response = await client.request("GET", f"/v2/{NAME}/tags/list")
    assert (404, "NAME_UNKNOWN") == (response.status_code, error_code(response))
    assert {"repositories": []} == (await client.request("GET", "/v2/_catalog")).json()


async def test_blob_deleted(client: Client) -> None:
    """A blob is deleted from its repository only, and can be pushed again."""
    digest = await client.push_blob(b"content")
    await client.push_blob(b"content", "other")

    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/blobs/{digest}")).status_code
    assert 404 == (await client.head_blob(digest)).status_code
    assert 404 == (await client.get_blob(digest)).status_code
    assert 404 == (await client.request("DELETE", f"/v2/{NAME}/blobs/{digest}")).status_code
    assert 200 == (await client.head_blob(digest, "other")).status_code
    await client.push_blob(b"content")
    assert b"content" == (await client.get_blob(digest)).content


async def test_names_like_nouns(client: Client) -> None:
    """A repository may be named like what follows a name."""
    for name in ("manifests", "tags/list", "blobs", "a/blobs", "a/blobs/uploads", "a/tags", "v2", "a/manifests/b"):
        image = make_image(name)
        await client.push_image(image, "latest", name)

        assert image.manifest == (await client.get_manifest("latest", name)).content
        assert ["latest"] == await tags_of(client, name)
