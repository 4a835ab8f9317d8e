"""Sections that upstream had up to version 2.8, and has no more: `compatibility` and `reporting`."""

from typing import Annotated

from pydantic import Field, SecretStr

from holdfast.config.scalars import Boolean
from holdfast.config.section import Section, Variable, below

__all__ = ["BugsnagSection", "CompatibilitySection", "NewRelicSection", "ReportingSection", "Schema1Section"]


class Schema1Section(Section):
    """Manifests of schema 1."""

    signingkeyfile: Annotated[str | None, Variable("TRUSTKEY")] = Field(
        default=None, description="Gone from upstream: the key that signed such manifests."
    )
    enabled: Boolean = Field(default=False, description="Gone from upstream: whether such manifests are taken.")


class CompatibilitySection(Section):
    """Old forms of content."""

    schema1: Schema1Section = below("Manifests of schema 1.")


class BugsnagSection(Section):
    """Errors told to Bugsnag."""

    apikey: SecretStr | None = Field(default=None, description="Gone from upstream: the key; switches this on.")
    releasestage: str | None = Field(default=None, description="Gone from upstream: what the installation is called.")
    endpoint: str | None = Field(default=None, description="Gone from upstream: where errors are sent to.")


class NewRelicSection(Section):
    """Figures told to New Relic."""

    licensekey: SecretStr | None = Field(default=None, description="Gone from upstream: the key; switches this on.")
    name: str | None = Field(default=None, description="Gone from upstream: what the installation is called.")
    verbose: Boolean = Field(default=False, description="Gone from upstream: log what is sent.")


class ReportingSection(Section):
    """Services that are told of errors and figures."""

    bugsnag: BugsnagSection = below("Errors told to Bugsnag.")
    newrelic: NewRelicSection = below("Figures told to New Relic.")
