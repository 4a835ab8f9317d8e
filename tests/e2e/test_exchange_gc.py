"""The Go registry's own garbage collection on what Holdfast wrote: an operator may have it in a nightly job."""

import re
import subprocess

import pytest

from tests.services.documents import Document, image, index, sha256
from tests.services.endpoints import Endpoints
from tests.services.holdfast_server import HOLDFAST as COMMAND
from tests.services.shared_storage import GO, HOLDFAST, SharedFolder

pytestmark = pytest.mark.e2e

_SIGNATURE = "application/vnd.example.signature"
_ELIGIBLE = re.compile(r"^blob eligible for deletion: (\S+)$", re.MULTILINE)


def _image(number: int, *, docker: bool = False) -> Document:
    return image(b'{"number": %d}' % number, [b"shared layer", b"layer %d" % number], docker=docker)


def _signature(subject: Document, number: int = 0) -> Document:
    return image(b"{}", [b"signature %d" % number], artifact=_SIGNATURE, subject=subject)


_FIRST, _SECOND, _DOCKER, _GONE = _image(1), _image(2), _image(3, docker=True), _image(4)
_INNER = index([_FIRST, _SECOND])
_OUTER = index([_INNER, _image(5)], note="outer")
_LIST = index([_DOCKER], docker=True)
_ABSENT = _image(99)
_KEPT = {
    "tagged": (_FIRST, _signature(_FIRST), _signature(_FIRST, 1), _signature(_signature(_FIRST)), _signature(_ABSENT)),
    "a/nested/name": (_FIRST, _SECOND, _INNER, *_OUTER.children, _OUTER, _signature(_OUTER)),
    "docker": (_DOCKER, _LIST),
    "mounted": (_SECOND,),
}


def _write(endpoints: Endpoints) -> None:
    """Writes all that is to be kept, and garbage: a deleted image, a deleted signature and a blob of no image."""
    for name, documents in _KEPT.items():
        for document in documents:
            endpoints.push(name, document)
    endpoints.put_manifest("tagged", "v1", _FIRST)
    endpoints.put_manifest("a/nested/name", "multi", _OUTER)
    endpoints.put_manifest("docker", "list", _LIST)
    for data in _FIRST.blobs:
        endpoints.mount_blob("mounted", sha256(data), source="tagged")
    endpoints.put_manifest("mounted", "v1", _FIRST)
    endpoints.push("tagged", _GONE, "gone")
    endpoints.push("tagged", _signature(_FIRST, 2))
    endpoints.delete("tagged", "manifests", _GONE.digest)
    endpoints.delete("tagged", "manifests", _signature(_FIRST, 2).digest)
    endpoints.push_blob("blobs/only", b"a blob of no image")


_GARBAGE = {_GONE.digest, *map(sha256, (_GONE.blobs[0], _GONE.blobs[2]))} | {
    _signature(_FIRST, 2).digest,
    sha256(b"signature 2"),
    sha256(b"a blob of no image"),
}


def _check_kept(endpoints: Endpoints) -> None:
    """Checks that everything that is to be kept is served, byte for byte, by digest and by tag."""
    for name, documents in _KEPT.items():
        for document in documents:
            assert (document.media_type, document.content) == endpoints.manifest(name, document.digest)

            for data in document.blobs:
                assert data == endpoints.blob(name, sha256(data))
    tags = [("tagged", "v1", _FIRST), ("a/nested/name", "multi", _OUTER), ("docker", "list", _LIST)]

    assert [(document.media_type, document.content) for _, _, document in tags] == [
        endpoints.manifest(name, tag) for name, tag, _ in tags
    ]


def _referrers(endpoints: Endpoints) -> list[list[str]]:
    subjects = [("tagged", _FIRST), ("tagged", _signature(_FIRST)), ("tagged", _ABSENT), ("a/nested/name", _OUTER)]
    return [endpoints.referrers(name, subject.digest) for name, subject in subjects]


