import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.model.manifest import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_INDEX,
    OCI_MANIFEST,
    ManifestError,
    parse_manifest,
)
from tests.registry.client import descriptor, digest_of, make_image, make_index

CONFIG = descriptor(b"config", "application/vnd.oci.image.config.v1+json")
LAYER = descriptor(b"layer", "application/vnd.oci.image.layer.v1.tar+gzip")
CHILD = descriptor(b"child", OCI_MANIFEST)
IMAGE = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD]}


def encode(document: object) -> bytes:
    """JSON as a client sends it."""
    return json.dumps(document).encode()


def without(document: dict[str, Any], key: str) -> dict[str, Any]:
    """A document that lacks a key."""
    return {name: value for name, value in document.items() if name != key}


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_image(media_type: str) -> None:
    """An image names its configuration and layers, each once."""
    image = make_image(media_type=media_type, layers=[b"one", b"two", b"one"])
    manifest = parse_manifest(image.manifest, media_type)

    assert media_type == manifest.media_type
    assert [digest_of(blob) for blob in image.blobs[:3]] == [str(digest) for digest in manifest.blobs]
    assert [] == manifest.children


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST])
def test_index(media_type: str) -> None:
    """An index names its manifests."""
    images = [make_image("a"), make_image("b"), make_image("a")]
    manifest = parse_manifest(make_index(images, media_type=media_type).manifest)

    assert media_type == manifest.media_type
    assert [images[0].digest, images[1].digest] == [str(digest) for digest in manifest.children]
    assert [] == manifest.blobs


@pytest.mark.parametrize(
    ("document", "declared", "expected"),
    [
        (IMAGE, None, OCI_MANIFEST),
        (without(IMAGE, "mediaType"), OCI_MANIFEST, OCI_MANIFEST),
        (without(IMAGE, "mediaType"), None, OCI_MANIFEST),
        (without(INDEX, "mediaType"), None, OCI_INDEX),
        (without(INDEX, "mediaType"), OCI_INDEX, OCI_INDEX),
        (IMAGE | {"layers": []}, None, OCI_MANIFEST),
        (without(IMAGE, "layers"), None, OCI_MANIFEST),
        (INDEX | {"manifests": []}, None, OCI_INDEX),
        (INDEX | {"layers": None, "config": None}, None, OCI_INDEX),
        (IMAGE | {"manifests": None}, None, OCI_MANIFEST),
        (IMAGE | {"artifactType": "application/x", "annotations": {"a": "b"}, "unknown": [1]}, None, OCI_MANIFEST),
    ],
)
def test_media_type(document: dict[str, Any], declared: str | None, expected: str) -> None:
    """A manifest's type is what it says, else what it came with, else what it looks like."""
    assert expected == parse_manifest(encode(document), declared).media_type


@pytest.mark.parametrize(
    ("document", "declared"),
    [(without(IMAGE, "mediaType"), DOCKER_MANIFEST), (without(INDEX, "mediaType"), DOCKER_LIST)],
)
def test_docker_types_say_so(document: dict[str, Any], declared: str) -> None:
    """Docker's types must be in the content: nothing else is stored, and it would be served as OCI's."""
    with pytest.raises(ManifestError, match="mediaType is missing"):
        parse_manifest(encode(document), declared)


@pytest.mark.parametrize(
    ("content", "declared"),
    [
        (b"", None),
        (b"{", None),
        (b"null", None),
        (b"[]", None),
        (b"\xff\xfe", None),
        (b'{"schemaVersion": 2, "mediaType": "\xff"}', None),
        (b"[" * 100_000, None),
        (encode(IMAGE)[:-1], None),
        (encode(IMAGE) + b"x", None),
        (encode(IMAGE | {"schemaVersion": 1}), None),
        (encode(IMAGE | {"schemaVersion": "2"}), None),
        (encode(without(IMAGE, "schemaVersion")), None),
        (encode(IMAGE | {"mediaType": "application/json"}), None),
        (encode(IMAGE | {"mediaType": "application/vnd.docker.distribution.manifest.v1+prettyjws"}), None),
        (encode(without(IMAGE, "mediaType")), "application/json"),
        (encode(without(IMAGE, "config")), None),
        (encode(without(INDEX, "manifests")), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "sha256:short"}}), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "MD5:" + "a" * 32}}), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "md5:"}}), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "md5:a/b"}}), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "md5:a\n"}}), None),
        (encode(IMAGE | {"config": CONFIG | {"digest": "md5:" + "a" * 5000}}), None),
        (encode(IMAGE | {"config": CONFIG | {"size": -1}}), None),
        (encode(IMAGE | {"config": CONFIG | {"size": 1.5}}), None),
        (encode(IMAGE | {"config": without(CONFIG, "size")}), None),
        (encode(IMAGE | {"layers": [LAYER, "x"]}), None),
        (encode(IMAGE | {"subject": CHILD | {"digest": "x"}}), None),
        (encode(INDEX | {"manifests": [CHILD | {"digest": "sha256:../../x"}]}), None),
    ],
)
def test_no_manifest(content: bytes, declared: str | None) -> None:
    """What is malformed, or of another kind, is refused with a reason, and nothing else is raised."""
    with pytest.raises(ManifestError):
        parse_manifest(content, declared)


@pytest.mark.parametrize("declared", [OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST, "text/plain"])
def test_types_disagree(declared: str) -> None:
    """A manifest that came as another type than it says is refused."""
    with pytest.raises(ManifestError):
        parse_manifest(encode(IMAGE), declared)


