"""What `mirror` takes."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, RootModel, model_validator

from holdfast.storage.options import DriverOptions

__all__ = ["MirrorOptions", "SecondStorage"]


class SecondStorage(RootModel[dict[str, dict[str, Any] | None]]):
    """A driver's name, with its parameters below it, as `storage` has it in the configuration."""

    @model_validator(mode="after")
    def _one(self) -> SecondStorage:
        if len(self.root) != 1:
            raise ValueError("needs the name of one driver, and its parameters below it")
        return self

    def __repr__(self) -> str:
        """The driver's name alone: parameters may be secret."""
        return f"SecondStorage({', '.join(self.root)})"


class MirrorOptions(DriverOptions):
    """The second store, and whether a write waits for it."""

    storage: SecondStorage = Field(
        description="The second store: the name of its driver, with the driver's parameters below it."
    )
    required: Literal["both", "primary"] = Field(
        default="both",
        description="Which stores must have taken a write before it is acknowledged: `both`, or the `primary`, the"
        " configured storage itself; then what the second one fails to take is logged, and copied later.",
    )
