"""Where everything lies: Distribution's layout, drawn once.

    /docker/registry/v2/
    ├── blobs/<algorithm>/<first two hex digits>/<hex>/data       content, manifests included
    └── repositories/<name>/
        ├── _layers/<algorithm>/<hex>/link                       the repository has this blob
        ├── _manifests/
        │   ├── revisions/<algorithm>/<hex>/link                 the repository has this manifest
        │   └── tags/<tag>/
        │       ├── current/link                                 what the tag points to
        │       └── index/<algorithm>/<hex>/link                 what it has ever pointed to
        ├── _uploads/<uuid>/
        │   ├── data                                             what was received
        │   └── startedat                                        RFC 3339; old ones are purged
        └── _referrers/                                          ours; Distribution's walks pass over it
            ├── complete                                         manifests from before the index are in it, too
            └── subjects/<algorithm>/<hex>/<algorithm>-<hex>     a manifest that refers to it, as a descriptor in JSON

    /docker/registry/holdfast/                                   ours; Distribution never looks here
    ├── probe/<random>                                           written, read and deleted at every start
    ├── readonly                                                 there while no replica takes writes
    └── secret                                                   signs upload locations where none is configured

A link is a file that holds a digest as text. Components of a repository's name never begin with `_`,
so nothing here can be taken for a repository.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from holdfast.registry.model.digest import Digest

__all__ = [
    "BLOBS",
    "READ_ONLY",
    "REGISTRY",
    "REPOSITORIES",
    "SECRET",
    "blob_data",
    "is_of_upload",
    "layer_link",
    "layers",
    "manifests",
    "referrer",
    "referrers_complete",
    "referrers_of",
    "referrers_subjects",
    "repository",
    "revision_link",
    "revisions",
    "tag",
    "tag_current_link",
    "tag_index_link",
    "tags",
    "upload",
    "upload_data",
    "upload_started_at",
    "uploads",
]

REGISTRY = "/docker/registry"
"""The directory of all that a registry has."""

_ROOT = f"{REGISTRY}/v2"

REPOSITORIES = f"{_ROOT}/repositories"
"""The directory of all repositories."""

BLOBS = f"{_ROOT}/blobs"
"""The directory of all content."""

SECRET = "/docker/registry/holdfast/secret"  # noqa: S105 - where it is, not what it is
"""The secret that replicas share where the configuration has none."""

READ_ONLY = "/docker/registry/holdfast/readonly"
"""The mark that says to all replicas that no writes are taken."""


def blob_data(digest: Digest) -> str:
    """Content of any kind."""
    return f"{BLOBS}/{digest.algorithm}/{digest.hex[:2]}/{digest.hex}/data"


def repository(name: str) -> str:
    """A repository's directory."""
    return f"{REPOSITORIES}/{name}"


def layers(name: str) -> str:
    """The directory of what a repository has of blobs."""
    return f"{REPOSITORIES}/{name}/_layers"


def layer_link(name: str, digest: Digest) -> str:
    """Says that a repository has a blob."""
    return f"{REPOSITORIES}/{name}/_layers/{digest.algorithm}/{digest.hex}/link"


def manifests(name: str) -> str:
    """The directory that makes a repository one."""
    return f"{REPOSITORIES}/{name}/_manifests"


def revisions(name: str) -> str:
    """The directory of a repository's manifests."""
    return f"{REPOSITORIES}/{name}/_manifests/revisions"


def revision_link(name: str, digest: Digest) -> str:
    """Says that a repository has a manifest."""
    return f"{REPOSITORIES}/{name}/_manifests/revisions/{digest.algorithm}/{digest.hex}/link"


def tags(name: str) -> str:
    """The directory of a repository's tags."""
    return f"{REPOSITORIES}/{name}/_manifests/tags"


def tag(name: str, tag_name: str) -> str:
    """A tag's directory."""
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag_name}"


def tag_current_link(name: str, tag_name: str) -> str:
    """What a tag points to."""
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag_name}/current/link"


def tag_index_link(name: str, tag_name: str, digest: Digest) -> str:
    """Says that a tag has pointed to a manifest."""
    return f"{REPOSITORIES}/{name}/_manifests/tags/{tag_name}/index/{digest.algorithm}/{digest.hex}/link"


def uploads(name: str) -> str:
    """The directory of a repository's uploads."""
    return f"{REPOSITORIES}/{name}/_uploads"


def is_of_upload(path: str) -> bool:
    """Whether something lies in an upload's directory: no name of a repository has such a component."""
    return path.startswith(REPOSITORIES) and "/_uploads/" in path


def upload(name: str, uuid: str) -> str:
    """An upload's directory."""
    return f"{REPOSITORIES}/{name}/_uploads/{uuid}"


def upload_data(name: str, uuid: str) -> str:
    """What an upload has received."""
    return f"{REPOSITORIES}/{name}/_uploads/{uuid}/data"


def upload_started_at(name: str, uuid: str) -> str:
    """When an upload began."""
    return f"{REPOSITORIES}/{name}/_uploads/{uuid}/startedat"


def referrers_complete(name: str) -> str:
    """Says that a repository's index of referrers has the manifests from before there was one."""
    return f"{REPOSITORIES}/{name}/_referrers/complete"


def referrers_subjects(name: str) -> str:
    """The directory of all that a repository's manifests refer to."""
    return f"{REPOSITORIES}/{name}/_referrers/subjects"


def referrers_of(name: str, subject: Digest) -> str:
    """The directory of the manifests that refer to one."""
    return f"{REPOSITORIES}/{name}/_referrers/subjects/{subject.algorithm}/{subject.hex}"


def referrer(name: str, subject: Digest, digest: Digest) -> str:
    """The descriptor of a manifest that refers to a subject."""
    return f"{referrers_of(name, subject)}/{digest.algorithm}-{digest.hex}"
