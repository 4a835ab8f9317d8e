"""Holdfast and the Go registry on one data folder, step by step: what one did, the other serves, and can go on with.

`test_go_registry.py` has the same with a real client and real images; here is what no client does alone.
"""

from pathlib import Path

import pytest

from tests.services.documents import Document, image, index, sha256, sha512
from tests.services.endpoints import Endpoints
from tests.services.shared_storage import GO, HOLDFAST, SharedFolder
from tests.services.tools import Tool

pytestmark = pytest.mark.e2e

_both_ways = pytest.mark.parametrize(
    ("writer", "reader"), [(HOLDFAST, GO), (GO, HOLDFAST)], ids=["go-reads-ours", "we-read-go"]
)


def _image(number: int, *, docker: bool = False) -> Document:
    """One of many images that share a layer."""
    return image(b'{"number": %d}' % number, [b"shared layer", b"layer %d" % number], docker=docker)


def _served(endpoints: Endpoints, name: str, *documents: Document) -> list[str]:
    """Of some documents the digests of those that come back with their type and bytes, by digest, all blobs too."""
    return [
        document.digest
        for document in documents
        if (document.media_type, document.content) == endpoints.manifest(name, document.digest)
        and all(data == endpoints.blob(name, sha256(data)) for data in document.blobs)
    ]


def _digests(*documents: Document) -> list[str]:
    return [document.digest for document in documents]


def _pointed_to(endpoints: Endpoints, name: str, *tags: str) -> list[str]:
    """The digests of what tags point to, empty for those that aren't there."""
    found = [endpoints.manifest(name, tag) for tag in tags]
    return ["" if manifest is None else sha256(manifest[1]) for manifest in found]


@_both_ways
def test_nested_indexes(folder: SharedFolder, writer: str, reader: str) -> None:
    """Indexes of images, and of indexes, come back from the other with all that they name, OCI's and Docker's."""
    first, second, third = (_image(number) for number in range(3))
    inner = index([first, second])
    outer = index([inner, third], note="outer")
    docker = index([_image(number, docker=True) for number in range(2)], docker=True)
    with folder.endpoints_of(writer) as endpoints:
        endpoints.push("multi", outer, "nested")
        endpoints.push("multi", docker, "docker")
    with folder.endpoints_of(reader) as endpoints:
        pointed_to = _pointed_to(endpoints, "multi", "nested", "docker")
        everything = (first, second, third, inner, outer, docker, *docker.children)

        assert _digests(outer, docker) == pointed_to
        assert _digests(*everything) == _served(endpoints, "multi", *everything)
        # What lies in storage is enough for the other to take a further index of it.
        assert 201 == endpoints.put_manifest("multi", "more", index([outer, first], note="more"))


@_both_ways
def test_tag_that_moved_ten_times(folder: SharedFolder, writer: str, reader: str) -> None:
    """A tag names the last of ten images, the others are there by digest, and both keep the same history of it."""
    images = [_image(number) for number in range(10)]
    with folder.endpoints_of(writer) as endpoints:
        for document in images[:7]:
            endpoints.push("moving", document, "latest")
    with folder.endpoints_of(reader) as endpoints:
        for document in images[7:]:
            endpoints.push("moving", document, "latest")
        # And once more what it named before: the history knows each image once.
        endpoints.push("moving", images[3], "latest")
    with folder.endpoints_of(writer) as endpoints:
        assert [images[3].digest] == _pointed_to(endpoints, "moving", "latest")
        assert ["latest"] == endpoints.tags("moving")
        assert _digests(*images) == _served(endpoints, "moving", *images)
    history = "repositories/moving/_manifests/tags/latest/index/sha256"

    assert {f"{history}/{digest.removeprefix('sha256:')}/link": digest.encode() for digest in _digests(*images)} == {
        path: content for path, content in folder.files().items() if path.startswith(history)
    }


