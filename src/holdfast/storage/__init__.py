"""Storage by path over any backend: the Docker Registry's storage driver model, in Python.

    from contextlib import aclosing
    from holdfast import storage

    async with aclosing(storage.create("filesystem", {"rootdirectory": "/srv/data"})) as driver:
        await driver.put_content("/greeting", b"hello")

`holdfast.storage.driver` is the contract, `ops` what can be said in its terms, `blocking` the same for
synchronous callers, `errors` the tree of what can go wrong.
"""

from holdfast.storage.driver import (
    Capabilities,
    CreateOnly,
    FileInfo,
    FileWriter,
    LocalFile,
    MatchVersion,
    StorageDriver,
    UploadInfo,
)
from holdfast.storage.errors import (
    InvalidOffsetError,
    InvalidParameterError,
    InvalidPathError,
    InvalidStorageDriverError,
    PathNotFoundError,
    StorageError,
)
from holdfast.storage.factory import create, register
from holdfast.storage.options import DriverOptions

__all__ = [
    "Capabilities",
    "CreateOnly",
    "DriverOptions",
    "FileInfo",
    "FileWriter",
    "InvalidOffsetError",
    "InvalidParameterError",
    "InvalidPathError",
    "InvalidStorageDriverError",
    "LocalFile",
    "MatchVersion",
    "PathNotFoundError",
    "StorageDriver",
    "StorageError",
    "UploadInfo",
    "create",
    "register",
]
