"""Why a package can't be written."""

from __future__ import annotations

from holdfast.storage.errors import HoldfastError

__all__ = ["PackageError"]


class PackageError(HoldfastError):
    """The name, an author's text or the folder won't do; nothing was written. One line says what to do instead."""
