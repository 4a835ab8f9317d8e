"""Referrers: their list, the filter, pages, and what was there before the list."""

import json
from typing import Any

import httpx
import pytest

from holdfast.registry.model.digest import parse_digest
from holdfast.registry.store import paths
from tests.conformance.links import next_page
from tests.conformance.manifests import EMPTY, EMPTY_TYPE, artifact, index, pushed, put
from tests.conformance.requirements import proves
from tests.registry.client import OCI_INDEX, OCI_MANIFEST, Client, descriptor, digest_of, error_code
from tests.registry.storages import Storage

pytestmark = pytest.mark.anyio

SBOM, SIGNATURE = "application/vnd.example.sbom.v1", "application/vnd.example.signature.v1+json"
SUBJECT = artifact(annotations={"is": "the subject"})
ALGORITHMS = ["sha256", "sha512"]


def refers_to(algorithm: str = "sha256", subject: bytes = SUBJECT) -> dict[str, Any]:
    """The subject's descriptor."""
    return descriptor(subject, OCI_MANIFEST) | {"digest": digest_of(subject, algorithm)}


async def ask(client: Client, name: str, digest: str, **params: str) -> httpx.Response:
    """Ask for the referrers of a digest."""
    return await client.request("GET", f"/v2/{name}/referrers/{digest}", params=params)


def listed(response: httpx.Response) -> dict[str, dict[str, Any]]:
    """The descriptors of an answer by digest; checks that it is an image index."""
    document = response.json()
    assert 200 == response.status_code
    assert OCI_INDEX == response.headers["content-type"]
    assert (2, OCI_INDEX) == (document["schemaVersion"], document["mediaType"])
    found = {item["digest"]: item for item in document["manifests"]}
    assert len(found) == len(document["manifests"])
    return found


@proves("subject-1", "push-1", "upgrade-3", "end-7a")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("is_there", [True, False], ids=["subject there", "subject missing"])
@pytest.mark.parametrize("by_tag", [True, False], ids=["by tag", "by digest"])
async def test_subject_is_told(client: Client, name: str, algorithm: str, is_there: bool, by_tag: bool) -> None:  # noqa: FBT001 - parameters
    """The push of an image or an index with a subject says that the subject was seen, and the list has it at once."""
    subject = refers_to(algorithm)
    await client.push_blob(EMPTY, name)
    if is_there:
        await pushed(client, name, SUBJECT, algorithm=algorithm)
    for referrer in (artifact(subject=subject), index(subject=subject)):
        response = await put(client, name, "referrer" if by_tag else digest_of(referrer), referrer)

        assert (201, subject["digest"]) == (response.status_code, response.headers.get("oci-subject"))
        assert digest_of(referrer) in listed(await ask(client, name, subject["digest"]))


@proves("subject-1")
async def test_no_subject_is_told(client: Client, name: str) -> None:
    """A manifest without a subject isn't said to have one."""
    await client.push_blob(EMPTY, name)

    response = await put(client, name, "latest", artifact())

    assert 201 == response.status_code
    assert "oci-subject" not in response.headers


@proves("referrers-1", "referrers-2", "referrers-4", "referrers-5", "referrers-10", "end-12a")
@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("what", ["no repository", "no manifest", "no referrers", "another repository's"])
async def test_none(client: Client, name: str, algorithm: str, what: str) -> None:
    """No referrers are an empty index, never an error."""
    digest = digest_of(SUBJECT, algorithm)
    if what == "no manifest":
        await pushed(client, name, artifact())
    elif what == "no referrers":
        await pushed(client, name, SUBJECT, algorithm=algorithm)
    elif what == "another repository's":
        await pushed(client, f"{name}/other", artifact(subject=refers_to(algorithm)))

    assert {} == listed(await ask(client, name, digest))
    assert {} == listed(await ask(client, name, digest, artifactType=SBOM))


