"""What holds of a registry's storage at every moment, whatever failed."""

import re

from holdfast.registry.model.digest import Digest
from tests.registry.storages import Storage

__all__ = ["assert_consistent"]

_ROOT = "/docker/registry/v2"
_DATA = re.compile(rf"{_ROOT}/blobs/(\w+)/\w\w/(\w+)/data").fullmatch
_LAYER = re.compile(rf"{_ROOT}/repositories/.+/_layers/(\w+)/(\w+)/link").fullmatch
_REVISION = re.compile(rf"({_ROOT}/repositories/.+)/_manifests/revisions/(\w+)/(\w+)/link").fullmatch
_TAG = re.compile(rf"({_ROOT}/repositories/.+)/_manifests/tags/([^/]+)/(.+)").fullmatch


async def assert_consistent(storage: Storage) -> None:
    """No content but what its digest says; no link without its content; no tag that doesn't resolve."""
    files = await storage.files()
    contents = set()
    for path, content in files.items():
        if match := _DATA(path):
            assert match[2] == Digest.of(content, match[1]).hex, path
            contents.add(f"{match[1]}:{match[2]}")
    revisions = set()
    for path, content in files.items():
        if match := _LAYER(path):
            assert f"{match[1]}:{match[2]}" == content.decode(), path
            assert content.decode() in contents, path
        if match := _REVISION(path):
            assert f"{match[2]}:{match[3]}" == content.decode(), path
            assert content.decode() in contents, path
            revisions.add((match[1], content.decode()))
    for path in files:
        if match := _TAG(path):
            current = files.get(f"{match[1]}/_manifests/tags/{match[2]}/current/link")
            assert current is not None, path
            assert (match[1], current.decode()) in revisions, path
