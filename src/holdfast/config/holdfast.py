"""The section `holdfast`: what upstream has no key for. Upstream passes over it, so one file serves both."""

from datetime import timedelta

from pydantic import ByteSize, Field

from holdfast.config.scalars import Boolean, Size
from holdfast.config.section import Section, below
from holdfast.duration import PositiveDuration

__all__ = ["BodySection", "HoldfastSection", "IndexSection", "RepositoriesSection", "UploadsSection"]


class RepositoriesSection(Section):
    """What can be done to whole repositories."""

    delete: Boolean = Field(
        default=False,
        description="Whether a whole repository can be deleted over HTTP; `storage.delete` must be on, too.",
    )


class IndexSection(Section):
    """What Holdfast takes beside what upstream takes."""

    sparseindexes: Boolean = Field(
        default=False,
        description="Take indexes without their images, as `validation.manifests.indexes.platforms: none` does.",
    )
    sparseimages: Boolean = Field(
        default=False, description="Take images without their layers and configuration; clients can't pull them whole."
    )


class UploadsSection(Section):
    """Uploads in pieces."""

    minchunk: Size = Field(
        default=ByteSize(0),
        description="The least size of a chunk that clients are told (`OCI-Chunk-Min-Length`); 0 tells none.",
    )


class BodySection(Section):
    """Bodies of requests."""

    bodytimeout: PositiveDuration = Field(
        default=timedelta(minutes=2), description="How long a request's body may bring nothing before it is given up."
    )
    bodymemory: Size = Field(
        default=ByteSize(512 * 1024 * 1024), description="How much memory all request bodies may take together."
    )


class HoldfastSection(Section):
    """What upstream has no key for."""

    repositories: RepositoriesSection = below("What can be done to whole repositories.")
    manifests: IndexSection = below("What Holdfast takes beside what upstream takes.")
    uploads: UploadsSection = below("Uploads in pieces.")
    http: BodySection = below("Bodies of requests.")
