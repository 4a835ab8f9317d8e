"""Images: pushed by one client, pulled by another, each with each."""

import json
from pathlib import Path

import pytest

from tests.services.client import ClientError, ImageClient, Trust
from tests.services.images import Layout
from tests.services.oras import Oras
from tests.services.requirement import require_tool
from tests.services.server import Server
from tests.services.skopeo import Skopeo

pytestmark = pytest.mark.e2e

_EXACT = ("skopeo", "ctr", "oras")
"""Clients that push and pull what they are given; the others unpack layers, and pack them anew."""

_ALL = (*_EXACT, "podman", "buildah")


def _clients(request: pytest.FixtureRequest, *names: str) -> dict[str, ImageClient]:
    return {name: request.getfixturevalue(name) for name in names}


@pytest.mark.parametrize("pusher", _ALL)
def test_image_is_the_same_for_everybody(
    request: pytest.FixtureRequest, server: Server, small_image: Layout, tmp_path: Path, pusher: str
) -> None:
    """What one client pushed every client pulls, its own self included: the same configuration, the same layers."""
    clients = _clients(request, *_ALL)
    reference = f"{server.address}/by-{pusher}/image:v1"
    clients[pusher].push(small_image, reference)
    pulled = {name: client.pull(reference, tmp_path / f"pulled-{name}") for name, client in clients.items()}

    assert dict.fromkeys(_ALL, small_image.unpacked()) == {name: layout.unpacked() for name, layout in pulled.items()}
    if pusher in _EXACT:
        assert dict.fromkeys(_EXACT, small_image.blobs()) == {name: pulled[name].blobs() for name in _EXACT}


@pytest.mark.parametrize("pusher", _EXACT)
def test_index_is_the_same_for_everybody(
    request: pytest.FixtureRequest, server: Server, small_index: Layout, tmp_path: Path, pusher: str
) -> None:
    """An index that one client pushed with all its images comes bit for bit to every client that pulls it whole."""
    clients = _clients(request, *_EXACT)
    reference = f"{server.address}/by-{pusher}/index:v1"
    clients[pusher].push(small_index, reference)
    pulled = {name: client.pull(reference, tmp_path / f"pulled-{name}") for name, client in clients.items()}

    assert dict.fromkeys(_EXACT, small_index.blobs()) == {name: layout.blobs() for name, layout in pulled.items()}


@pytest.mark.parametrize("puller", _EXACT)
def test_pull_by_digest(  # noqa: PLR0917 fixtures
    request: pytest.FixtureRequest, server: Server, skopeo: Skopeo, small_image: Layout, tmp_path: Path, puller: str
) -> None:
    """An image pulled by its digest is the one that was pushed, whatever its tag names meanwhile."""
    (client,) = _clients(request, puller).values()
    skopeo.push(small_image, f"{server.address}/moved-{puller}:v1")
    skopeo.copy(small_image.reference, f"docker://{server.address}/moved-{puller}:v1", "--format=v2s2")
    pulled = client.pull(f"{server.address}/moved-{puller}@{small_image.digest}", tmp_path / "pulled")

    assert small_image.blobs() == pulled.blobs()


def test_skopeo_lists_inspects_and_deletes(
    server: Server, skopeo: Skopeo, small_image: Layout, small_index: Layout
) -> None:
    """The commands of skopeo see what was pushed, and what was deleted no more."""
    repository = f"{server.address}/skopeo/rest"
    skopeo.push(small_image, f"{repository}:v1")
    skopeo.push(small_index, f"{repository}:v2")
    inspected = json.loads(skopeo.inspect(f"{repository}:v1"))

    assert ["v1", "v2"] == skopeo.list_tags(repository) == inspected["RepoTags"]
    assert small_image.digest == inspected["Digest"]
    assert small_index.blobs()[small_index.digest] == skopeo.inspect(f"{repository}:v2", "--raw")

    skopeo.sync(repository, f"{server.address}/synced")

    assert ["v1", "v2"] == skopeo.list_tags(f"{server.address}/synced/rest")

    skopeo.delete(f"{repository}:v1")

    assert ["v2"] == skopeo.list_tags(repository)


@pytest.mark.parametrize("reached", ["tls"], indirect=True)
def test_large_image(server: Server, skopeo: Skopeo, oras: Oras, image: Layout, tmp_path: Path) -> None:
    """An image of 50 MB and more comes through TLS bit for bit."""
    skopeo.push(image, f"{server.address}/large:v1")

    assert image.blobs() == oras.pull(f"{server.address}/large:v1", tmp_path / "pulled").blobs()


@pytest.mark.parametrize("reached", ["tls"], indirect=True)
def test_unknown_authority(server: Server, small_image: Layout, tmp_path: Path) -> None:
    """A client that wasn't given the authority refuses: what the others see is TLS, and they check it."""
    tool = require_tool("skopeo", "scripts/install-clients")
    stranger = Skopeo(tool=tool, home=tmp_path, trust=Trust(authority=tmp_path / "ca.crt"))

    with pytest.raises(ClientError, match="unknown authority"):
        stranger.push(small_image, f"{server.address}/stranger:v1")
