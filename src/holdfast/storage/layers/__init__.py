"""The layers that are around every driver that `holdfast.storage.create` makes.

    ChecksLayer(ErrorContextLayer(TelemetryLayer(LimitsLayer(FilesystemDriver))))

A call passes them from left to right. Each does one thing, so that no driver does it:

1. checks: a call that can't be meant takes no place in the queue, is no storage time, reaches no driver.
2. error context: outside of all that can fail, so that every error tells where it happened.
3. telemetry: inside of it, to count errors by what they were before they were wrapped; outside of the
   limits, since the caller waits in the queue as well.
4. limits: next to the driver, so that only the driver's own work holds a place.

Right: `TelemetryLayer(LimitsLayer(driver))`. A driver that is too busy shows in the histogram as slow.
Wrong: `LimitsLayer(TelemetryLayer(driver))`. Calls wait for minutes, and every one of them is shown as quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.storage.layers.checks import ChecksLayer
from holdfast.storage.layers.error_context import ErrorContextLayer
from holdfast.storage.layers.limits import LimitsLayer
from holdfast.storage.layers.telemetry import TelemetryLayer

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver
    from holdfast.storage.options import DriverOptions

__all__ = ["compose"]


def compose(driver: StorageDriver, options: DriverOptions | None = None) -> StorageDriver:
    """Put the always-on layers around a driver; one that has them around it already is returned as it is.

    Args:
        driver: The driver, or a middleware around one.
        options: What the driver was made with. If they have a `maxthreads` that isn't `None` or 0, it limits
            how many operations run at once; otherwise nothing does, and the limits layer is left out.
    """
    if isinstance(driver, ChecksLayer):
        return driver
    maxthreads: int | None = getattr(options, "maxthreads", None)
    limited = LimitsLayer(driver, maxthreads=maxthreads) if maxthreads else driver
    return ChecksLayer(ErrorContextLayer(TelemetryLayer(limited)))
