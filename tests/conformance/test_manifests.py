"""Pushing manifests: of every kind, byte for byte, with tags as parameters, and the limits."""

import json

import pytest

from holdfast.registry.model.validation import ManifestValidation
from tests.conformance.deployment import Deploy
from tests.conformance.manifests import EMPTY, artifact, index, pushed, put
from tests.conformance.requirements import proves
from tests.registry.client import OCI_INDEX, OCI_MANIFEST, Client, descriptor, digest_of, error_code, make_image

pytestmark = pytest.mark.anyio

FOUR_MEGABYTES = 4 * 1000 * 1000
NON_DISTRIBUTABLE = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
UNCOMPUTABLE = ["sha3-256:" + "ab" * 32, "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"]
"""Digests in the image-spec's grammar, of algorithms that it doesn't register."""

UNKNOWN_TYPE = "application/vnd.example.unheard-of+cbor"


@proves("put-6", "put-9", "put-10", "put-11", "end-7a", "general-2", "general-3", "image-13")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_put(client: Client, name: str, algorithm: str) -> None:
    """A manifest is kept as it came, odd white space and order of fields included, at the location of the answer."""
    await client.push_blob(EMPTY, name)
    manifest = b' {"layers":[ ],\n\t"config" : ' + json.dumps(descriptor(EMPTY, UNKNOWN_TYPE)).encode()
    manifest += b',"schemaVersion":2 ,"mediaType":"%s", "x\\u0041":1.50e1 } \n' % OCI_MANIFEST.encode()
    digest = digest_of(manifest, algorithm)

    for reference, expected in (("latest", digest_of(manifest)), (digest, digest)):
        response = await put(client, name, reference, manifest)

        assert (201, expected) == (response.status_code, response.headers["docker-content-digest"])
        assert manifest == (await client.request("GET", response.headers["location"])).content
        assert manifest == (await client.get_manifest(reference, name)).content


@proves("put-6", "push-4", "end-7a")
async def test_put_of_a_wrong_digest(client: Client, name: str) -> None:
    """A manifest that isn't what its digest says is refused."""
    await pushed(client, name, artifact())
    wrong = digest_of(b"something else")

    response = await put(client, name, wrong, artifact())

    assert (400, "DIGEST_INVALID") == (response.status_code, error_code(response))
    assert 404 == (await client.get_manifest(wrong, name)).status_code


@proves("put-2", "put-3")
async def test_parameters_of_the_type(client: Client, name: str) -> None:
    """Parameters of the Content-Type say nothing."""
    await client.push_blob(EMPTY, name)
    response = await put(client, name, "latest", artifact(), media_type=f"{OCI_MANIFEST}; charset=utf-8")

    assert 201 == response.status_code
    assert OCI_MANIFEST == (await client.get_manifest("latest", name)).headers["content-type"]


@proves("put-5")
async def test_type_that_disagrees(client: Client, name: str) -> None:
    """A manifest that says another type than its Content-Type is refused: two clients would read two things."""
    await client.push_blob(EMPTY, name)
    response = await put(client, name, "latest", artifact(), media_type=OCI_INDEX)

    assert (400, "MANIFEST_INVALID") == (response.status_code, error_code(response))


@proves("push-1", "end-7a")
async def test_subject_that_is_not_there(client: Client, name: str) -> None:
    """A manifest may come before its subject, and the subject after it."""
    subject = artifact(annotations={"for": name})
    referrer = artifact(artifactType=UNKNOWN_TYPE, subject=descriptor(subject, OCI_MANIFEST))

    first = await pushed(client, name, referrer)
    second = await pushed(client, name, subject)

    assert [referrer, subject] == [(await client.get_manifest(digest, name)).content for digest in (first, second)]


@proves("push-2", "push-3", "put-7", "end-7a")
async def test_blobs_that_are_not_there(client: Client, name: str) -> None:
    """A manifest that is refused for what isn't there gets MANIFEST_BLOB_UNKNOWN, once for each."""
    image = make_image(name)
    response = await client.put_manifest("latest", image.manifest, name=name)

    if response.status_code != 201:
        errors = response.json()["errors"]
        assert ["MANIFEST_BLOB_UNKNOWN"] * 3 == [error["code"] for error in errors]
        assert response.status_code in {400, 404}
        assert 404 == (await client.get_manifest("latest", name)).status_code


