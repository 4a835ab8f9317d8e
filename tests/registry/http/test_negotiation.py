import pytest

from holdfast.registry.http import negotiation
from holdfast.registry.http.negotiation import accepted_types, accepts, default_platform_digest
from holdfast.registry.model.manifest import parse_manifest
from tests.registry.client import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, make_image, make_index


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", set()),
        (" , ,", set()),
        ("a/b", {"a/b"}),
        ("A/B;q=0.5, c/d", {"a/b", "c/d"}),
        ("a/b;q=0, c/d;q=0.000, e/f; Q=0", set()),
        ("a/b; charset=utf-8; q=0.1", {"a/b"}),
    ],
)
def test_accepted_types(header: str, expected: set[str]) -> None:
    """Types are listed without parameters, but for those refused with q=0."""
    assert expected == accepted_types(header)


def test_long_header_is_not_remembered() -> None:
    """A header as long as a client likes takes no memory afterwards."""
    before = negotiation._remembered_types.cache_info().currsize
    header = ",".join(f"a/{number}" for number in range(10_000))

    assert 10_000 == len(accepted_types(header))
    assert before == negotiation._remembered_types.cache_info().currsize


@pytest.mark.parametrize(
    ("header", "accepted"),
    [
        ("", {DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX}),
        ("*/*", {DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX}),
        ("application/*", {DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX}),
        ("application/json", {DOCKER_MANIFEST}),
        (DOCKER_LIST, {DOCKER_MANIFEST, DOCKER_LIST}),
        (f"{OCI_INDEX}, {OCI_MANIFEST};q=0.5", {DOCKER_MANIFEST, OCI_MANIFEST, OCI_INDEX}),
    ],
)
def test_accepts(header: str, accepted: set[str]) -> None:
    """A client gets what it names; everybody gets a Docker manifest."""
    types = [DOCKER_MANIFEST, DOCKER_LIST, OCI_MANIFEST, OCI_INDEX]

    assert accepted == {media_type for media_type in types if accepts(header, media_type)}
    assert accepted | {DOCKER_LIST} == {each for each in types if accepts(header, each, by_digest=True)}


def test_default_platform() -> None:
    """For a Docker list the image of linux on amd64 stands in; nothing does for an OCI index."""
    images = [make_image("amd64", media_type=DOCKER_MANIFEST), make_image("arm64", media_type=DOCKER_MANIFEST)]
    docker = parse_manifest(make_index(images, media_type=DOCKER_LIST).manifest)
    oci = parse_manifest(make_index(images, media_type=OCI_INDEX).manifest)

    assert images[0].digest == str(default_platform_digest(docker))
    assert default_platform_digest(oci) is None
    assert default_platform_digest(parse_manifest(images[0].manifest)) is None
    assert default_platform_digest(parse_manifest(make_index([], media_type=DOCKER_LIST).manifest)) is None
