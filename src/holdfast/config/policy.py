"""The section `policy`."""

from pydantic import Field

from holdfast.config.section import Section, below

__all__ = ["PolicySection", "RepositoryPolicySection"]


class RepositoryPolicySection(Section):
    """What repositories may hold."""

    classes: tuple[str, ...] = Field(default=(), description="The classes of content that are taken; empty for any.")


class PolicySection(Section):
    """What is taken."""

    repository: RepositoryPolicySection = below("What repositories may hold.")
