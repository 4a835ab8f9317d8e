import base64
import json
import re
from typing import Any

import httpx
import pytest

from holdfast.registry.http.manifests import MAX_TAGS
from holdfast.registry.model.validation import ManifestValidation
from tests.registry.client import (
    DOCKER_MANIFEST,
    NAME,
    OCI_INDEX,
    OCI_MANIFEST,
    Client,
    descriptor,
    digest_of,
    error_code,
    make_image,
    make_index,
    tags_of,
)
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


async def test_missing_references(storage: Storage, client: Client) -> None:
    """All that is missing is named, each once, and nothing is stored."""
    present = b"present"
    await client.push_blob(present)
    before = await storage.files()
    image = make_image(layers=[b"absent", present, b"absent", b"also absent"])
    response = await client.put_manifest("tag", image.manifest)

    assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))
    named = [error["detail"]["digest"] for error in response.json()["errors"]]
    assert [digest_of(image.blobs[0]), digest_of(b"absent"), digest_of(b"also absent")] == named
    assert before == await storage.files()


async def test_blobs_of_another_repository(client: Client) -> None:
    """A manifest's blobs must be in its own repository."""
    image = make_image()
    await client.push_image(image, "tag", "other")
    response = await client.put_manifest("tag", image.manifest)

    assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))


async def test_missing_child(client: Client) -> None:
    """An index's manifests must be there, as manifests."""
    image = make_image()
    index = make_index([image])
    absent = await client.put_manifest("tag", index.manifest, OCI_INDEX)
    await client.push_blob(image.manifest)
    only_a_blob = await client.put_manifest("tag", index.manifest, OCI_INDEX)
    await client.push_image(image)
    present = await client.put_manifest("tag", index.manifest, OCI_INDEX)

    assert [400, 400, 201] == [response.status_code for response in (absent, only_a_blob, present)]
    assert image.digest == absent.json()["errors"][0]["detail"]["digest"]


async def test_many_references(client: Client) -> None:
    """An image of more layers than are looked up at once is checked in all of them."""
    layers = [f"layer {number}".encode() for number in range(40)]
    image = make_image(layers=layers)
    for blob in image.blobs[:-1]:
        await client.push_blob(blob)
    missing = await client.put_manifest("tag", image.manifest)
    await client.push_blob(layers[-1])

    assert [digest_of(layers[-1])] == [error["detail"]["digest"] for error in missing.json()["errors"]]
    assert 201 == (await client.put_manifest("tag", image.manifest)).status_code


def with_layer(layer: dict[str, Any], media_type: str = DOCKER_MANIFEST) -> bytes:
    """An image manifest of one layer, whose configuration is `{}`."""
    config = descriptor(b"{}", "application/vnd.docker.container.image.v1+json")
    return json.dumps({"schemaVersion": 2, "mediaType": media_type, "config": config, "layers": [layer]}).encode()


@pytest.mark.parametrize("media_type", [DOCKER_MANIFEST, OCI_MANIFEST])
async def test_foreign_layers(storage: Storage, media_type: str) -> None:
    """Layers that are elsewhere need not be here, if the configuration allows where; by default it allows nothing."""
    foreign = {
        DOCKER_MANIFEST: "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        OCI_MANIFEST: "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
    }[media_type]
    allowed, other, nowhere = (
        with_layer(descriptor(b"elsewhere", foreign, urls=urls), media_type)
        for urls in (["https://example.com/layer"], ["https://example.org/layer"], [])
    )
    async with storage.client() as client:
        await client.push_blob(b"{}")
        for content, code in ((allowed, "MANIFEST_INVALID"), (nowhere, "MANIFEST_BLOB_UNKNOWN")):
            response = await client.put_manifest("tag", content, media_type)
            assert (400, code) == (response.status_code, error_code(response))
    rules = ManifestValidation(allowed_urls=(re.compile(r"^https://example\.com/"),))
    async with storage.client(validation=rules) as client:
        assert 201 == (await client.put_manifest("tag", allowed, media_type)).status_code
        response = await client.put_manifest("tag", other, media_type)
        assert (400, "MANIFEST_INVALID") == (response.status_code, error_code(response))
        assert "https://example.org/layer" in response.text


async def test_sizes_that_lie(storage: Storage, client: Client) -> None:
    """A manifest that tells another size of a blob or a manifest than it has is refused, and nothing is stored."""
    image = make_image()
    await client.push_image(image)
    before = await storage.files()
    blob = json.loads(image.manifest)
    blob["layers"][1]["size"] += 1
    child = json.loads(make_index([image]).manifest)
    child["manifests"][0]["size"] -= 1
    for document, media_type in ((blob, OCI_MANIFEST), (child, OCI_INDEX)):
        response = await client.put_manifest("tag", json.dumps(document).encode(), media_type)
        assert (400, "MANIFEST_INVALID") == (response.status_code, error_code(response))
    assert before == await storage.files()


