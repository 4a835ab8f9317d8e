"""Digests: an algorithm's name and a hash in lower-case hex.

OCI image-spec, descriptor.md, "Digests": sha256 and sha512 are the registered algorithms.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from holdfast.storage.driver import Buffer

__all__ = ["ALGORITHMS", "CANONICAL", "Digest", "DigestError", "Hash", "new_hash", "parse_digest"]

CANONICAL = "sha256"
"""What a digest is computed with where a client doesn't say."""

ALGORITHMS = {"sha256": 64, "sha512": 128}
"""Supported algorithms, and the length of their hex."""

_HEX = re.compile(r"[a-f0-9]+\Z").match


class DigestError(ValueError):
    """The text is no digest of a supported algorithm."""


class Digest(NamedTuple):
    """A content's identity.

    Attributes:
        algorithm: `sha256` or `sha512`.
        hex: The hash.
    """

    algorithm: str
    hex: str

    def __str__(self) -> str:
        """The form everything outside uses: `sha256:…`."""
        return f"{self.algorithm}:{self.hex}"

    @classmethod
    def of(cls, content: Buffer, algorithm: str = CANONICAL) -> Digest:
        """Compute the digest of content in memory."""
        return cls(algorithm, hashlib.new(algorithm, content).hexdigest())


class Hash(Protocol):
    """A running hash, as `hashlib` makes it."""

    def update(self, data: Buffer, /) -> None:
        """Take in more content."""

    def hexdigest(self) -> str:
        """The hash of all content so far."""


def new_hash(algorithm: str = CANONICAL) -> Hash:
    """Begin a running hash of a supported algorithm."""
    return hashlib.new(algorithm)


@lru_cache(maxsize=4096)
def parse_digest(text: str) -> Digest:
    """Parse `algorithm:hex`.

    Raises:
        DigestError: The algorithm isn't supported, or the hex has the wrong length, case or characters.
    """
    algorithm, separator, encoded = text.partition(":")
    length = ALGORITHMS.get(algorithm)
    if not separator or length is None:
        raise DigestError(f"not a digest of a supported algorithm ({', '.join(ALGORITHMS)})")
    if len(encoded) != length or not _HEX(encoded):
        raise DigestError(f"a {algorithm} digest has {length} lower-case hex digits")
    return Digest(algorithm, encoded)
