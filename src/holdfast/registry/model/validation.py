"""What is asked of a manifest that is being pushed, beyond what reading it takes.

One that is stored already is served as it is: these rules may have been others when it was pushed.

Sources: OCI image-spec, descriptor.md (`data`, `urls`, `annotations`); Distribution's configuration, `validation`.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from holdfast.registry.model.digest import ALGORITHMS, Digest
from holdfast.registry.model.manifest import NON_DISTRIBUTABLE_TYPES, ManifestError

if TYPE_CHECKING:
    from holdfast.registry.model.manifest import Descriptor, Manifest

__all__ = ["ManifestValidation", "UrlPattern", "check_pushed"]

_SHOWN = 300
"""Characters of a client's text that a reason quotes."""

_MAY_HAVE_URLS = NON_DISTRIBUTABLE_TYPES | {
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
}
"""Layers that clients may fetch by URLs, as Distribution has it: elsewhere clients don't follow URLs."""


_has_control = re.compile(r"[\x00-\x20\x7f]").search


class UrlPattern(Protocol):
    """A regular expression, such as `re` and `re2` compile."""

    def search(self, text: str, /) -> object:
        """Find it anywhere in a text; `None` where it isn't."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManifestValidation:
    """What the configuration asks of a manifest; by default what Distribution asks by default.

    Attributes:
        allowed_urls: A layer's URL must match one of these; `None` where it need not. Empty: no URL is taken.
        denied_urls: A layer's URL must match none of these.
        platforms: Which images of an index must be there: `all`, `none`, or those of `platform_list`.
        platform_list: With `list`: operating systems and architectures, such as `("linux", "amd64")`.
        sparse_images: Whether an image's blobs need not be there.
    """

    allowed_urls: tuple[UrlPattern, ...] | None = ()
    denied_urls: tuple[UrlPattern, ...] = ()
    platforms: Literal["all", "none", "list"] = "all"
    platform_list: frozenset[tuple[str, str]] = frozenset()
    sparse_images: bool = False

    def needs_blob(self, descriptor: Descriptor) -> bool:
        """Whether what an image refers to must be there."""
        return descriptor.must_exist and not self.sparse_images

    def needs_child(self, descriptor: Descriptor) -> bool:
        """Whether an index's entry must be there. With `list`, one that names no platform need not."""
        if self.platforms != "list":
            return self.platforms == "all"
        platform = descriptor.platform
        return platform is not None and (platform.os, platform.architecture) in self.platform_list

    def allows_url(self, url: str) -> bool:
        """Whether a layer may be at a URL."""
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return (
            parts.scheme in {"http", "https"}
            and not parts.fragment
            and not _has_control(url)
            and (self.allowed_urls is None or any(pattern.search(url) for pattern in self.allowed_urls))
            and not any(pattern.search(url) for pattern in self.denied_urls)
        )


class _Described(msgspec.Struct, frozen=True, rename="camel"):
    """What reading a manifest leaves out of a descriptor: types are checked, embedded content is compared."""

    digest: str
    size: int
    data: bytes | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] | None = None


class _Document(msgspec.Struct, frozen=True, rename="camel"):
    config: _Described | None = None
    layers: list[_Described] | None = None
    manifests: list[_Described] | None = None
    subject: _Described | None = None
    annotations: dict[str, str] | None = None


_decode = msgspec.json.Decoder(_Document).decode


def check_pushed(content: bytes, manifest: Manifest, rules: ManifestValidation) -> None:
    """Refuse a manifest that can be read in two ways, or that tells something wrong or not allowed.

    Takes 7 µs for 1 KB and up to 0.3 s for 4 MiB that were made to take long.

    Args:
        content: Its bytes.
        manifest: What `parse_manifest` read from them.
        rules: What the configuration asks.

    Raises:
        ManifestError: It isn't UTF-8, an object in it has a key twice, annotations aren't texts, embedded content isn't
            what its digest and size say, or a layer has a URL that isn't allowed.
    """
    _check_json(content)
    try:
        document = _decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ManifestError(str(error)) from error
    singles = (document.config, document.subject)
    for described in [*filter(None, singles), *(document.layers or ()), *(document.manifests or ())]:
        _check_data(described)
    for descriptor in manifest.descriptors:
        if descriptor.media_type in _MAY_HAVE_URLS:
            for url in descriptor.urls or ():
                if not rules.allows_url(url):
                    raise ManifestError(f"the URL {url[:_SHOWN]!r} of {descriptor.digest} is not allowed")


def _check_json(content: bytes) -> None:
    """Refuse what another reader could understand differently: it may take the first of two values."""
    try:
        json.loads(content.decode("utf-8"), object_pairs_hook=_unique_keys, parse_int=str, parse_float=str)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise ManifestError(str(error)[:_SHOWN]) from error


def _unique_keys(pairs: list[tuple[str, object]]) -> None:
    if len({key for key, _ in pairs}) != len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ManifestError(f"the key {twice[:_SHOWN]!r} comes twice")


def _check_data(described: _Described) -> None:
    """OCI image-spec, descriptor.md: embedded content must be the content that is referred to."""
    if described.data is None:
        return
    digest = described.digest
    algorithm = digest.partition(":")[0]
    is_other = algorithm in ALGORITHMS and str(Digest.of(described.data, algorithm)) != digest
    if is_other or len(described.data) != described.size:
        raise ManifestError(f"the data embedded for {digest} has another digest or size")
