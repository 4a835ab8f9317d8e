"""`encrypt`: content is encrypted before it reaches the store, with keys that the store never sees.

What it holds against, and what not, is told in the page `docs/howto/encrypt-storage.md`; what is written in `sealing`.
"""

from holdfast.storage.middleware.encrypt.driver import Encrypt

__all__ = ["Encrypt"]