@pytest.mark.parametrize(
    ("document", "declared"),
    [
        (without(IMAGE, "mediaType") | {"manifests": [CHILD]}, OCI_MANIFEST),
        (without(IMAGE, "mediaType") | {"manifests": [CHILD]}, OCI_INDEX),
        (without(IMAGE, "mediaType") | {"manifests": []}, None),
        (INDEX | {"layers": []}, None),
        (INDEX | {"config": CONFIG}, None),
        (IMAGE | {"mediaType": OCI_INDEX}, None),
        (INDEX | {"mediaType": OCI_MANIFEST}, None),
    ],
)
def test_two_in_one(document: dict[str, Any], declared: str | None) -> None:
    """A document that can be read as an image and as an index is neither (CVE-2021-41190)."""
    with pytest.raises(ManifestError):
        parse_manifest(encode(document), declared)


@pytest.mark.parametrize(
    "content",
    [
        encode({"schemaVersion": 1, "name": "a", "tag": "b", "fsLayers": [], "history": [], "signatures": []}),
        encode(IMAGE | {"schemaVersion": 1}),
    ],
)
def test_schema_1(content: bytes) -> None:
    """A manifest of Docker's schema 1 is refused with that reason, whatever it came as."""
    for declared in (None, OCI_MANIFEST, "application/vnd.docker.distribution.manifest.v1+prettyjws"):
        with pytest.raises(ManifestError, match="schema 1"):
            parse_manifest(content, declared)


@pytest.mark.parametrize("size", [2**63, 10**30])
def test_size_beyond_all_bounds(size: int) -> None:
    """A size has 63 bits at most."""
    assert 2**63 - 1 == parse_manifest(encode(IMAGE | {"layers": [LAYER | {"size": 2**63 - 1}]})).layers[0].size
    with pytest.raises(ManifestError):
        parse_manifest(encode(IMAGE | {"layers": [LAYER | {"size": size}]}))


def test_reasons_are_short() -> None:
    """However long a client's text is, the reason it is refused with isn't."""
    for document in (
        IMAGE | {"mediaType": "x" * 100_000},
        IMAGE | {"layers": [LAYER | {"digest": "x" * 100_000}]},
        IMAGE | {"layers": [LAYER | {"digest": "x" * 100_000, "size": -1}]},
    ):
        for declared in (None, "y" * 100_000):
            with pytest.raises(ManifestError) as caught:
                parse_manifest(encode(document), declared)
            assert 1000 > len(str(caught.value))


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (IMAGE, CONFIG["mediaType"]),
        (IMAGE | {"artifactType": "application/x"}, "application/x"),
        (IMAGE | {"artifactType": ""}, CONFIG["mediaType"]),
        (INDEX, None),
        (INDEX | {"artifactType": ""}, None),
        (INDEX | {"artifactType": "application/x"}, "application/x"),
    ],
)
def test_kind(document: dict[str, Any], kind: str | None) -> None:
    """An artifact is of the type it says, an image that says none of its configuration's."""
    assert kind == parse_manifest(encode(document)).kind


def test_unknown_algorithms() -> None:
    """A digest that can't be computed here is passed on, and names nothing that could be here."""
    foreign = {"digest": "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"}
    image = parse_manifest(encode(IMAGE | {"layers": [LAYER | foreign], "subject": CHILD | foreign}))
    index = parse_manifest(encode(INDEX | {"manifests": [CHILD | foreign, CHILD]}))

    assert [CONFIG["digest"]] == [str(digest) for digest in image.blobs]
    assert [CHILD["digest"]] == [str(digest) for digest in index.children]
    assert image.subject_digest is None
    assert [CONFIG["digest"], foreign["digest"]] == [each.digest for each in image.descriptors]


def test_descriptors() -> None:
    """All that a manifest is made of is told, what the registry needn't hold as well; its subject is no part of it."""
    foreign = LAYER | {"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "urls": ["http://x/"]}
    image = parse_manifest(encode(IMAGE | {"layers": [foreign, LAYER], "subject": CHILD}))
    index = parse_manifest(encode(INDEX | {"subject": LAYER}))

    assert [CONFIG["digest"], LAYER["digest"], LAYER["digest"]] == [each.digest for each in image.descriptors]
    assert [CHILD["digest"]] == [each.digest for each in index.descriptors]
    assert (CHILD["digest"], LAYER["digest"]) == (str(image.subject_digest), str(index.subject_digest))
    assert parse_manifest(encode(IMAGE)).subject_digest is None


@pytest.mark.parametrize(
    ("media_type", "needed"),
    [
        ("application/vnd.oci.image.layer.v1.tar+gzip", True),
        ("application/vnd.docker.image.rootfs.diff.tar.gzip", True),
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", False),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar", False),
    ],
)
def test_needed_layers(media_type: str, needed: bool) -> None:  # noqa: FBT001
    """Only a non-distributable layer with URLs may be missing; URLs don't excuse another, nor does embedded content."""
    fields: list[dict[str, Any]] = [{"urls": ["https://example.com/layer"]}, {"urls": []}, {"data": "bGF5ZXI="}, {}]
    for more in fields:
        layer = descriptor(b"layer", media_type, **more)
        manifest = parse_manifest(encode(IMAGE | {"layers": [layer]}))

        assert (needed or not more.get("urls")) == (layer["digest"] in [str(digest) for digest in manifest.blobs])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["schemaVersion", "mediaType", "config", "layers", "manifests", "digest", "size"]), inner
        )
    ),
)


@given(document=JSON)
def test_any_json(document: object) -> None:
    """Whatever a client sends is a manifest or is refused."""
    try:
        parse_manifest(encode(document))
    except ManifestError:
        return
