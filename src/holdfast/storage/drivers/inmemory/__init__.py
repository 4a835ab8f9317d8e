"""Files in this process's memory, of one driver object: for tests, and to read what a driver is.

Nothing but the standard library and the contract. Each driver object has a store of its own, gone with it.
"""

from holdfast.storage.drivers.inmemory.driver import InMemoryDriver, InMemoryOptions

__all__ = ["InMemoryDriver", "InMemoryOptions"]