@proves(
    "referrers-1",
    "referrers-4",
    "referrers-5",
    "referrers-6",
    "referrers-7",
    "referrers-8",
    "referrers-9",
    "end-12a",
    "general-2",
)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_list(client: Client, name: str, algorithm: str) -> None:
    """Each referrer is listed with its type, size, digest, annotations and kind of artifact."""
    subject = refers_to(algorithm)
    notes = {"org.example.key": "value", "empty": ""}
    await client.push_blob(b"config", name)
    named = artifact(subject=subject, artifactType=SBOM, annotations=notes)
    by_config = artifact(subject=subject, config=descriptor(b"config", SIGNATURE))
    empty_kind = artifact(subject=subject, artifactType="")
    index_named = index(subject=subject, artifactType=SBOM, annotations=notes)
    index_bare = index(subject=subject)
    index_empty_kind = index(subject=subject, artifactType="")
    referrers: dict[bytes, dict[str, Any]] = {
        named: {"artifactType": SBOM, "annotations": notes, "mediaType": OCI_MANIFEST},
        by_config: {"artifactType": SIGNATURE, "mediaType": OCI_MANIFEST},
        empty_kind: {"artifactType": EMPTY_TYPE, "mediaType": OCI_MANIFEST},
        index_named: {"artifactType": SBOM, "annotations": notes, "mediaType": OCI_INDEX},
        index_bare: {"mediaType": OCI_INDEX},
        index_empty_kind: {"mediaType": OCI_INDEX},
    }
    for referrer in referrers:
        await pushed(client, name, referrer)

    expected = {
        digest_of(referrer): {"digest": digest_of(referrer), "size": len(referrer)} | fields
        for referrer, fields in referrers.items()
    }
    assert expected == listed(await ask(client, name, subject["digest"]))


@proves("referrers-4", "upgrade-3")
async def test_list_is_of_one_subject(client: Client, name: str) -> None:
    """A referrer is in the list of its own subject alone, and in its own repository's."""
    other = artifact(annotations={"is": "another subject"})
    mine = artifact(subject=refers_to(), annotations={"of": "mine"})
    others = artifact(subject=refers_to(subject=other))
    for referrer in (mine, others):
        await pushed(client, name, referrer)
    await pushed(client, f"{name}/other", artifact(subject=refers_to(), annotations={"of": "another repository"}))

    assert {digest_of(mine)} == set(listed(await ask(client, name, digest_of(SUBJECT))))
    assert {digest_of(others)} == set(listed(await ask(client, name, digest_of(other))))


@proves("referrers-4", "upgrade-3", "delete-5")
async def test_deleted_referrer(client: Client, name: str) -> None:
    """A referrer that was deleted is not in the list, one that was pushed twice is there once."""
    stays, goes = (artifact(subject=refers_to(), annotations={"is": word}) for word in ("staying", "going"))
    for referrer in (stays, goes, stays):
        await pushed(client, name, referrer)

    deleted = await client.request("DELETE", f"/v2/{name}/manifests/{digest_of(goes)}")

    assert 202 == deleted.status_code
    assert {digest_of(stays)} == set(listed(await ask(client, name, digest_of(SUBJECT))))


@proves("referrers-2", "upgrade-3")
async def test_deleted_subject(client: Client, name: str) -> None:
    """Referrers stay listed when their subject is deleted."""
    referrer = artifact(subject=refers_to())
    for manifest in (SUBJECT, referrer):
        await pushed(client, name, manifest)

    await client.request("DELETE", f"/v2/{name}/manifests/{digest_of(SUBJECT)}")

    assert {digest_of(referrer)} == set(listed(await ask(client, name, digest_of(SUBJECT))))


@proves("referrers-3", "end-12a", "end-12b")
@pytest.mark.parametrize("digest", ["latest", "sha256:abc", "sha256:" + "A" * 64, "md5", "sha256", "sha256:"])
async def test_no_digest(client: Client, name: str, digest: str) -> None:
    """What is no digest is refused, also where a filter is asked for."""
    await pushed(client, name, artifact(subject=refers_to()))

    answers = [await ask(client, name, digest), await ask(client, name, digest, artifactType=SBOM)]

    assert [(400, "DIGEST_INVALID")] * 2 == [(answer.status_code, error_code(answer)) for answer in answers]


@proves("referrers-13", "referrers-14", "referrers-15", "end-12b")
async def test_filter(client: Client, name: str) -> None:
    """The referrers of one kind are listed alone, and the answer says that it was filtered, and by what."""
    kinds = {SBOM: 2, SIGNATURE: 1}
    for kind, count in kinds.items():
        for number in range(count):
            await pushed(client, name, artifact(subject=refers_to(), artifactType=kind, annotations={"n": str(number)}))
    await pushed(client, name, index(subject=refers_to()))

    for kind, count in (kinds | {"application/vnd.example.none": 0}).items():
        response = await ask(client, name, digest_of(SUBJECT), artifactType=kind)

        found = listed(response)
        assert "artifactType" == response.headers["oci-filters-applied"]
        assert [kind] * count == [item["artifactType"] for item in found.values()]


