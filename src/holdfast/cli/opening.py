"""The storage that a configuration describes, its middleware included: every command opens it here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast import storage

if TYPE_CHECKING:
    from holdfast.config import Configuration
    from holdfast.storage.driver import StorageDriver

__all__ = ["configured_storage"]


def configured_storage(configuration: Configuration) -> StorageDriver:
    """Make the driver with the middleware around it that isn't disabled; nothing is connected to yet.

    Raises:
        ConfigurationError: The driver, a middleware, or an option of one is wrong.
    """
    section = configuration.storage
    return storage.create(section.driver, section.parameters, middleware=configuration.middleware.around_storage)
