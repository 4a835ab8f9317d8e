"""`readcache`: a bounded copy of a remote store's blobs on this machine, verified by their digests.

What a hit costs and what the cache never does is told in the page `docs/howto/cache-remote-storage.md`.
"""

from holdfast.storage.middleware.readcache.driver import ReadCache

__all__ = ["ReadCache"]
