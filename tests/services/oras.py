"""oras, the Python library that pushes files as artifacts."""

import json
from pathlib import Path
from typing import Any, Self

# The library has annotations and doesn't say so in the way that type checkers ask for.
import oras.container  # type: ignore[import-untyped]
import oras.layout  # type: ignore[import-untyped]
import oras.oci  # type: ignore[import-untyped]
import oras.provider  # type: ignore[import-untyped]

from .client import PLAIN, Trust
from .documents import sha256
from .images import Layout

__all__ = ["Oras"]

_CHUNK = 300_000


class Oras:
    """Runs oras; a context manager that closes its connections.

    Args:
        trust: How it reaches the registry.
    """

    def __init__(self, trust: Trust = PLAIN) -> None:
        verify = True if trust.authority is None else str(trust.authority)
        self._registry = oras.provider.Registry(insecure=trust.authority is None, tls_verify=verify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._registry.session.close()

    def push(self, layout: Layout, reference: str) -> None:
        """Pushes what a layout names bit for bit, an index with all its images, large blobs in chunks."""
        source = oras.layout.NewLayout(str(layout.path))
        source.push_to_registry(self._registry, reference, tag=layout.tag, do_chunked=True, chunk_size=_CHUNK)

    def pull(self, reference: str, folder: Path) -> Layout:
        """Pulls what a reference names bit for bit, an index with all its images."""
        oras.layout.NewLayoutFromRegistry(str(folder), self._registry, reference, tag="pulled")
        return Layout.read(folder)

    def push_files(
        self,
        reference: str,
        files: list[Path],
        *,
        annotations: dict[str, str] | None = None,
        chunked: bool = False,
        subject: dict[str, Any] | None = None,
    ) -> str:
        """Pushes files and folders as an artifact, and returns its digest.

        Args:
            reference: `host/name:tag` for it.
            files: What is in it.
            annotations: The manifest's annotations.
            chunked: Send the content in chunks.
            subject: The descriptor of what the artifact is attached to.
        """
        answer = self._registry.push(
            reference,
            files=list(map(str, files)),
            manifest_annotations=annotations,
            do_chunked=chunked,
            chunk_size=_CHUNK,
            disable_path_validation=True,
            subject=None if subject is None else oras.oci.Subject(**subject),
        )
        return str(answer.headers["docker-content-digest"])

    def attach(self, subject: str, reference: str, files: list[Path]) -> str:
        """Attaches files, under a tag, to what another reference names, and returns the digest of the artifact."""
        url = f"{self._registry.prefix}://{oras.container.Container(subject).manifest_url()}"
        answer = self._registry.do_request(url, headers={"accept": "application/vnd.oci.image.manifest.v1+json"})
        answer.raise_for_status()
        media_type = json.loads(answer.content)["mediaType"]
        descriptor = {"mediaType": media_type, "digest": sha256(answer.content), "size": len(answer.content)}
        return self.push_files(reference, files, subject=descriptor)

    def pull_files(self, reference: str, folder: Path) -> list[str]:
        """Pulls the files of an artifact into a folder, and returns their names there."""
        pulled = self._registry.pull(reference, outdir=str(folder))
        return [Path(file).name for file in pulled]

    def manifest(self, reference: str) -> dict[str, Any]:
        """Returns the manifest that a reference names."""
        return dict(self._registry.get_manifest(reference))

    def tags(self, repository: str, *, limit: int | None = None) -> list[str]:
        """Returns the tags of a repository, all or so many."""
        return list(self._registry.get_tags(repository, limit))

    def delete(self, repository: str, *tags: str) -> list[str]:
        """Deletes what tags name, and returns those tags that were there."""
        return list(self._registry.delete_tags(repository, list(tags)))
