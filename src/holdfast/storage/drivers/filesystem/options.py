"""What the filesystem driver takes; the names are upstream's."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from holdfast.storage.options import DriverOptions

__all__ = ["MINIMUM_THREADS", "FilesystemOptions"]

MINIMUM_THREADS = 25
"""A smaller `maxthreads` is raised to this, as the Docker Registry's driver does."""


def _at_least_minimum(threads: int) -> int:
    return max(threads, MINIMUM_THREADS)


class FilesystemOptions(DriverOptions):
    """Options of the `filesystem` driver; defaults as in Distribution's `storage-drivers/filesystem` page."""

    rootdirectory: str = Field(
        default="/var/lib/registry",
        min_length=1,
        description="The directory that holds everything; made by the first write, if it is missing.",
    )
    maxthreads: Annotated[int, AfterValidator(_at_least_minimum)] = Field(
        default=100,
        description="How many blocking file operations may run at once, each in a thread; at least 25.",
    )
