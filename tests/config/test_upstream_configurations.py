"""Every example configuration of Distribution: what each of its values comes to here.

Of the drivers that some of them name, not all are here. So the driver isn't asked about its parameters
(`check_driver=False`): they are compared as they are handed to it. All else is validated.
"""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from holdfast.config import parse, read_bytes, unhonoured
from holdfast.config.document import Value, read_document
from holdfast.config.problem import Path, dotted
from holdfast.config.storage import BESIDE_THE_DRIVER
from tests.config.lookup import plain, value_at
from tests.config.upstream_examples import EXPECTED

_FOLDER = pathlib.Path(__file__).parents[1] / "data" / "configurations"


_COMPARED_WHOLE = {"fields", "headers", "ignore", "options", "platformlist"}


def _leaves(value: Value, path: Path = ()) -> Iterator[str]:
    """What a file says, as the paths of the models; some mappings are compared as a whole."""
    whole = bool(path) and path[-1] in _COMPARED_WHOLE and path[:2] != ("log", "hooks")
    if path == ("storage",):
        yield "storage.driver"
    if len(path) == 2 and path[0] == "storage" and path[1] not in BESIDE_THE_DRIVER:
        yield "storage.parameters"
    elif isinstance(value, dict) and not whole:
        for name, item in value.items():
            yield from _leaves(item, (*path, "from_" if name == "from" else name))
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value) and not whole:
        for index, item in enumerate(value):
            yield from _leaves(item, (*path, index))
    elif path != ("storage",):
        yield dotted(path)


def test_every_example_is_in_the_table() -> None:
    """No file lies there unread."""
    assert {path.stem for path in _FOLDER.glob("*.yml")} == set(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_an_example_means_what_it_means_to_distribution(name: str) -> None:
    """Each value that the file has arrives where it belongs, with its type."""
    data = (_FOLDER / f"{name}.yml").read_bytes()
    expected = EXPECTED[name]

    configuration = parse(data, source=f"{name}.yml", check_driver=False)
    said = set(_leaves(read_document(data, name).content)) - {"version"}

    assert expected == {path: plain(value_at(configuration, path)) for path in expected}
    assert set() == said - set(expected), "a value of the file that the table doesn't have"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("dev", []),
        ("development", []),
        ("garbage-collection", []),
        ("local-s3", []),
        ("macos", []),
        ("reference-hooks", []),
        ("reference-redis", []),
        ("example", ["auth.htpasswd"]),
        ("cache", ["proxy.remoteurl", "storage.cache.blobdescriptor"]),
        ("e2e-cloud-storage", ["storage.cache.blobdescriptor"]),
        ("notifications", ["notifications.endpoints.0"]),
        ("mirror", ["proxy.remoteurl"]),
        ("rewrite", []),
        ("parser-whole", ["auth.silly", "notifications.endpoints.0", "http.tls.clientcas"]),
        ("reference-http", ["http.tls.letsencrypt", "http.tls.ciphersuites"]),
    ],
)
def test_what_of_an_example_is_not_honoured(name: str, expected: list[str]) -> None:
    """Which examples can be served as they are, and what stands in the way of the others."""
    configuration = parse((_FOLDER / f"{name}.yml").read_bytes(), check_driver=False)

    actual = [dotted(found.path) for found in unhonoured(configuration)]

    assert expected == actual


def test_a_key_that_stands_twice_counts_as_in_distribution() -> None:
    """The later one counts, and there is a word about it."""
    reading = read_bytes((_FOLDER / "e2e-cloud-storage.yml").read_bytes(), source="c.yml", check_driver=False)

    expected = "storage.s3.secure: stands here a second time, after c.yml:36:5; this one counts, as upstream has it"

    assert [f"c.yml:38:5: {expected}"] == [str(remark) for remark in reading.remarks]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (
            {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": "/somewhere"},
            {"storage.parameters.rootdirectory": "/somewhere"},
        ),
        ({"REGISTRY_HTTP_ADDR": "0.0.0.0:5001"}, {"http.addr": "0.0.0.0:5001"}),
        ({"REGISTRY_STORAGE_DELETE_ENABLED": "true"}, {"storage.delete.enabled": True}),
        (
            {
                "REGISTRY_HTTP_ADDR": "0.0.0.0:443",
                "REGISTRY_HTTP_TLS_CERTIFICATE": "/certs/domain.crt",
                "REGISTRY_HTTP_TLS_KEY": "/certs/domain.key",
            },
            {
                "http.addr": "0.0.0.0:443",
                "http.tls.certificate": "/certs/domain.crt",
                "http.tls.key": "/certs/domain.key",
                "http.tls.enabled": True,
            },
        ),
        (
            {
                "REGISTRY_AUTH": "htpasswd",
                "REGISTRY_AUTH_HTPASSWD_REALM": "Registry Realm",
                "REGISTRY_AUTH_HTPASSWD_PATH": "/auth/htpasswd",
            },
            {"auth.kind": "htpasswd", "auth.htpasswd": {"realm": "Registry Realm", "path": "/auth/htpasswd"}},
        ),
        (
            {"REGISTRY_HTTP_TLS_LETSENCRYPT_HOSTS_0": "registry.example.com"},
            {"http.tls.letsencrypt.hosts": ["registry.example.com"]},
        ),
    ],
)
def test_variables_of_the_documentation(variables: dict[str, str], expected: dict[str, Any]) -> None:
    """The variables that Distribution's documentation sets mean here what it says, over its own example file."""
    configuration = parse((_FOLDER / "example.yml").read_bytes(), variables)

    assert expected == {path: plain(value_at(configuration, path)) for path in expected}
