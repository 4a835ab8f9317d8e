"""oras: files as artifacts, and what is attached to them."""

import random
from pathlib import Path

import pytest

from tests.services.client import Trust
from tests.services.endpoints import Endpoints
from tests.services.images import Layout
from tests.services.oras import Oras
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """An empty file, a small one, one of several chunks, and a folder."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").write_text("inside the folder")
    contents = {"empty": b"", "small.txt": b"small", "large.bin": random.Random(7).randbytes(1_000_001)}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    return [*(tmp_path / name for name in contents), folder]


@pytest.mark.parametrize("chunked", [False, True], ids=["at-once", "in-chunks"])
def test_files_come_back(server: Server, oras: Oras, files: list[Path], tmp_path: Path, *, chunked: bool) -> None:
    """Files and folders pushed as an artifact are pulled again under their names, each with its content."""
    reference = f"{server.address}/oras/files:{chunked}"
    oras.push_files(reference, files, chunked=chunked)
    pulled = tmp_path / "pulled"

    assert [file.name for file in files] == oras.pull_files(reference, pulled)
    assert [file.read_bytes() for file in files[:3]] == [(pulled / file.name).read_bytes() for file in files[:3]]
    assert "inside the folder" == (pulled / "folder" / "inside").read_text()


def test_manifest_keeps_annotations(server: Server, oras: Oras, files: list[Path]) -> None:
    """What was said about an artifact is in the manifest that the registry has."""
    reference = f"{server.address}/oras/annotated:v1"
    oras.push_files(reference, files, annotations={"org.example.note": "a note"})
    manifest = oras.manifest(reference)

    assert {"org.example.note": "a note"} == manifest["annotations"]
    assert [0, 5, 1_000_001] == [layer["size"] for layer in manifest["layers"][:3]]


def test_tags(server: Server, oras: Oras, files: list[Path]) -> None:
    """Tags are listed whole and in part, page by page, and deleted ones no more."""
    repository = f"{server.address}/oras/tags"
    names = [f"v{number}" for number in range(5)]
    for number, tag in enumerate(names):
        oras.push_files(f"{repository}:{tag}", files[:1], annotations={"number": str(number)})

    assert names == oras.tags(repository)
    assert names[:2] == oras.tags(repository, limit=2)
    assert ["v1", "v3"] == oras.delete(repository, "v1", "v3", "v9")
    assert ["v0", "v2", "v4"] == oras.tags(repository)


def test_attached_files(  # noqa: PLR0917 fixtures
    server: Server, trust: Trust, oras: Oras, skopeo: Skopeo, small_image: Layout, files: list[Path], tmp_path: Path
) -> None:
    """Files attached to an image, and to what is attached to it, are found through what they are attached to."""
    repository = f"{server.address}/oras/attached"
    skopeo.push(small_image, f"{repository}:v1")
    first = oras.attach(f"{repository}:v1", f"{repository}:first", files[1:2])
    second = oras.attach(f"{repository}:v1", f"{repository}:second", files[2:3])
    third = oras.attach(f"{repository}:first", f"{repository}:third", files[:1])
    with Endpoints(server.url, trust) as endpoints:
        found = endpoints.referrers("oras/attached", small_image.digest)

        assert sorted([first, second]) == found
        assert [third] == endpoints.referrers("oras/attached", first)

        oras.pull_files(f"{repository}@{second}", tmp_path / "pulled")

        assert files[2].read_bytes() == (tmp_path / "pulled" / files[2].name).read_bytes()
        assert small_image.digest == oras.manifest(f"{repository}@{first}")["subject"]["digest"]

        oras.delete(repository, "first")

        assert [second] == endpoints.referrers("oras/attached", small_image.digest)
