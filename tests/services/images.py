"""Images of real files, as OCI image layouts.

The format is the OCI image-spec's: image-layout.md, manifest.md, image-index.md, config.md and layer.md.
"""

import gzip
import hashlib
import io
import json
import sysconfig
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

__all__ = ["MINIMUM", "Layout", "build_image", "build_index", "build_small_image"]

MINIMUM = 50_000_000
"""Bytes of real files in the image of `build_image`, at least."""

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_INDEX = "application/vnd.oci.image.index.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"

_LAYER_CAP = 24_000_000
_FILE_CAP = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """An OCI image layout on disk with one tagged image or index in it.

    Attributes:
        path: The layout's folder.
        tag: The only tag in its `index.json`.
        digest: The digest of what the tag names.
    """

    path: Path
    tag: str
    digest: str

    @property
    def reference(self) -> str:
        """The image in skopeo's notation."""
        return f"oci:{self.path}:{self.tag}"

    def blobs(self) -> dict[str, bytes]:
        """Returns every blob of the layout by its digest, manifests and configurations included."""
        folder = self.path / "blobs" / "sha256"
        return {f"sha256:{file.name}": file.read_bytes() for file in sorted(folder.iterdir())}

    def unpacked(self) -> tuple[str, list[str]]:
        """Returns what packing its layers anew doesn't change: the configuration's digest, and those of the tars.

        Raises:
            KeyError: the tag names no image but an index.
        """
        blobs = self.blobs()
        manifest = json.loads(blobs[self.digest])
        tars = [_unpack(blobs[layer["digest"]], layer["mediaType"]) for layer in manifest["layers"]]
        return str(manifest["config"]["digest"]), [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in tars]

    @classmethod
    def read(cls, path: Path) -> "Layout":
        """Reads a layout that a client has written; the digest is the one that its `index.json` says."""
        (entry,) = json.loads((path / "index.json").read_bytes())["manifests"]
        return cls(path=path, tag=entry["annotations"]["org.opencontainers.image.ref.name"], digest=entry["digest"])


def build_image(path: Path) -> Layout:
    """Builds a single-platform image of three or more layers, with `MINIMUM` bytes or more of this machine's files.

    The same files give the same digests: entries are sorted and carry neither times nor owners.

    Args:
        path: The layout's folder; it must not exist yet.

    Raises:
        ValueError: this machine has too few files.
    """
    writer = _LayoutWriter(path)
    layers: list[_Layer] = []
    for folder in _sources():
        layers.append(_pack(folder, _LAYER_CAP))
        if len(layers) >= 3 and sum(layer.unpacked for layer in layers) >= MINIMUM:
            break
    else:
        msg = f"too few files on this machine for an image of three layers and {MINIMUM} bytes"
        raise ValueError(msg)
    return writer.finish("latest", writer.add_image(layers, architecture="amd64"))


def build_small_image(path: Path) -> Layout:
    """Builds a single-platform image of two layers; some hundred kilobytes.

    Args:
        path: The layout's folder; it must not exist yet.
    """
    writer = _LayoutWriter(path)
    layers = [_pack(folder, 300_000) for folder in _sources()[:2]]
    return writer.finish("small", writer.add_image(layers, architecture="amd64"))


def build_index(path: Path, *, cap: int = 2_000_000) -> Layout:
    """Builds an image index for two platforms that share a layer.

    Args:
        path: The layout's folder; it must not exist yet.
        cap: How many bytes of files a layer has, or a little more.
    """
    writer = _LayoutWriter(path)
    shared, *rest = [_pack(folder, cap) for folder in _sources()[:3]]
    manifests = [
        {
            **writer.add_image([shared, own], architecture=architecture),
            "platform": {"os": "linux", "architecture": architecture},
        }
        for architecture, own in zip(("amd64", "arm64"), rest, strict=False)
    ]
    document = {"schemaVersion": 2, "mediaType": _INDEX, "manifests": manifests}
    return writer.finish("multi", writer.add_document(_INDEX, document))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layer:
    data: bytes
    diff_id: str
    unpacked: int


class _LayoutWriter:
    """Writes the blobs of one layout, and its two fixed files last."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._blobs = path / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)

    def add_blob(self, media_type: str, data: bytes) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (self._blobs / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    def add_document(self, media_type: str, document: dict[str, object]) -> dict[str, object]:
        return self.add_blob(media_type, json.dumps(document, sort_keys=True).encode())

    def add_image(self, layers: list[_Layer], *, architecture: str) -> dict[str, object]:
        config: dict[str, object] = {
            "created": "1970-01-01T00:00:00Z",
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
        manifest: dict[str, object] = {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": self.add_document(_CONFIG, config),
            "layers": [self.add_blob(_LAYER, layer.data) for layer in layers],
        }
        return self.add_document(_MANIFEST, manifest)

    def finish(self, tag: str, descriptor: dict[str, object]) -> Layout:
        entry = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": tag}}
        (self._path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        (self._path / "oci-layout").write_text(json.dumps({"imageLayoutVersion": "1.0.0"}))
        return Layout(path=self._path, tag=tag, digest=str(descriptor["digest"]))


def _unpack(layer: bytes, media_type: str) -> bytes:
    """Undoes a layer's compression, in the way that its media type says."""
    if not media_type.endswith("gzip"):
        return layer
    return gzip.decompress(layer)


def _sources() -> list[Path]:
    """The folders to make layers of, as far as they are there."""
    paths = sysconfig.get_paths()
    candidates = [Path(paths["stdlib"]), Path(paths["purelib"]), Path("/usr/share"), Path("/usr/lib"), Path("/usr/bin")]
    return [folder for folder in candidates if folder.is_dir()]


def _files(folder: Path) -> Iterator[Path]:
    """The regular files under a folder in a stable order, without what running Python changes."""
    for entry in sorted(folder.iterdir()):
        if entry.is_symlink() or entry.name == "__pycache__":
            continue
        if entry.is_dir():
            yield from _files(entry)
        elif entry.is_file():
            yield entry


def _pack(folder: Path, cap: int) -> _Layer:
    """Packs files of a folder into a compressed tar, until `cap` bytes are in it."""
    unpacked = 0
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for file in _files(folder):
            if file.stat().st_size > _FILE_CAP:
                continue
            data = file.read_bytes()
            entry = tarfile.TarInfo(str(file.relative_to("/")))
            entry.size = len(data)
            entry.mode = 0o644
            archive.addfile(entry, io.BytesIO(data))
            unpacked += len(data)
            if unpacked >= cap:
                break
    tar = buffer.getvalue()
    diff_id = f"sha256:{hashlib.sha256(tar).hexdigest()}"
    return _Layer(data=gzip.compress(tar, compresslevel=1, mtime=0), diff_id=diff_id, unpacked=unpacked)
