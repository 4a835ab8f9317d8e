"""The driver: the options, and the service that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from holdfast.storage.drivers._bridge.driver import BridgeDriver
from holdfast.storage.drivers.opendal.backend import OpendalBackend
from holdfast.storage.drivers.opendal.options import OpendalOptions

if TYPE_CHECKING:
    from holdfast.storage.options import DriverOptions

__all__ = ["OpendalDriver"]


class OpendalDriver(BridgeDriver):
    """Files in a service of Apache OpenDAL, such as WebDAV, or an object store that has no driver of its own here.

    Args:
        options: Which service, and as whom. Nothing is connected to before the first use.

    Raises:
        InvalidParameterError: OpenDAL has no such service, it doesn't take these options, or it can't do what every
            driver must, such as write.
    """

    Options: ClassVar[type[DriverOptions]] = OpendalOptions

    def __init__(self, options: OpendalOptions) -> None:
        super().__init__(
            "opendal", OpendalBackend(options), chunksize=options.chunksize, buffermemory=options.buffermemory
        )