@pytest.mark.parametrize(
    ("content", "content_type"),
    [
        (b'{"schemaVersion": 2, "schemaVersion": 2}', OCI_MANIFEST),
        (b"\xff\xfe{}", OCI_MANIFEST),
        (b"[" * 4_000_000, OCI_MANIFEST),
        (b'{"a":' * 700_000, OCI_MANIFEST),
        (b"", OCI_MANIFEST),
        (b"null", None),
        (b'{"schemaVersion": 1, "name": "a"}', "application/vnd.docker.distribution.manifest.v1+prettyjws"),
        (make_image().manifest, "application/json"),
        (make_image().manifest, OCI_INDEX),
        (make_image().manifest, "a" * 5000),
        (make_image().manifest[:-1] + b', "annotations": {"a": 1}}', OCI_MANIFEST),
        (make_image().manifest[:-1] + b', "x": 1, "x": 2}', OCI_MANIFEST),
        (make_image().manifest[:-1] + b', "x": "\xff"}', OCI_MANIFEST),
        (make_image().manifest[:-1] + b', "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}", OCI_MANIFEST),
        (make_image().manifest[:-1] + b', "subject": {"digest": "x"}}', OCI_MANIFEST),
        (make_image().manifest[:-1] + b', "manifests": []}', OCI_MANIFEST),
    ],
)
async def test_hostile(storage: Storage, client: Client, content: bytes, content_type: str | None) -> None:
    """What is no manifest, or not only one, is refused as such, and nothing is stored."""
    for blob in make_image().blobs:
        await client.push_blob(blob)
    before = await storage.files()
    headers = {} if content_type is None else {"content-type": content_type}
    response = await client.request("PUT", f"/v2/{NAME}/manifests/tag", headers=headers, body=content)

    assert (400, "MANIFEST_INVALID") == (response.status_code, error_code(response))
    assert before == await storage.files()


@pytest.mark.parametrize("content_type", [None, "", f"{OCI_MANIFEST}; charset=utf-8", OCI_MANIFEST.upper()])
async def test_content_type(client: Client, content_type: str | None) -> None:
    """A manifest that tells its type itself needs no `Content-Type`; parameters and case of that don't matter."""
    image = make_image()
    await client.push_image(image)
    headers = {} if content_type is None else {"content-type": content_type}
    response = await client.request("PUT", f"/v2/{NAME}/manifests/tag", headers=headers, body=image.manifest)

    assert 201 == response.status_code
    assert OCI_MANIFEST == (await client.get_manifest("tag")).headers["content-type"]


async def test_build_cache(client: Client) -> None:
    """An index may list blobs, as some build caches do, if the repository has them."""
    layer = b"cached layer"
    index = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar+gzip")],
        }
    ).encode()
    assert 400 == (await client.put_manifest("cache", index, OCI_INDEX)).status_code
    await client.push_blob(layer)
    assert 201 == (await client.put_manifest("cache", index, OCI_INDEX)).status_code


@pytest.mark.parametrize(
    ("rules", "present", "status"),
    [
        (ManifestValidation(), (), 400),
        (ManifestValidation(), (0,), 400),
        (ManifestValidation(), (0, 1), 201),
        (ManifestValidation(platforms="none"), (), 201),
        (ManifestValidation(platforms="list", platform_list=frozenset({("linux", "amd64")})), (1,), 400),
        (ManifestValidation(platforms="list", platform_list=frozenset({("linux", "amd64")})), (0,), 201),
    ],
)
async def test_sparse_indexes(
    storage: Storage, rules: ManifestValidation, present: tuple[int, ...], status: int
) -> None:
    """An index needs as many of its images as the configuration says; by default all."""
    images = [make_image("amd64"), make_image("arm64")]
    index = make_index(images)
    async with storage.client(validation=rules) as client:
        for number in present:
            await client.push_image(images[number])
        response = await client.put_manifest("tag", index.manifest, OCI_INDEX)
        assert status == response.status_code
        assert status == 201 or "MANIFEST_BLOB_UNKNOWN" == error_code(response)


async def test_nested_indexes(client: Client) -> None:
    """An index may list indexes."""
    image = make_image()
    inner = make_index([image])
    outer = make_index([inner, image])
    for each in (image, inner, outer):
        await client.push_image(each)

    assert outer.manifest == (await client.get_manifest(outer.digest)).content


