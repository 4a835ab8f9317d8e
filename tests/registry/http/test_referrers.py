import asyncio
import json
from typing import Any

import pytest

from holdfast.registry.http.urls import Urls
from holdfast.registry.model.manifest import MAX_MANIFEST_BYTES
from holdfast.storage.driver import StorageDriver
from holdfast.testing.drivers import CountingDriver
from tests.registry.artifacts import (
    EMPTY,
    SBOM,
    SIGNATURE,
    SUBJECT,
    digests,
    make_artifact,
    make_artifact_index,
    referrers,
)
from tests.registry.client import (
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
)
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio


def described(image: Image, **more: Any) -> dict[str, Any]:
    """What the list should say of a manifest."""
    return descriptor(image.manifest, image.media_type, **more)


async def test_descriptors(client: Client) -> None:
    """A referrer is listed with its type, size, annotations and artifact type, that of its configuration if need be."""
    typed = make_artifact(SUBJECT, "typed", kind=SBOM, annotations={"a": "b", "ä": "\x00"})
    untyped = make_artifact(SUBJECT, "untyped", kind=None, config_type=SIGNATURE)
    emptily_typed = make_artifact(SUBJECT, "empty", kind="", config_type=SIGNATURE, annotations={})
    index = make_artifact_index(SUBJECT, annotations={"c": "d"})
    typed_index = make_artifact_index(SUBJECT, kind=SBOM)
    expected = [
        described(typed, artifactType=SBOM, annotations={"a": "b", "ä": "\x00"}),
        described(untyped, artifactType=SIGNATURE, annotations={"org.example.seed": "untyped"}),
        described(emptily_typed, artifactType=SIGNATURE),
        described(index, annotations={"c": "d"}),
        described(typed_index, artifactType=SBOM),
    ]
    await client.push_image(SUBJECT)
    for image in (typed, untyped, emptily_typed, index, typed_index):
        await client.push_image(image)

    assert sorted(expected, key=str) == sorted(await referrers(client, SUBJECT.digest), key=str)


@pytest.mark.parametrize("name", [NAME, "no/such/repository"])
async def test_none(storage: Storage, client: Client, name: str) -> None:
    """Where nothing refers to a digest, in whatever repository, the list is empty; asking for it leaves nothing."""
    await client.push_image(SUBJECT)
    await client.push_image(make_artifact(SUBJECT, "other"), name="library/other")
    before = await storage.files()
    response = await client.request("GET", f"/v2/{name}/referrers/{SUBJECT.digest}")

    assert (200, OCI_INDEX) == (response.status_code, response.headers["content-type"])
    assert {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []} == response.json()
    marker = {path for path in set(await storage.files()) - set(before) if not path.endswith("_referrers/complete")}
    assert set() == marker
    assert not any(name in path for path in await storage.files()) or name == NAME


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"{NAME}/referrers/sha256:short", "DIGEST_INVALID"),
        (f"{NAME}/referrers/latest", "DIGEST_INVALID"),
        (f"{NAME}/referrers/md5:{'a' * 32}", "DIGEST_INVALID"),
        (f"{NAME}/referrers/{SUBJECT.digest}?last=x", "DIGEST_INVALID"),
        (f"UPPER/referrers/{SUBJECT.digest}", "NAME_INVALID"),
    ],
)
async def test_bad_requests(client: Client, method: str, path: str, code: str) -> None:
    """What isn't a digest or a name is refused."""
    response = await client.request(method, f"/v2/{path}")

    assert 400 == response.status_code
    assert method == "HEAD" or code == error_code(response)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_other_methods(client: Client, method: str) -> None:
    """The list can only be read."""
    response = await client.request(method, f"/v2/{NAME}/referrers/{SUBJECT.digest}")

    assert (405, "GET, HEAD") == (response.status_code, response.headers["allow"])


