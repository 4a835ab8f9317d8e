"""Files in any filesystem of fsspec: servers of files, object stores, and what other packages add.

Where to read on: `backend` is the adapter, `_profiles` says what is known of the protocols, `_connection` makes the
filesystem and makes it anew once its connection broke, `_entries` reads its descriptions, `errors` is the table. The
driver itself is that of all bridges, `holdfast.storage.drivers._bridge`.

All calls are made in threads, those of asynchronous filesystems too: those have no way to write a stream but their
blocking files, and each keeps its sessions for the one event loop that fsspec runs in a thread of its own.
"""

from holdfast.storage.drivers.fsspec.driver import FsspecDriver
from holdfast.storage.drivers.fsspec.options import FsspecOptions

__all__ = ["FsspecDriver", "FsspecOptions"]
