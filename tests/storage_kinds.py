"""The kinds of storage that the registry's tests run on, as a pytest plugin.

By default those that need nothing else: memory and a folder. `--stores ceph,azurite` runs them on those stores instead;
`--stores all` on every store that there is, each set up in the usual way; in others it is tried by its name.
"""

from pathlib import Path
from typing import Any

import pytest

from tests.registry.storages import Storage, filesystem, in_bucket, inmemory

__all__ = ["STORES", "chosen_kinds", "make_storage"]

STORES = ("ceph", "swift", "swift_s3", "moto", "azurite", "fake_gcs", "oss")
"""The object stores, by the names of their fixtures."""

_FURTHER = ("swift_dlo", "swift_keystone", "swift_keystone_dlo")
"""The same stores set up otherwise."""

_PLAIN = ("inmemory", "filesystem")
_buckets = pytest.StashKey[dict[str, Any]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the choice of stores."""
    parser.addoption(
        "--stores",
        metavar="NAMES",
        help=f"run the tests of the registry on these object stores instead of {' and '.join(_PLAIN)}:"
        f" all, or of {', '.join((*STORES, *_FURTHER))}",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Makes a test that needs a storage one test for each kind."""
    if "storage_kind" in metafunc.fixturenames:
        # The name that the tests had when they chose by themselves.
        metafunc.parametrize("storage_kind", chosen_kinds(metafunc.config), scope="session")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out, where stores are chosen, what has nothing to do with them."""
    if config.getoption("--stores") is None:
        return
    others = [item for item in items if {"storage_kind", "place"}.isdisjoint(getattr(item, "fixturenames", ()))]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if item not in set(others)]


def make_storage(kind: str, request: pytest.FixtureRequest, folder: Path) -> Storage:
    """Returns an empty storage; a store's are parts of one bucket, since making buckets takes long.

    Args:
        kind: What `storage_kind` is.
        request: The request of the fixture that wants it.
        folder: Where a storage that needs a folder has it.
    """
    if kind == "inmemory":
        return inmemory()
    if kind == "filesystem":
        return filesystem(folder)
    buckets = request.config.stash.setdefault(_buckets, {})
    if kind not in buckets:
        buckets[kind] = request.getfixturevalue(kind).new_bucket()
    return in_bucket(buckets[kind])


def chosen_kinds(config: pytest.Config) -> tuple[str, ...]:
    """Returns the kinds that this session runs on."""
    given: str | None = config.getoption("--stores")
    if given is None:
        return _PLAIN
    names = STORES if given == "all" else tuple(given.split(","))
    known = (*STORES, *_FURTHER)
    if unknown := set(names) - set(known):
        raise pytest.UsageError(f"--stores: no store is named {', '.join(sorted(unknown))}; all, or {', '.join(known)}")
    return names