async def test_head(client: Client) -> None:
    """HEAD answers with the fields that GET has, and no content."""
    await client.push_image(make_artifact(SUBJECT))
    path = f"/v2/{NAME}/referrers/{SUBJECT.digest}?artifactType=x"
    got, head = [await client.request(method, path) for method in ("GET", "HEAD")]

    assert b"" == head.content
    assert dict(got.headers) == dict(head.headers)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", {"sbom", "signature", "index"}),
        (f"?artifactType={SBOM}", {"sbom"}),
        (f"?artifactType={SIGNATURE}", {"signature"}),
        (f"?artifactType={SBOM}&artifactType={SIGNATURE}", {"sbom", "signature"}),
        ("?artifactType=application/other", set()),
        ("?artifactType=application/vnd.oci.empty.v1%2Bjson", set()),
        ("?artifactType=", {"sbom", "signature", "index"}),
    ],
)
async def test_filter(client: Client, query: str, expected: set[str]) -> None:
    """A filter by artifact type lets through what has it, and the answer says that it was applied."""
    images = {
        "sbom": make_artifact(SUBJECT, kind=SBOM),
        "signature": make_artifact(SUBJECT, kind=None, config_type=SIGNATURE),
        "index": make_artifact_index(SUBJECT),
    }
    for image in images.values():
        await client.push_image(image)
    response = await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}{query}")

    assert {images[name].digest for name in expected} == await digests(client, SUBJECT, query=query)
    applied = None if query in {"", "?artifactType="} else "artifactType"
    assert applied == response.headers.get("oci-filters-applied")


@pytest.mark.parametrize("reference", ["tag", None])
@pytest.mark.parametrize("image", [make_artifact(SUBJECT), make_artifact_index(SUBJECT)], ids=["image", "index"])
async def test_subject_is_answered(client: Client, image: Image, reference: str | None) -> None:
    """A push with a subject is answered with it, each time; one without isn't."""
    await client.push_image(make_image())
    for blob in image.blobs:
        await client.push_blob(blob)
    for _ in range(2):
        response = await client.put_manifest(reference or image.digest, image.manifest, image.media_type)
        assert (201, SUBJECT.digest) == (response.status_code, response.headers["oci-subject"])
    response = await client.put_manifest("other", make_image().manifest)
    assert "oci-subject" not in response.headers


async def test_any_order(client: Client) -> None:
    """A referrer may come before its subject, stays when that goes, and is there when that comes back."""
    artifact = make_artifact(SUBJECT)
    await client.push_image(artifact)
    assert {artifact.digest} == await digests(client, SUBJECT)
    await client.push_image(SUBJECT)
    assert {artifact.digest} == await digests(client, SUBJECT)
    await client.request("DELETE", f"/v2/{NAME}/manifests/{SUBJECT.digest}")
    assert 404 == (await client.get_manifest(SUBJECT.digest)).status_code
    assert {artifact.digest} == await digests(client, SUBJECT)


async def test_chain(client: Client) -> None:
    """What refers to a referrer is listed there, and not with the first subject."""
    artifact = make_artifact(SUBJECT)
    signature = make_artifact(artifact, kind=SIGNATURE)
    for image in (signature, artifact, SUBJECT):
        await client.push_image(image)

    assert {artifact.digest} == await digests(client, SUBJECT)
    assert {signature.digest} == await digests(client, artifact)
    assert set() == await digests(client, signature)


async def test_delete(storage: Storage, client: Client) -> None:
    """A deleted referrer isn't listed any more, nothing of its entry stays, and it can be pushed again."""
    artifact, other = make_artifact(SUBJECT, "one"), make_artifact(SUBJECT, "two")
    for image in (artifact, other):
        await client.push_image(image)
    await client.request("DELETE", f"/v2/{NAME}/manifests/{artifact.digest}")

    assert {other.digest} == await digests(client, SUBJECT)
    assert not any(artifact.digest.partition(":")[2] in path for path in await storage.files() if "_referrers" in path)
    await client.push_image(artifact)
    assert {artifact.digest, other.digest} == await digests(client, SUBJECT)


async def test_repositories_apart(client: Client) -> None:
    """A referrer counts in the repositories that have it, also when its content is known from another."""
    artifact = make_artifact(SUBJECT)
    await client.push_image(artifact)
    await client.push_image(artifact, name="library/app/below")
    await client.request("DELETE", f"/v2/{NAME}/manifests/{artifact.digest}")

    assert set() == await digests(client, SUBJECT)
    assert {artifact.digest} == await digests(client, SUBJECT, "library/app/below")


async def test_sha512(client: Client) -> None:
    """A subject and its referrers may be known by sha512."""
    subject = Image(SUBJECT.manifest, OCI_MANIFEST, SUBJECT.blobs)
    subject.digest = digest_of(subject.manifest, "sha512")
    by_sha256, by_sha512 = make_artifact(subject, "one"), make_artifact(subject, "two")
    await client.push_image(by_sha256)
    digest = digest_of(by_sha512.manifest, "sha512")
    response = await client.put_manifest(digest, by_sha512.manifest)

    assert (201, subject.digest) == (response.status_code, response.headers["oci-subject"])
    assert {by_sha256.digest, digest} == await digests(client, subject)
    assert set() == await digests(client, SUBJECT)


