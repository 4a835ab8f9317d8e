"""What both bridges take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from holdfast.storage.options import DriverOptions

__all__ = ["BridgeOptions", "Given"]


def _as_json(value: Any) -> Any:
    """A mapping, kept as text so that all of it is masked: which of its values are secret, the library knows."""
    return json.dumps(dict(value), default=str) if isinstance(value, Mapping) else value


Given = Annotated[SecretStr, BeforeValidator(_as_json)]
"""Options of the library, as a mapping or as JSON in one text."""


class BridgeOptions(DriverOptions):
    """Options that both bridges have."""

    maxthreads: int = Field(
        default=32,
        ge=1,
        description="How many operations may run at once; the others wait.",
    )
    chunksize: int = Field(
        default=5 * 1024 * 1024,
        ge=1024 * 1024,
        description=(
            "How many bytes of a large blob are sent in one request. Larger ones need fewer requests and more memory:"
            " raise it together with `buffermemory`."
        ),
    )
    buffermemory: int = Field(
        default=256 * 1024 * 1024,
        ge=1,
        description=(
            "How many bytes all unfinished writes together may hold in memory; a writer waits when there are no more."
        ),
    )

    @model_validator(mode="after")
    def _is_mapping(self) -> BridgeOptions:
        """Check what a secret's own validator couldn't say."""
        try:
            given = json.loads(self.given)
        except ValueError:
            given = None
        if not isinstance(given, dict):
            raise PydanticCustomError("options", "'options' is a mapping, or a JSON object in one text")
        return self

    @property
    def given(self) -> str:
        """The library's options, as JSON."""
        options: SecretStr = getattr(self, "options", SecretStr("{}"))
        return options.get_secret_value()

    @property
    def settings(self) -> dict[str, Any]:
        """The library's options."""
        settings: dict[str, Any] = json.loads(self.given)
        return settings
