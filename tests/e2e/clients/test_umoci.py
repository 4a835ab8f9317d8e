"""umoci, which makes and unpacks images; the way over the registry is skopeo's."""

from pathlib import Path

import pytest

from tests.services.server import Server
from tests.services.skopeo import Skopeo
from tests.services.umoci import Umoci

pytestmark = pytest.mark.e2e


def _files(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Mode and content of all files below a folder, by their path."""
    return {
        str(path.relative_to(folder)): (path.stat().st_mode, path.read_bytes())
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_files_survive_the_way(server: Server, skopeo: Skopeo, umoci: Umoci, tmp_path: Path) -> None:
    """Files put into an image come out of it after a push and a pull: their names, modes and content."""
    source = tmp_path / "source"
    (source / "bin").mkdir(parents=True)
    (source / "bin" / "program").write_bytes(Path("/bin/true").read_bytes())
    (source / "bin" / "program").chmod(0o755)
    (source / "empty").touch(mode=0o600)
    (source / "a name with spaces, and ümlauts").write_text("content")
    made = umoci.make_image(tmp_path / "made", source, tag="v1", configuration={"made-by": "a test"})

    skopeo.push(made, f"{server.address}/umoci/files:v1")
    pulled = skopeo.pull(f"{server.address}/umoci/files:v1", tmp_path / "pulled")

    assert made.blobs() == pulled.blobs()
    assert ["pulled"] == umoci.tags(pulled.path)
    assert _files(source) == _files(umoci.unpack(pulled, tmp_path / "bundle") / "files")
