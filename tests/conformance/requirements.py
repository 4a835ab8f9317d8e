"""What the specifications ask of a registry and of its clients, as data; and which tests prove what.

The table follows the text of the OCI distribution-spec, main branch at 967efdc, sentence by sentence: the 193 that have
one of RFC 2119's words in them (a sentence on both parties is two rows), and the 19 numbered endpoints. Behind them
stands what the image-spec, version 1.1.1, asks of whoever stores images.
"""

import ast
import csv
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

__all__ = ["REQUIREMENTS", "Requirement", "proofs", "proves"]

_FOLDER = Path(__file__).parent
_BINDING = {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "endpoint"}

Test = TypeVar("Test", bound=Callable[..., Any])


class Requirement(NamedTuple):
    """A row of the table.

    Attributes:
        id: Our name for it; an endpoint's is the specification's.
        party: Who has to see to it: `registry` or `client`.
        level: RFC 2119's words, separated by commas; `endpoint` for a row of the table of endpoints.
        section: The heading in the specification.
        summary: What it asks.
    """

    id: str
    party: str
    level: str
    section: str
    summary: str

    @property
    def needs_test(self) -> bool:
        """Whether a registry that leaves it out has to say why, at least."""
        return self.party == "registry" and not _BINDING.isdisjoint(self.level.split(", "))


def _read() -> dict[str, Requirement]:
    with (_FOLDER / "requirements.tsv").open(encoding="utf-8", newline="") as file:
        _head, *rows = csv.reader(file, delimiter="\t")
    table = {row[0]: Requirement(*row) for row in rows}
    if len(table) != len(rows):
        raise ValueError("an id stands for two requirements")
    return table


REQUIREMENTS = _read()
"""The table, by id."""


def proves(*ids: str) -> Callable[[Test], Test]:
    """Name the requirements that a test would fail on; those on clients too, where the registry holds them to it."""
    unknown = set(ids) - REQUIREMENTS.keys()
    if unknown or not ids:
        raise ValueError(f"no such requirements: {sorted(unknown)}")
    return lambda test: test


def proofs() -> dict[str, list[str]]:
    """The tests of each requirement, as `module::function`, read from the sources."""
    found: dict[str, list[str]] = {}
    for path in sorted(_FOLDER.glob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                for requirement in _named(node):
                    found.setdefault(requirement, []).append(f"{path.name}::{node.name}")
    return found


def _named(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    for decorator in function.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Name) and decorator.func.id == "proves":
            yield from (ast.literal_eval(argument) for argument in decorator.args)
