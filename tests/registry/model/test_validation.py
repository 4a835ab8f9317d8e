import base64
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from holdfast.registry.model.manifest import Descriptor, ManifestError, Platform, parse_manifest
from holdfast.registry.model.validation import ManifestValidation, check_pushed
from tests.registry.client import OCI_INDEX, OCI_MANIFEST, descriptor

ANY = ManifestValidation(allowed_urls=None)
NONE = ManifestValidation()
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
CONFIG = descriptor(b"config", "application/vnd.oci.image.config.v1+json")
LAYER = descriptor(b"layer", OCI_LAYER)
IMAGE = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": CONFIG, "layers": [LAYER]}
INDEX = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [descriptor(b"child", OCI_MANIFEST)]}


def encode(document: object) -> bytes:
    """JSON as a client sends it."""
    return json.dumps(document).encode()


def check(content: bytes, rules: ManifestValidation = ANY) -> None:
    """Check content as a push does."""
    check_pushed(content, parse_manifest(content), rules)


def embedded(content: bytes, data: str | None = None) -> dict[str, Any]:
    """A descriptor that has its content in it."""
    return descriptor(content, OCI_LAYER, data=base64.b64encode(content).decode() if data is None else data)


@pytest.mark.parametrize(
    "document",
    [
        IMAGE,
        INDEX,
        IMAGE | {"layers": None, "annotations": None, "artifactType": None, "subject": None},
        IMAGE | {"annotations": {}, "custom": {"a": [1, 2.5, -3e99, None, True]}, "number": 10**400},
        IMAGE | {"layers": [LAYER | {"annotations": {"a": "b"}, "urls": None, "data": None, "x": 1}]},
        IMAGE | {"layers": [embedded(b"content"), embedded(b"")]},
        IMAGE | {"subject": descriptor(b"subject", OCI_MANIFEST), "a": {"k": 1}, "b": {"k": 1}},
    ],
)
def test_accepted(document: dict[str, Any]) -> None:
    """Fields that a manifest may have, those of the client's own and right ones among them, do no harm."""
    check(encode(document))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (encode(IMAGE)[:-1] + b', "schemaVersion": 2}', "'schemaVersion' comes twice"),
        (encode(IMAGE)[:-1] + b', "custom": {"a": 1, "\\u0061": 2}}', "'a' comes twice"),
        (encode(IMAGE)[:-1] + b', "custom": [[{"a": 1, "a": 1}]]}', "'a' comes twice"),
        (encode(IMAGE)[:-1] + b', "custom": "\xff"}', "utf-8"),
        (encode(IMAGE)[:-1] + b', "custom": "\xed\xa0\x80"}', "utf-8"),
        (encode(IMAGE)[:-1] + b', "custom": ' + b"[" * 900 + b"1" + b"]" * 900 + b"}", None),
        (encode(IMAGE | {"annotations": {"a": 1}}), "str"),
        (encode(IMAGE | {"annotations": ["a"]}), "object"),
        (encode(IMAGE | {"layers": [LAYER | {"annotations": {"a": None}}]}), "str"),
        (encode(IMAGE | {"config": CONFIG | {"artifactType": 1}}), "str"),
        (encode(IMAGE | {"layers": [embedded(b"content", "?")]}), "base64"),
        (encode(IMAGE | {"layers": [embedded(b"content", "")]}), "another digest or size"),
        (encode(IMAGE | {"layers": [embedded(b"content") | {"size": 6}]}), "another digest or size"),
        (encode(IMAGE | {"config": embedded(b"content") | {"digest": CONFIG["digest"]}}), "another digest or size"),
        (encode(INDEX | {"manifests": [embedded(b"a") | {"size": 2}]}), "another digest or size"),
        (encode(IMAGE | {"subject": embedded(b"a") | {"size": 2}}), "another digest or size"),
    ],
)
def test_refused(content: bytes, reason: str | None) -> None:
    """What can be read in two ways, or tells something that isn't so, is refused with the reason."""
    try:
        manifest = parse_manifest(content)
    except ManifestError:
        assert reason in {"utf-8", None}
        return
    if reason is None:
        check_pushed(content, manifest, ANY)  # deep, but not too deep
        return
    with pytest.raises(ManifestError, match=re.escape(reason)):
        check_pushed(content, manifest, ANY)


