"""Files of this machine, or of a mounted share, below one root directory.

    <root>/docker/registry/v2/...     committed files, each at its own path
    <root>/.../~<id>                  temporary files of the atomic replace, gone when it ends
    <root>/.uploads~/<path>/~<id>     unfinished writes; a directory for each path that has one
    <root>/.uploads~/~lock            serialises compare-and-replace between processes; made by its first use

A storage path can't contain `~`, so nothing of ours can meet a name that a caller chose.

What the driver doesn't recognise isn't there: names outside `[A-Za-z0-9._-]`, FIFOs, sockets and devices,
symbolic links that lead nowhere, and directories without a file anywhere below.

Where to read on: `driver` is the contract, `_root` keeps every path inside the root, `_atomic` is the only way
in which content reaches a path, `_uploads` and `writer` keep unfinished writes, `_listing` and `_deleting` say it.
"""

from holdfast.storage.drivers.filesystem.driver import FilesystemDriver
from holdfast.storage.drivers.filesystem.options import FilesystemOptions

__all__ = ["FilesystemDriver", "FilesystemOptions"]
