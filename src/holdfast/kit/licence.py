"""The licences that a new package may have."""

from __future__ import annotations

from enum import Enum

__all__ = ["Licence"]


class Licence(Enum):
    """A licence by its SPDX identifier."""

    APACHE = "Apache-2.0"
    MIT = "MIT"
    NONE = "none"
    """No file `LICENSE`: the author decides later."""
