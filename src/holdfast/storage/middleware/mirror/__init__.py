"""`mirror`: everything is written to two stores, and read from the first that has it.

What is promised when one of them fails is told in the page `docs/howto/mirror-storage.md`.
"""

from holdfast.storage.middleware.mirror.driver import Mirror

__all__ = ["Mirror"]
