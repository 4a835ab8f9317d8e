import sys
from dataclasses import fields
from datetime import timedelta

import pytest
from starlette.responses import Response

from holdfast.cli.settings import registry_settings
from holdfast.config import Configuration, parse
from holdfast.registry.app import Settings
from holdfast.registry.http.urls import Urls
from holdfast.registry.maintenance.purging import UploadPurging
from holdfast.registry.middleware import REPOSITORY, Operation, Proceed
from holdfast.registry.store.facts import REMEMBERED_BLOBS
from holdfast.storage import DriverOptions

_BASE = "version: 0.1\n"

# Not the configuration's to say: how often the switch in storage is looked at.
_OF_NO_KEY = {"read_only_look"}

_ALL = """
storage:
  inmemory:
  delete: {enabled: true}
  redirect: {disable: true}
  cache: {blobdescriptor: inmemory, blobdescriptorsize: 77}
  tag: {concurrencylimit: 5}
  maintenance:
    uploadpurging: {age: 2h, interval: 1h, dryrun: true}
    readonly: {enabled: true}
http:
  host: https://registry.example.org/deep/
  prefix: /inner/
  relativeurls: true
  secret: hush
  headers: {X-One: [a, b]}
catalog: {maxentries: 7}
tags: {maxtags: 8}
validation:
  manifests:
    urls: {allow: ['^https://a'], deny: ['b$']}
    indexes: {platforms: list, platformlist: [{os: linux, architecture: amd64}]}
middleware:
  repository: [{name: guard}]
holdfast:
  repositories: {delete: true}
  manifests: {sparseimages: true}
  uploads: {minchunk: 5MiB}
  http: {bodytimeout: 3s, bodymemory: 1MiB}
"""


class _Guard:
    Options = DriverOptions

    def __init__(self, options: DriverOptions) -> None:
        self.options = options

    async def __call__(self, operation: Operation, proceed: Proceed) -> Response:
        del operation
        return await proceed()


@pytest.fixture(autouse=True)
def _guard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(REPOSITORY._registered, "guard", _Guard)


def _configuration(text: str) -> Configuration:
    return parse((_BASE + text).encode())


def test_every_key_arrives() -> None:
    """Each setting is what its key says; none is left at its default."""
    actual = registry_settings(_configuration(_ALL))
    left = {field.name for field in fields(Settings) if getattr(actual, field.name) == getattr(Settings(), field.name)}

    assert _OF_NO_KEY == left
    assert Urls(root="https://registry.example.org/deep", prefix="/inner", relative=True) == actual.urls
    assert (("X-One", "a"), ("X-One", "b")) == actual.headers
    assert UploadPurging(age=timedelta(hours=2), interval=timedelta(hours=1), dry_run=True) == actual.purging
    assert (7, 8, 5, 77) == (
        actual.catalog_max_entries,
        actual.tags_max,
        actual.tag_concurrency,
        actual.remembered_blobs,
    )
    assert ("hush", 3.0, 1024**2, 5 * 1024**2) == (
        actual.secret,
        actual.body_idle_timeout,
        actual.body_memory,
        actual.min_chunk,
    )
    rules = actual.validation
    assert (True, False) == (rules.allows_url("https://a/x"), rules.allows_url("https://a/b"))
    assert ("list", frozenset({("linux", "amd64")}), True) == (
        rules.platforms,
        rules.platform_list,
        rules.sparse_images,
    )


def test_what_upstream_does_without_a_key() -> None:
    """A file that says nothing means what it means to Distribution: uploads are purged, content is redirected."""
    actual = registry_settings(_configuration("storage: inmemory"))

    assert UploadPurging() == actual.purging
    assert Settings(purging=UploadPurging()) == actual


@pytest.mark.parametrize(
    ("cache", "expected"),
    [
        ("{}", REMEMBERED_BLOBS),
        ("{blobdescriptor: inmemory}", 10_000),
        ("{layerinfo: inmemory, blobdescriptorsize: 5}", 5),
        ("{blobdescriptor: inmemory, blobdescriptorsize: 0}", sys.maxsize),
    ],
)
def test_remembered_blobs(cache: str, expected: int) -> None:
    """How many blobs are remembered is the file's to say once it asks for a cache; 0 is no limit, as upstream."""
    actual = registry_settings(_configuration(f"storage: {{inmemory: , cache: {cache}}}"))

    assert expected == actual.remembered_blobs


def test_purging_switched_off() -> None:
    """Nothing is purged where that is switched off."""
    text = "storage: {inmemory: , maintenance: {uploadpurging: {enabled: false}}}"

    assert None is registry_settings(_configuration(text)).purging
