"""The whole configuration."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from holdfast.config.auth import AuthField
from holdfast.config.gone import CompatibilitySection, ReportingSection
from holdfast.config.health import HealthSection
from holdfast.config.holdfast import HoldfastSection
from holdfast.config.http import HTTPSection
from holdfast.config.listings import CatalogSection, TagsSection
from holdfast.config.log import LogLevel, LogSection
from holdfast.config.middleware import MiddlewareSection
from holdfast.config.notifications import NotificationsSection
from holdfast.config.policy import PolicySection
from holdfast.config.proxy import ProxySection
from holdfast.config.redis import RedisSection
from holdfast.config.scalars import Word
from holdfast.config.section import Section, below
from holdfast.config.storage import StorageField
from holdfast.config.validation import Platforms, ValidationSection

__all__ = ["Configuration"]


class Configuration(Section):
    """What the registry runs with. Make one with `load`, or from values with `Configuration.model_validate`."""

    version: Literal["0.1"] = Field(description="The version of the file's format.")
    log: LogSection = below("Logging.")
    loglevel: Annotated[LogLevel, Word] | None = Field(
        default=None, description="Deprecated: `log.level`, which wins where both are there."
    )
    storage: StorageField = Field(description="Storage.")
    auth: AuthField = below("Who may do what.")
    middleware: MiddlewareSection = below("What stands around the storage, a repository or the registry.")
    http: HTTPSection = below("HTTP.")
    notifications: NotificationsSection = below("Who is told of pushes, pulls and deletes.")
    redis: RedisSection = below("A Redis server or cluster.")
    health: HealthSection = below("What is looked at by and by.")
    proxy: ProxySection = below("The registry as a cache in front of another one.")
    validation: ValidationSection = below("What a manifest must have to be taken.")
    catalog: CatalogSection = below("The list of repositories.")
    tags: TagsSection = below("The list of a repository's tags.")
    policy: PolicySection = below("What is taken.")
    holdfast: HoldfastSection = below("What upstream has no key for; upstream passes over it.")
    compatibility: CompatibilitySection = below("Gone from upstream since version 3.")
    reporting: ReportingSection = below("Gone from upstream since version 3.")

    @model_validator(mode="before")
    @classmethod
    def _the_old_level_counts_where_there_is_no_new_one(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("loglevel"), str):
            return value
        log, level = value.get("log") or {}, value["loglevel"].lower()
        if not isinstance(log, dict) or log.get("level") or level not in get_args(LogLevel):
            return value
        return value | {"log": log | {"level": level}}

    @property
    def index_platforms(self) -> Platforms:
        """Which images of an index must be there, with what `holdfast.manifests.sparseindexes` says."""
        return "none" if self.holdfast.manifests.sparseindexes else self.validation.platforms
