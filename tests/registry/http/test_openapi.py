"""The description of the interface that other tools read."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from holdfast.registry.http import routes
from holdfast.registry.http.errors import ApiError
from tests.registry.client import digest_of

DOCUMENT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[3] / "docs/reference/openapi.yaml").read_text(encoding="utf-8")
)
EXAMPLES = {
    "name": "library/app",
    "reference": "latest",
    "digest": digest_of(b""),
    "uuid": "01234567-89ab-cdef-0123-456789abcdef",
}


def described() -> Iterator[tuple[str, set[str]]]:
    """Each path of the description, filled in, and its methods."""
    for template, operations in DOCUMENT["paths"].items():
        path = re.sub(r"\{(\w+)\}", lambda match: EXAMPLES[match[1]], template)
        yield path, {method.upper() for method in operations.keys() - {"parameters"}}


def test_what_is_described_is_routed() -> None:
    """Every path of the description leads to a route, with the methods that it has."""
    routed = {path: set(routes._route(path)[0]) for path, _ in described()}

    assert dict(described()) == routed


def test_what_is_routed_is_described() -> None:
    """Every table of handlers that the routes have is reached by a path of the description."""
    tables = {
        id(table): name
        for name, table in vars(routes).items()
        if isinstance(table, dict)
        and name.isupper()
        and table.keys() <= {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}
    }
    reached = {id(routes._route(path)[0]) for path, _ in described()}

    assert 8 <= len(tables)
    assert [] == [name for identity, name in tables.items() if identity not in reached]


def test_references_lead_somewhere() -> None:
    """Every reference within the description has a target, and every component is referred to."""
    text = str(DOCUMENT)
    referred = set(re.findall(r"#/components/(\w+/\w+)", text))
    components = {f"{kind}/{name}" for kind, named in DOCUMENT["components"].items() for name in named}

    assert components == referred


def test_errors_are_described() -> None:
    """An error as it is sent has exactly the members that the description knows."""
    item = DOCUMENT["components"]["schemas"]["Errors"]["properties"]["errors"]["items"]
    error = ApiError("NAME_INVALID", {"name": "x"})

    assert {"code", "message", "detail"} == set(item["properties"])
    assert re.fullmatch(item["properties"]["code"]["pattern"], error.code.code)