def _sorted_digests(*documents: Document) -> list[str]:
    return sorted(document.digest for document in documents)


def test_garbage_collection_of_the_go_registry(folder: SharedFolder) -> None:
    """A dry run names the garbage and removes nothing; the real one removes that and nothing that is referred to."""
    with folder.endpoints_of(HOLDFAST) as endpoints:
        _write(endpoints)
        referrers = _referrers(endpoints)
    before = folder.files()

    assert _GARBAGE == set(_ELIGIBLE.findall(folder.collect_garbage("--dry-run")))
    assert before == folder.files()
    assert [
        _sorted_digests(_signature(_FIRST), _signature(_FIRST, 1)),
        _sorted_digests(_signature(_signature(_FIRST))),
        _sorted_digests(_signature(_ABSENT)),
        _sorted_digests(_signature(_OUTER)),
    ] == referrers

    folder.collect_garbage()

    assert {path for digest in _GARBAGE for path in before if f"/{digest[7:9]}/{digest[7:]}/data" in path} == (
        before.keys() - folder.files().keys()
    )

    with folder.endpoints_of(GO) as endpoints:
        _check_kept(endpoints)
    with folder.endpoints_of(HOLDFAST) as endpoints:
        _check_kept(endpoints)

        assert referrers == _referrers(endpoints)
        # By design the Go registry leaves the link of a blob that it swept: it counts as missing, and a push mends it.
        assert endpoints.blob("blobs/only", sha256(b"a blob of no image")) is None

        endpoints.push("tagged", _GONE, "back")

        assert (_GONE.media_type, _GONE.content) == endpoints.manifest("tagged", "back")


def test_garbage_collection_of_untagged_manifests(folder: SharedFolder) -> None:
    """By design `--delete-untagged` takes signatures and an index's images for garbage; Holdfast lists what is left."""
    with folder.endpoints_of(HOLDFAST) as endpoints:
        _write(endpoints)

    folder.collect_garbage("--delete-untagged")

    with folder.endpoints_of(HOLDFAST) as endpoints:
        assert [[], [], [], []] == _referrers(endpoints)
        assert ["v1"] == endpoints.tags("tagged")
        assert (_FIRST.media_type, _FIRST.content) == endpoints.manifest("tagged", "v1")
        assert endpoints.manifest("tagged", _signature(_FIRST).digest) is None
        # What was attached before can be attached again.
        endpoints.push("tagged", _signature(_FIRST))

        assert [_signature(_FIRST).digest] == endpoints.referrers("tagged", _FIRST.digest)


def test_referrers_that_the_go_registry_wrote_and_deleted(folder: SharedFolder) -> None:
    """What the Go registry attached before Holdfast came is listed, what it deletes is not; a rebuild finds the rest.

    By design what the Go registry attaches after Holdfast has built its index waits for `holdfast index rebuild`.
    """
    first, second, third = (_signature(_FIRST, number) for number in range(3))
    with folder.endpoints_of(GO) as endpoints:
        endpoints.push("signed", _FIRST, "v1")
        endpoints.push("signed", first)
    with folder.endpoints_of(HOLDFAST) as endpoints:
        assert [first.digest] == endpoints.referrers("signed", _FIRST.digest)

        endpoints.push("signed", second)

        assert _sorted_digests(first, second) == endpoints.referrers("signed", _FIRST.digest)
    with folder.endpoints_of(GO) as endpoints:
        assert 202 == endpoints.delete("signed", "manifests", first.digest)

        endpoints.push("signed", third)
    with folder.endpoints_of(HOLDFAST) as endpoints:
        listed = endpoints.referrers("signed", _FIRST.digest)

        assert second.digest in listed
        assert first.digest not in listed

    subprocess.run([COMMAND, "index", "rebuild", "--root", folder.root], check=True, timeout=60)

    with folder.endpoints_of(HOLDFAST) as endpoints:
        assert _sorted_digests(second, third) == endpoints.referrers("signed", _FIRST.digest)