@proves("push-2", "push-3")
async def test_index_of_manifests_that_are_not_there(client: Client, name: str) -> None:
    """An index whose manifests aren't there is taken, or refused with MANIFEST_BLOB_UNKNOWN."""
    sparse = index(manifests=[descriptor(artifact(annotations={"of": name}), OCI_MANIFEST)])
    response = await put(client, name, "sparse", sparse)

    if response.status_code == 201:
        assert sparse == (await client.get_manifest("sparse", name)).content
    else:
        assert (400, "MANIFEST_BLOB_UNKNOWN") == (response.status_code, error_code(response))


@proves("push-2", "end-7a")
async def test_sparse(deploy: Deploy, name: str) -> None:
    """Where the configuration allows it, an image and an index are taken without what they name, and served."""
    image = make_image(name).manifest
    listing = index(manifests=[descriptor(artifact(annotations={"of": name}), OCI_MANIFEST)])
    async with deploy(validation=ManifestValidation(sparse_images=True, platforms="none")) as client:
        for manifest in (image, listing):
            response = await put(client, name, digest_of(manifest), manifest)

            assert 201 == response.status_code
            assert manifest == (await client.get_manifest(digest_of(manifest), name)).content


@proves("put-8", "end-7a", "image-11")
@pytest.mark.parametrize("manifest", [artifact(), index()], ids=["image", "index"])
async def test_nothing_inside(client: Client, name: str, manifest: bytes) -> None:
    """An image without layers and an index without manifests are manifests."""
    digest = await pushed(client, name, manifest)

    assert manifest == (await client.get_manifest(digest, name)).content


@proves("put-13", "put-14", "put-16", "end-7b")
@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
async def test_tags_as_parameters(client: Client, name: str, algorithm: str) -> None:
    """A push by digest sets the tags that it names, ten and more, and OCI-Tag names those that were set."""
    digest = await pushed(client, name, artifact(), algorithm=algorithm)
    tags = [f"tag-{number}" for number in range(12)]

    response = await put(client, name, digest, artifact(), *tags)

    told = [tag.strip() for value in response.headers.get_list("oci-tag") for tag in value.split(",")]
    assert (201, tags) == (response.status_code, sorted(told, key=tags.index))
    assert sorted(tags) == (await client.request("GET", f"/v2/{name}/tags/list")).json()["tags"]
    for tag in tags:
        assert digest == (await client.get_manifest(tag, name)).headers["docker-content-digest"]


@proves("put-16", "end-7b")
async def test_tags_as_parameters_move(client: Client, name: str) -> None:
    """A tag that is named as a parameter points to the new manifest from then on; a doubled one is set once."""
    old, new = artifact(annotations={"is": "old"}), artifact(annotations={"is": "new"})
    await pushed(client, name, old)
    await put(client, name, "latest", old)

    response = await put(client, name, digest_of(new), new, "latest", "latest")

    assert 201 == response.status_code
    assert new == (await client.get_manifest("latest", name)).content
    assert ["latest"] == (await client.request("GET", f"/v2/{name}/tags/list")).json()["tags"]


@proves("put-13", "manifest-4", "end-7b")
async def test_tag_as_parameter_that_is_none(client: Client, name: str) -> None:
    """A parameter that is no tag is refused, and nothing is set."""
    await pushed(client, name, artifact())

    response = await put(client, name, digest_of(artifact()), artifact(), "good", "-bad")

    assert 400 == response.status_code
    assert [] == ((await client.request("GET", f"/v2/{name}/tags/list")).json().get("tags") or [])


@proves("put-15", "put-17", "end-7b")
async def test_too_many_tags(client: Client, name: str) -> None:
    """Very many tags are either all set, or refused with 414 (or 431) and none is."""
    digest = await pushed(client, name, artifact())
    tags = [f"{number:0>8}" for number in range(1000)]

    response = await put(client, name, digest, artifact(), *tags)

    found = (await client.request("GET", f"/v2/{name}/tags/list?n=2000")).json().get("tags") or []
    assert (response.status_code, found) in [(201, tags), (414, []), (431, [])]


