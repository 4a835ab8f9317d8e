"""Everything at once: the driver and a dictionary, compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from holdfast.testing.stateful import run_model
from holdfast.testing.suite.base import SuiteBase

if TYPE_CHECKING:
    from holdfast.storage.driver import StorageDriver

__all__ = ["Modelled"]


class Modelled(SuiteBase):
    """The state machine of `holdfast.testing.stateful`."""

    async def test_driver_behaves_like_a_dictionary(
        self, driver: StorageDriver, scratch: str, examples: settings
    ) -> None:
        """Any sequence of operations has the results and errors that the model has."""
        await run_model(driver, scratch, settings=settings(examples, stateful_step_count=30))
