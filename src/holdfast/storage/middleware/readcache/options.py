"""What `readcache` takes."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from holdfast.storage.middleware._digests import BLOBS
from holdfast.storage.options import DriverOptions

__all__ = ["ReadCacheOptions"]

_GIBIBYTE: Final = 1024**3


def _with_digest(pattern: str) -> str:
    try:
        groups = re.compile(pattern).groupindex
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    if not {"algorithm", "hex"} <= groups.keys():
        raise ValueError("needs the groups (?P<algorithm>...) and (?P<hex>...)")
    return pattern


class ReadCacheOptions(DriverOptions):
    """Where the copies are, and how much they may take."""

    rootdirectory: str = Field(
        min_length=1,
        description="The directory of the copies, on this machine. Processes may share it; nothing else may be in it.",
    )
    size: int = Field(
        default=10 * _GIBIBYTE,
        ge=1,
        description="How many bytes the copies take at most, those being made included. What was used longest ago"
        " makes room.",
    )
    maxfile: int | None = Field(
        default=None, ge=1, description="The largest file that is copied, in bytes; without it, half of `size`."
    )
    trust: float = Field(
        default=0,
        ge=0,
        description="For how many seconds the store's word that a file is there is believed. With 0 it is asked each"
        " time, so that nothing is served that another process has deleted.",
    )
    pattern: Annotated[str, AfterValidator(_with_digest)] = Field(
        default=BLOBS,
        description="A regular expression for the whole path of a file that never changes, with the groups `algorithm`"
        " and `hex` of its content's digest. Other files aren't copied.",
    )
