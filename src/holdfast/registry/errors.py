"""What the registry refuses, in its own terms; `holdfast.registry.http.errors` puts them into the spec's words.

HoldfastError
└── RegistryError
    ├── BlobUnknownError               the repository has no such blob
    ├── ManifestUnknownError           the repository has no such manifest or tag
    ├── RepositoryUnknownError         nothing was ever pushed under the name
    ├── ManifestRefersToUnknownError   a manifest names blobs or manifests that the repository lacks
    ├── DigestMismatchError            the content isn't what its digest says
    ├── UploadUnknownError             the upload was finished, cancelled, purged or never begun
    ├── UploadBusyError                another request is writing to the upload
    ├── UploadOffsetError              a chunk doesn't continue where the upload stands
    ├── ContentLengthError             a body is longer or shorter than announced
    └── BodyInterruptedError           the client went away or fell silent in the middle of a body
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.storage.errors import HoldfastError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from holdfast.registry.model.digest import Digest

__all__ = [
    "BlobUnknownError",
    "BodyInterruptedError",
    "ContentLengthError",
    "DigestMismatchError",
    "ManifestRefersToUnknownError",
    "ManifestUnknownError",
    "RegistryError",
    "RepositoryUnknownError",
    "UploadBusyError",
    "UploadOffsetError",
    "UploadUnknownError",
]


class RegistryError(HoldfastError):
    """The registry can't do what was asked."""


class BlobUnknownError(RegistryError):
    """The repository has no such blob."""

    def __init__(self, digest: Digest) -> None:
        super().__init__(f"blob {digest} is unknown")
        self.digest = digest


class ManifestUnknownError(RegistryError):
    """The repository has no such manifest or tag."""

    def __init__(self, reference: str, reason: str = "") -> None:
        super().__init__(reason or f"manifest {reference} is unknown")
        self.reference = reference


class RepositoryUnknownError(RegistryError):
    """Nothing was ever pushed under the name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"repository {name} is unknown")
        self.name = name


class ManifestRefersToUnknownError(RegistryError):
    """A manifest names blobs or manifests that the repository lacks.

    Attributes:
        missing: Their digests.
    """

    def __init__(self, missing: Sequence[Digest]) -> None:
        super().__init__(f"{len(missing)} digests that the manifest names are unknown to the repository")
        self.missing = tuple(missing)


class DigestMismatchError(RegistryError):
    """The content isn't what its digest says. Nothing was stored."""

    def __init__(self, expected: Digest, actual: Digest) -> None:
        super().__init__(f"the content's digest is {actual}, not {expected}")
        self.expected = expected
        self.actual = actual


class UploadUnknownError(RegistryError):
    """The upload was finished, cancelled, purged or never begun."""


class UploadBusyError(RegistryError):
    """Another request is writing to the upload."""


class UploadOffsetError(RegistryError):
    """A chunk doesn't continue where the upload stands.

    Attributes:
        size: Bytes that the upload has.
    """

    def __init__(self, start: int, size: int) -> None:
        super().__init__(f"the chunk starts at {start}, the upload stands at {size}")
        self.start = start
        self.size = size


class ContentLengthError(RegistryError):
    """A body is longer or shorter than announced."""


class BodyInterruptedError(RegistryError):
    """The client went away or fell silent in the middle of a body; what arrived of an upload is kept."""