@proves("put-19", "put-20", "end-7a", "end-7b")
async def test_manifest_over_the_limit(client: Client, name: str) -> None:
    """A manifest far over the limit answers 413, by tag and by digest, and isn't there."""
    await client.push_blob(EMPTY, name)
    large = artifact(annotations={"large": "x" * 3 * FOUR_MEGABYTES})

    for reference in ("large", digest_of(large)):
        response = await put(client, name, reference, large)

        assert 413 == response.status_code
        assert "errors" in response.json()
        assert 404 == (await client.get_manifest(reference, name)).status_code


@proves("put-21", "end-7a")
async def test_manifest_of_four_megabytes(client: Client, name: str) -> None:
    """A manifest of four megabytes is taken and served."""
    await client.push_blob(EMPTY, name)
    frame = len(artifact(annotations={"large": ""}))
    large = artifact(annotations={"large": "x" * (FOUR_MEGABYTES - frame)})
    response = await put(client, name, "large", large)

    assert (FOUR_MEGABYTES, 201) == (len(large), response.status_code)
    assert large == (await client.get_manifest("large", name)).content


@proves("image-5", "push-1", "subject-1")
@pytest.mark.parametrize("digest", UNCOMPUTABLE)
async def test_subject_of_an_unknown_algorithm(client: Client, name: str, digest: str) -> None:
    """A manifest may name a subject, which needn't be there, by a digest that the registry can't compute."""
    manifest = artifact(subject={"mediaType": OCI_MANIFEST, "digest": digest, "size": 7})

    stored = await pushed(client, name, manifest)

    assert manifest == (await client.get_manifest(stored, name)).content


@proves("image-5", "image-10", "put-7")
@pytest.mark.parametrize("digest", [digest_of(b"elsewhere"), *UNCOMPUTABLE])
async def test_layer_that_may_not_be_distributed(deploy: Deploy, name: str, digest: str) -> None:
    """A layer that is elsewhere needn't be here, and may have a digest that the registry can't compute."""
    layer = {"mediaType": NON_DISTRIBUTABLE, "digest": digest, "size": 9, "urls": ["http://layers.test/1"]}
    manifest = artifact(layers=[layer])
    async with deploy(validation=ManifestValidation(allowed_urls=None)) as client:
        stored = await pushed(client, name, manifest)

        assert manifest == (await client.get_manifest(stored, name)).content


@proves("image-6", "image-13")
async def test_data_is_left_alone(client: Client, name: str) -> None:
    """Descriptors come back with the data they had, and without any that they hadn't."""
    bare = artifact()
    filled = artifact(config=descriptor(EMPTY, UNKNOWN_TYPE, data="e30="))

    digests = [await pushed(client, name, manifest) for manifest in (bare, filled)]

    assert [bare, filled] == [(await client.get_manifest(digest, name)).content for digest in digests]


@proves("image-7")
@pytest.mark.parametrize("version", [1, 3, "2", None])
async def test_schema_version(client: Client, name: str, version: object) -> None:
    """A manifest of another schema version is refused."""
    await client.push_blob(EMPTY, name)

    response = await put(client, name, "latest", artifact(schemaVersion=version))

    assert (400, "MANIFEST_INVALID") == (response.status_code, error_code(response))


@proves("image-8", "image-9", "image-10", "image-14")
async def test_unknown_types_and_fields(client: Client, name: str) -> None:
    """Types of artifacts, configurations and layers, and fields, may be anything."""
    layer = await client.push_blob(b"layer", name)
    manifest = artifact(
        artifactType=UNKNOWN_TYPE,
        config=descriptor(EMPTY, UNKNOWN_TYPE, field={"deep": [None]}),
        layers=[{"mediaType": UNKNOWN_TYPE, "digest": layer, "size": 5, "field": True}],
        field=[1, {"two": 3}],
    )

    digest = await pushed(client, name, manifest)

    assert manifest == (await client.get_manifest(digest, name)).content


@proves("image-12", "image-14")
@pytest.mark.parametrize("kept_as", ["manifest", "blob"])
async def test_unknown_types_in_an_index(client: Client, name: str, kept_as: str) -> None:
    """An index may list an entry of any type, if the repository has it, and fields that nobody knows."""
    content = artifact(annotations={"kept as": kept_as})
    if kept_as == "manifest":
        await pushed(client, name, content)
    else:
        await client.push_blob(content, name)
    listing = index(manifests=[descriptor(content, UNKNOWN_TYPE, field=1)], field="anything")

    digest = await pushed(client, name, listing)

    assert listing == (await client.get_manifest(digest, name)).content
