"""The whole configuration."""

from typing import Literal

from pydantic import Field

from holdfast.config.http import HTTPSection
from holdfast.config.log import LogSection
from holdfast.config.section import Section
from holdfast.config.storage import StorageField

__all__ = ["Configuration"]


class Configuration(Section):
    """What the registry runs with. Make one with `load`, or from values with `Configuration.model_validate`."""

    version: Literal["0.1"] = Field(description="The version of the file's format.")
    log: LogSection = Field(default_factory=LogSection, description="Logging.")
    storage: StorageField = Field(description="Storage.")
    http: HTTPSection = Field(default_factory=HTTPSection, description="HTTP.")