@proves("referrers-13", "referrers-7", "end-12b")
async def test_filter_by_configuration(client: Client, name: str) -> None:
    """The filter goes by what is listed: the configuration's type where there is no artifactType."""
    await client.push_blob(b"config", name)
    referrer = artifact(subject=refers_to(), config=descriptor(b"config", SIGNATURE))
    await pushed(client, name, referrer)

    assert {digest_of(referrer)} == set(listed(await ask(client, name, digest_of(SUBJECT), artifactType=SIGNATURE)))
    assert set() == set(listed(await ask(client, name, digest_of(SUBJECT), artifactType=EMPTY_TYPE)))


@proves("referrers-14")
async def test_no_filter(client: Client, name: str) -> None:
    """Where no filter is asked for, none is said to have been applied."""
    await pushed(client, name, artifact(subject=refers_to()))

    assert "oci-filters-applied" not in (await ask(client, name, digest_of(SUBJECT))).headers


@proves("referrers-11", "referrers-12")
@pytest.mark.parametrize("kind", [None, SBOM], ids=["all", "filtered"])
async def test_pages(client: Client, name: str, kind: str | None) -> None:
    """A list that is larger than a manifest may be comes in several, and the Links lead through all of it."""
    large = {"note": "x" * 900_000}
    referrers = [
        artifact(subject=refers_to(), artifactType=SBOM, annotations=large | {"n": str(number)}) for number in range(6)
    ]
    for referrer in referrers:
        await pushed(client, name, referrer)
    seen: list[str] = []
    response = await ask(client, name, digest_of(SUBJECT), **({"artifactType": kind} if kind else {}))
    while True:
        seen += listed(response)
        assert len(response.content) <= 4 * 1024 * 1024
        assert kind is None or "artifactType" == response.headers["oci-filters-applied"]
        link = next_page(response)
        if link is None:
            break
        response = await client.request("GET", link)

    assert sorted(map(digest_of, referrers)) == sorted(seen)


async def write_as_before(storage: Storage, name: str, manifest: bytes, tag: str | None = None) -> None:
    """Store a manifest as registries without the endpoint did: the content, the link and the tag, and nothing else."""
    digest = parse_digest(digest_of(manifest))
    await storage.put(paths.blob_data(digest), manifest)
    await storage.put(paths.revision_link(name, digest), str(digest).encode())
    if tag is not None:
        await storage.put(paths.tag_current_link(name, tag), str(digest).encode())
        await storage.put(paths.tag_index_link(name, tag, digest), str(digest).encode())


@proves("upgrade-1", "upgrade-2", "upgrade-3")
async def test_what_was_there_before(client: Client, storage: Storage, name: str) -> None:
    """Referrers that were pushed before there was a list are in it, by their tag or without one; so are new ones."""
    before, untagged, after = (
        artifact(subject=refers_to(), annotations={"pushed": when}) for when in ("before", "untagged", "after")
    )
    digest = digest_of(SUBJECT)
    fallback = index(manifests=[descriptor(before, OCI_MANIFEST, artifactType=EMPTY_TYPE)])
    for manifest in (SUBJECT, before, untagged):
        await write_as_before(storage, name, manifest)
    await write_as_before(storage, name, fallback, digest.replace(":", "-"))

    found = set(listed(await ask(client, name, digest)))
    await pushed(client, name, after)
    found_later = set(listed(await ask(client, name, digest)))

    assert {digest_of(before), digest_of(untagged)} == found
    assert {digest_of(before), digest_of(untagged), digest_of(after)} == found_later


@proves("upgrade-1", "referrers-4")
async def test_tag_of_referrers_that_says_too_much(client: Client, storage: Storage, name: str) -> None:
    """What a referrers tag lists is in the answer only if it is there, and names the subject itself."""
    stranger = artifact(annotations={"is": "no referrer"})
    digest = digest_of(SUBJECT)
    entries = [descriptor(stranger, OCI_MANIFEST), descriptor(b'{"never": "pushed"}', OCI_MANIFEST)]
    await write_as_before(storage, name, stranger)
    await write_as_before(storage, name, index(manifests=entries), digest.replace(":", "-"))

    assert {} == listed(await ask(client, name, digest))


@proves("referrers-9", "image-14")
async def test_odd_annotations(client: Client, name: str) -> None:
    """Annotations come back as they were, whatever characters are in them."""
    notes = {"ключ": '"quotes" \\ \n\u2028 🎉', "a" * 300: "b"}
    referrer = artifact(subject=refers_to(), annotations=notes)
    await pushed(client, name, referrer)

    found = listed(await ask(client, name, digest_of(SUBJECT)))

    assert notes == found[digest_of(referrer)]["annotations"] == json.loads(referrer)["annotations"]