@_both_ways
def test_mounts(folder: SharedFolder, writer: str, reader: str) -> None:
    """A blob that one mounted across repositories is served by the other, also after its source has lost it."""
    document = _image(1)
    blobs = [sha256(data) for data in document.blobs]
    with folder.endpoints_of(writer) as endpoints:
        endpoints.push("source", document, "v1")
        mounted = [endpoints.mount_blob("target/a", digest, source="source") for digest in blobs]

        assert [True] * 3 == mounted
        assert not endpoints.mount_blob("target/a", sha256(b"nowhere"), source="source")
    with folder.endpoints_of(reader) as endpoints:
        assert 201 == endpoints.put_manifest("target/a", "v1", document)

        mounted = [endpoints.mount_blob("target/b", digest, source="target/a") for digest in blobs]
        deleted = [endpoints.delete("source", "blobs", digest) for digest in blobs]

        assert [True] * 3 == mounted
        assert [202] * 3 == deleted
    with folder.endpoints_of(writer) as endpoints:
        assert [None] * 3 == [endpoints.blob("source", digest) for digest in blobs]
        assert not endpoints.mount_blob("target/c", blobs[0], source="source")
        assert [document.digest] == _served(endpoints, "target/a", document)
        assert 201 == endpoints.put_manifest("target/b", "v1", document)


@_both_ways
def test_deletes(folder: SharedFolder, writer: str, reader: str) -> None:
    """What one deleted, a manifest or a blob, the other neither serves nor lists nor takes for granted."""
    gone, kept = _image(1), _image(2)
    with folder.endpoints_of(writer) as endpoints:
        endpoints.push("files", gone, "gone", "gone-too")
        endpoints.push("files", kept, "kept")
    with folder.endpoints_of(reader) as endpoints:
        assert 202 == endpoints.delete("files", "manifests", gone.digest)
        assert 202 == endpoints.delete("files", "blobs", sha256(gone.blobs[2]))
    with folder.endpoints_of(writer) as endpoints:
        assert ["kept"] == endpoints.tags("files")
        assert ["", "", kept.digest] == _pointed_to(endpoints, "files", "gone", "gone-too", "kept")
        assert [kept.digest] == _served(endpoints, "files", gone, kept)
        assert endpoints.blob("files", sha256(gone.blobs[2])) is None
        assert 404 == endpoints.delete("files", "manifests", gone.digest)
        assert 404 == endpoints.delete("files", "blobs", sha256(gone.blobs[2]))
        # Its layer is gone from the repository, so an image of it can't be there either.
        assert endpoints.put_manifest("files", "gone", gone) in {400, 404}


@_both_ways
def test_push_after_delete(folder: SharedFolder, writer: str, reader: str) -> None:
    """What one deleted can be pushed again to the other, and is whole again for both."""
    document = _image(1)
    with folder.endpoints_of(writer) as endpoints:
        endpoints.push("again", document, "v1")
        endpoints.delete("again", "manifests", document.digest)
        for data in document.blobs:
            endpoints.delete("again", "blobs", sha256(data))
    with folder.endpoints_of(reader) as endpoints:
        assert [] == endpoints.tags("again")

        endpoints.push("again", document, "v1")
        endpoints.delete("again", "manifests", document.digest)
        endpoints.push("again", document, "v2")
    with folder.endpoints_of(writer) as endpoints:
        assert ["v2"] == endpoints.tags("again")
        assert [document.digest] == _pointed_to(endpoints, "again", "v2")
        assert [document.digest] == _served(endpoints, "again", document)


def test_tag_deleted_by_holdfast(folder: SharedFolder) -> None:
    """A tag that Holdfast deleted is gone for the Go registry, its image isn't; the Go registry can't delete a tag."""
    document = _image(1)
    with folder.endpoints_of(GO) as endpoints:
        endpoints.push("files", document, "v1", "v2", "v3")
        endpoints.delete("files", "manifests", "v1")

        # By design: this version of Distribution has no deletion of tags.
        assert ["v1", "v2", "v3"] == endpoints.tags("files")
    with folder.endpoints_of(HOLDFAST) as endpoints:
        assert [202, 202, 404] == [endpoints.delete("files", "manifests", tag) for tag in ("v1", "v2", "v2")]
    with folder.endpoints_of(GO) as endpoints:
        assert ["v3"] == endpoints.tags("files")
        assert [document.digest] == _served(endpoints, "files", document)