async def test_docker_subject(client: Client) -> None:
    """A Docker image is as good a subject as any."""
    subject = make_image(media_type=DOCKER_MANIFEST)
    artifact = make_artifact(subject)
    await client.push_image(artifact)

    assert {artifact.digest} == await digests(client, subject)


@pytest.mark.parametrize("query", ["", f"?artifactType={SBOM}"])
async def test_pages(storage: Storage, query: str) -> None:
    """A list that is too long for one answer comes in several, none longer than a manifest, and keeps its filter."""
    images = [make_artifact(SUBJECT, str(number), annotations={"long": str(number) * 1_900_000}) for number in range(5)]
    whole = make_artifact(SUBJECT, "largest", annotations={"long": ""})
    padding = "x" * (MAX_MANIFEST_BYTES - len(whole.manifest))
    images.append(make_artifact(SUBJECT, "largest", annotations={"long": padding}))
    async with storage.client() as client:
        for image in images:
            await client.push_image(image)
    prefix = "/somewhere"
    async with storage.client(urls=Urls(prefix=prefix)) as client:
        path = f"{prefix}/v2/{NAME}/referrers/{SUBJECT.digest}{query}"
        sizes, found = [], []
        while path:
            response = await client.request("GET", path)
            sizes.append(len(response.content))
            found += [each["digest"] for each in response.json()["manifests"]]
            assert bool(query) == ("oci-filters-applied" in response.headers)
            path = response.links["next"]["url"] if "next" in response.links else ""
            assert not path or (path.startswith(prefix) and bool(query) == ("artifactType=" in path))

    assert sorted(image.digest for image in images) == found
    assert 1 < len(sizes)
    assert MAX_MANIFEST_BYTES >= max(sizes)


async def test_pushed_at_once(storage: Storage) -> None:
    """Referrers that are pushed at the same time, by way of two replicas, are all listed."""
    images = [make_artifact(SUBJECT, str(number)) for number in range(40)]
    async with storage.client() as one, storage.client() as two:
        await one.push_blob(EMPTY)
        await asyncio.gather(
            *((one, two)[number % 2].put_manifest(image.digest, image.manifest) for number, image in enumerate(images))
        )

        assert {image.digest for image in images} == await digests(one, SUBJECT)
        assert {image.digest for image in images} == await digests(two, SUBJECT)


async def test_operations(storage: Storage) -> None:
    """A referrer costs a push two operations; a list costs one for each referrer and three for itself."""
    counting: list[CountingDriver] = []

    def count(driver: StorageDriver) -> StorageDriver:
        counting.append(CountingDriver(driver))
        return counting[0]

    images = [make_artifact(SUBJECT, str(number)) for number in range(3)]
    async with storage.client(count) as client:
        await client.push_blob(EMPTY)
        for image in images[1:]:
            await client.put_manifest(image.digest, image.manifest)
        counting[0].reset()
        await client.put_manifest(images[0].digest, images[0].manifest)
        # The blob's link and content; then content, entry and link; then whether the entry is there.
        counting[0].expect({"stat": 2 + 1, "put_content": 2 + 1})
        await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}")
        counting[0].reset()
        await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}")
        counting[0].expect({"stat": 1 + 3, "get_content": 1, "list": 1})
        await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}?artifactType=none")
        counting[0].expect({"stat": 1, "get_content": 1, "list": 1})


async def test_in_step_with_the_manifest(client: Client) -> None:
    """The list of a subject that is pushed, deleted and pushed again by tag goes along."""
    artifact = make_artifact(SUBJECT)
    for _ in range(3):
        await client.push_image(artifact, "tag")
        assert {artifact.digest} == await digests(client, SUBJECT)
        await client.request("DELETE", f"/v2/{NAME}/manifests/tag")
        assert {artifact.digest} == await digests(client, SUBJECT)
        await client.request("DELETE", f"/v2/{NAME}/manifests/{artifact.digest}")
        assert set() == await digests(client, SUBJECT)


async def test_json(client: Client) -> None:
    """What a client wrote into its annotations comes back as text, whatever it is."""
    strange = {"</script>": '"\\', "emoji": "🦭", "control": "\x1f\u2028", "": ""}
    artifact = make_artifact(SUBJECT, annotations=strange)
    await client.push_image(artifact)
    response = await client.request("GET", f"/v2/{NAME}/referrers/{SUBJECT.digest}")

    assert strange == json.loads(response.content)["manifests"][0]["annotations"]