@pytest.mark.parametrize("depth", [2_000, 100_000])
def test_deep(depth: int) -> None:
    """JSON that is nested without end is refused, not followed."""
    content = encode(IMAGE)[:-1] + b', "custom": ' + b"[" * depth + b"]" * depth + b"}"

    with pytest.raises(ManifestError):
        check(content)


@given(st.binary(max_size=40))
def test_any_bytes(junk: bytes) -> None:
    """Whatever stands in a field of the client's own is taken or refused, and nothing else."""
    content = encode(IMAGE)[:-1] + b', "custom": ' + junk + b"}"
    try:
        check(content)
    except ManifestError:
        return


# URLs -------------------------------------------------------------------------------------------


def patterns(*texts: str) -> tuple[re.Pattern[str], ...]:
    """Compiled patterns."""
    return tuple(map(re.compile, texts))


ALLOWING = ManifestValidation(
    allowed_urls=patterns(r"^https?://([a-z]+\.)?example\.com/"), denied_urls=patterns(r"^https?://www\.example\.com/")
)
DENYING = ManifestValidation(allowed_urls=None, denied_urls=patterns(r"evil"))


@pytest.mark.parametrize(
    ("url", "rules", "allowed"),
    [
        ("https://example.com/a", NONE, False),
        ("", NONE, False),
        ("https://example.com/a", ANY, True),
        ("HTTP://example.com/a?b=c", ANY, True),
        ("https://example.com/a#b", ANY, False),
        ("ftp://example.com/a", ANY, False),
        ("example.com/a", ANY, False),
        ("https://[::1/a", ANY, False),
        ("https://example.com/\n", ANY, False),
        ("https://example.com/a", ALLOWING, True),
        ("https://sub.example.com/a", ALLOWING, True),
        ("https://www.example.com/a", ALLOWING, False),
        ("https://example.org/https://example.com/", ALLOWING, False),
        ("https://example.org/", DENYING, True),
        ("https://example.org/evil", DENYING, False),
    ],
)
def test_urls(url: str, rules: ManifestValidation, allowed: bool) -> None:  # noqa: FBT001
    """A URL must be one of the web, match what is allowed and not match what is denied; by default none is taken."""
    layer = LAYER | {"mediaType": OCI_FOREIGN, "urls": ["https://example.com/fine" if rules is ALLOWING else url, url]}
    content = encode(IMAGE | {"layers": [LAYER, layer]})

    assert allowed == rules.allows_url(url)
    if allowed:
        check(content, rules)
    else:
        with pytest.raises(ManifestError, match="not allowed"):
            check(content, rules)


@pytest.mark.parametrize(
    ("media_type", "checked"),
    [(OCI_LAYER, True), (OCI_FOREIGN, True), (DOCKER_FOREIGN, True), (DOCKER_LAYER, False), ("text/plain", False)],
)
def test_urls_of_layers(media_type: str, checked: bool) -> None:  # noqa: FBT001
    """URLs count where clients follow them; elsewhere they are only text."""
    content = encode(IMAGE | {"layers": [LAYER | {"mediaType": media_type, "urls": ["https://example.com/"]}]})
    if checked:
        with pytest.raises(ManifestError):
            check(content, NONE)
    else:
        check(content, NONE)


# Indexes ----------------------------------------------------------------------------------------

LINUX = frozenset({("linux", "amd64")})


@pytest.mark.parametrize(
    ("rules", "platform", "needed"),
    [
        (ManifestValidation(), Platform("amd64", "linux"), True),
        (ManifestValidation(), None, True),
        (ManifestValidation(platforms="none"), Platform("amd64", "linux"), False),
        (ManifestValidation(platforms="none", platform_list=LINUX), Platform("amd64", "linux"), False),
        (ManifestValidation(platforms="list", platform_list=LINUX), Platform("amd64", "linux"), True),
        (ManifestValidation(platforms="list", platform_list=LINUX), Platform("arm64", "linux"), False),
        (ManifestValidation(platforms="list", platform_list=LINUX), Platform("linux", "amd64"), False),
        (ManifestValidation(platforms="list", platform_list=LINUX), None, False),
    ],
)
def test_needed_children(rules: ManifestValidation, platform: Platform | None, needed: bool) -> None:  # noqa: FBT001
    """Which of an index's entries must be there is as the configuration has it."""
    assert needed == rules.needs_child(Descriptor(OCI_MANIFEST, CONFIG["digest"], 1, platform))