_NAMES = ("a", "a-b", "a.b", "a/b", "a/b/c", "a0", "library/x/y/z", "tags/list", "a/blobs/uploads")


@_both_ways
def test_names_that_are_prefixes_of_each_other(folder: SharedFolder, writer: str, reader: str) -> None:
    """Nested repositories are listed by both and kept apart; an order by bytes is Holdfast's alone."""
    with folder.endpoints_of(writer) as endpoints:
        for number, name in enumerate(_NAMES):
            endpoints.push(name, _image(number), f"v{number}")
    with folder.endpoints_of(reader) as endpoints:
        for number, name in enumerate(_NAMES):
            assert [f"v{number}"] == endpoints.tags(name)
            assert [_image(number).digest] == _pointed_to(endpoints, name, f"v{number}")

        # By design: the Go registry lists in the order of its walk.
        assert sorted(_NAMES) == (endpoints.catalog() if reader == HOLDFAST else sorted(endpoints.catalog()))


@_both_ways
def test_repositories_without_manifests(folder: SharedFolder, writer: str, reader: str) -> None:
    """By design, a repository with blobs and no manifest is in the Go registry's catalog and not in Holdfast's."""
    document = _image(1)
    expected = {HOLDFAST: ["full"], GO: ["blobs/only", "emptied", "full"]}
    with folder.endpoints_of(writer) as endpoints:
        endpoints.push_blob("blobs/only", b"a blob")
        endpoints.push("emptied", document, "v1")
        endpoints.push("full", document, "v1")
        endpoints.delete("emptied", "manifests", document.digest)

        assert expected[writer] == sorted(endpoints.catalog())
    with folder.endpoints_of(reader) as endpoints:
        assert expected[reader] == sorted(endpoints.catalog())


def test_content_under_sha512(folder: SharedFolder) -> None:
    """What Holdfast has taken under a SHA-512 digest the Go registry serves, and its garbage collection spares."""
    document = _image(1)
    digest = sha512(document.content)
    with folder.endpoints_of(HOLDFAST) as endpoints:
        endpoints.push("long", document, "v1")

        assert 201 == endpoints.put_manifest("long", digest, document)
        assert sha512(b"a blob") == endpoints.push_blob("long", b"a blob", sha512(b"a blob"))
    assert digest not in folder.collect_garbage("--dry-run").partition("eligible for deletion\n")[2]
    with folder.endpoints_of(GO) as endpoints:
        assert (document.media_type, document.content) == endpoints.manifest("long", digest)
        assert endpoints.blob("long", sha512(b"a blob")) == b"a blob"


def _send_a_little_of_everything(endpoints: Endpoints) -> None:
    """Pushes, moves, mounts and deletes a little of everything."""
    first, second = _image(1), _image(2)
    endpoints.push("a/one", first, "v1", "latest")
    endpoints.push("a/one", second, "v2", "latest")
    endpoints.push("a", index([first, second]), "multi")
    endpoints.push("docker", index([_image(3, docker=True)], docker=True), "v1")
    for data in second.blobs:
        endpoints.mount_blob("mounted", sha256(data), source="a/one")
    endpoints.put_manifest("mounted", second.digest, second)
    endpoints.delete("a/one", "manifests", first.digest)
    endpoints.delete("a/one", "blobs", sha256(first.blobs[0]))


def test_files_are_the_same(root: Path, scratch: Path, go_registry_tool: Tool) -> None:
    """The same requests leave the same files with the same content, whichever registry they were sent to."""
    left: dict[str, dict[str, bytes]] = {}
    for name in (HOLDFAST, GO):
        folder = SharedFolder(root=root / name, scratch=scratch, tool=go_registry_tool)
        folder.root.mkdir()
        with folder.endpoints_of(name) as endpoints:
            _send_a_little_of_everything(endpoints)
        left[name] = folder.files()

    assert len(left[GO]) > 40
    assert left[GO] == left[HOLDFAST]