async def test_embedded_content_excuses_nothing(client: Client) -> None:
    """Content embedded in a descriptor must be in the repository as well."""
    data = b"embedded"
    layer = descriptor(data, "application/vnd.docker.image.rootfs.diff.tar.gzip", data=base64.b64encode(data).decode())
    await client.push_blob(b"{}")
    assert 400 == (await client.put_manifest("tag", with_layer(layer), DOCKER_MANIFEST)).status_code
    await client.push_blob(data)
    assert 201 == (await client.put_manifest("tag", with_layer(layer), DOCKER_MANIFEST)).status_code


async def test_unknown_algorithms(storage: Storage) -> None:
    """A manifest may name, by a digest that can't be computed here, a subject and what is elsewhere; nothing else."""
    unknown = "sha3-256:" + "ab" * 32
    foreign = {
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
        "digest": unknown,
        "size": 1,
        "urls": ["https://example.com/"],
    }
    subject = {"mediaType": OCI_MANIFEST, "digest": unknown, "size": 1}
    fine = json.dumps(json.loads(with_layer(foreign, OCI_MANIFEST)) | {"subject": subject}).encode()
    layer = with_layer(foreign | {"urls": []}, OCI_MANIFEST)
    index = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [subject]}).encode()
    async with storage.client(validation=ManifestValidation(allowed_urls=None)) as client:
        await client.push_blob(b"{}")
        response = await client.put_manifest("tag", fine)
        assert (201, None) == (response.status_code, response.headers.get("oci-subject"))
        assert fine == (await client.get_manifest("tag")).content
        for content, media_type in ((layer, OCI_MANIFEST), (index, OCI_INDEX)):
            response = await client.put_manifest("other", content, media_type)
            assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))
            assert unknown == response.json()["errors"][0]["detail"]["digest"]


async def test_much_is_missing(client: Client) -> None:
    """Of a manifest that names very much that is missing, a part is looked up and told."""
    layers = [descriptor(b"%d" % number, "application/vnd.docker.image.rootfs.diff.tar.gzip") for number in range(5000)]
    document = json.loads(with_layer(layers[0])) | {"layers": layers}
    response = await client.put_manifest("tag", json.dumps(document).encode(), DOCKER_MANIFEST)

    assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))
    assert 64 <= len(response.json()["errors"]) < 100


# Tags of a push by digest --------------------------------------------------------------------------


def accepted_tags(response: httpx.Response) -> list[str]:
    """The tags that an answer names."""
    return [tag.strip() for value in response.headers.get_list("oci-tag") for tag in value.split(",")]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("number", [1, 10, MAX_TAGS])
async def test_tags_of_a_push(client: Client, algorithm: str, number: int) -> None:
    """A push by digest may ask for tags: all are made, and named in the answer."""
    image = make_image()
    await client.push_image(image)
    digest = digest_of(image.manifest, algorithm)
    tags = [f"tag-{each}" for each in range(number)]
    query = "&".join(f"tag={tag}" for tag in [*tags, tags[0]])
    response = await client.put_manifest(f"{digest}?{query}", image.manifest)

    assert (201, tags) == (response.status_code, accepted_tags(response))
    assert sorted(tags) == await tags_of(client)
    for tag in tags:
        found = await client.get_manifest(tag)
        assert (digest, image.manifest) == (found.headers["docker-content-digest"], found.content)
    assert 202 == (await client.request("DELETE", f"/v2/{NAME}/manifests/{digest}")).status_code
    assert 404 == (await client.get_manifest(tags[0])).status_code


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("tag=fine&tag=-bad", 400, "TAG_INVALID"),
        ("tag=fine&tag=", 400, "TAG_INVALID"),
        ("tag=fine&tag=a/b", 400, "TAG_INVALID"),
        ("tag=fine&tag=" + "x" * 129, 400, "TAG_INVALID"),
        ("&".join(f"tag=t{number}" for number in range(MAX_TAGS + 1)), 414, "UNSUPPORTED"),
    ],
)
async def test_bad_tags_of_a_push(storage: Storage, client: Client, query: str, status: int, code: str) -> None:
    """A push that asks for what can't be a tag, or for too many, is refused as a whole."""
    image = make_image()
    for blob in image.blobs:
        await client.push_blob(blob)
    before = await storage.files()
    response = await client.put_manifest(f"{image.digest}?{query}", image.manifest)

    assert (status, code) == (response.status_code, error_code(response))
    assert before == await storage.files()


async def test_tags_of_a_push_by_tag(client: Client) -> None:
    """A push by tag makes that tag, and no other is answered."""
    image = make_image()
    await client.push_image(image)
    response = await client.put_manifest("one?tag=two", image.manifest)

    assert (201, []) == (response.status_code, accepted_tags(response))
    assert ["one"] == await tags_of(client)
