"""The driver: the options, and the filesystem that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._bridge.driver import BridgeDriver
from holdfast.storage.drivers.fsspec.backend import FsspecBackend
from holdfast.storage.drivers.fsspec.options import FsspecOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["FsspecDriver"]


class FsspecDriver(BridgeDriver):
    """Files in a filesystem of fsspec, such as a server of files that speaks SFTP.

    Args:
        options: Which filesystem, and as whom. Nothing is connected to before the first use.

    Raises:
        InvalidParameterError: fsspec has no such protocol, or what the protocol needs isn't installed.
    """

    Options: ClassVar[type[DriverOptions]] = FsspecOptions

    def __init__(self, options: FsspecOptions) -> None:
        super().__init__(
            "fsspec", FsspecBackend(options), chunksize=options.chunksize, buffermemory=options.buffermemory
        )
