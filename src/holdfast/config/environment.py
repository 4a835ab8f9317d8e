"""Environment variables that upstream reads as overrides of the configuration file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from holdfast.config import upstream
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["overrides", "refuse_overrides"]

_PREFIX = "REGISTRY_"


def overrides(environment: Mapping[str, str]) -> list[str]:
    """Name the variables that upstream would read, such as `REGISTRY_HTTP_ADDR`, sorted.

    Others of the same prefix, such as those that Kubernetes sets for a service named `registry`, mean nothing to
    upstream either.
    """
    sections = {key.upper() for key in upstream.KEYS[()]}
    return sorted(
        name
        for name in environment
        if name.startswith(_PREFIX) and name.removeprefix(_PREFIX).partition("_")[0] in sections
    )


def refuse_overrides(environment: Mapping[str, str]) -> None:
    """Refuse to run with overrides, which this version doesn't read.

    Running as if they weren't there would put images where their operator doesn't look for them.

    Raises:
        ConfigurationError: Some are set; it names them.
    """
    found = overrides(environment)
    if found:
        raise ConfigurationError(
            f"overrides by environment variables aren't supported by this version of Holdfast: {', '.join(found)};"
            " write them into the configuration file and unset them"
        )
