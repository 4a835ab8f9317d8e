"""A CDN in front of a driver of this process."""

import asyncio

from holdfast.storage.driver import StorageDriver
from holdfast.storage.errors import PathNotFoundError
from tests.services.cdn import CDN, unsigned

__all__ = ["ServedDriver"]


class ServedDriver:
    """What a CDN in front of a driver of this process needs to know.

    Attributes:
        cdn: The CDN.
    """

    def __init__(self) -> None:
        self._driver: StorageDriver | None = None
        self._loop = asyncio.get_running_loop()
        self.cdn = CDN(unsigned(), self._read)

    def serve(self, driver: StorageDriver) -> StorageDriver:
        """Have a driver's files served, and return it."""
        self._driver = driver
        return driver

    def _read(self, path: str) -> bytes | None:
        assert self._driver is not None
        reading = asyncio.run_coroutine_threadsafe(self._driver.get_content(path), self._loop)
        try:
            return reading.result(30)
        except PathNotFoundError:
            return None
