"""A driver's package, filled in from the template."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from holdfast import __version__
from holdfast.kit.errors import PackageError
from holdfast.kit.licence import Licence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from holdfast.kit.name import DriverName

__all__ = ["DESCRIPTION", "DriverPackage"]

_PERSON: Final = re.compile(r"(?P<name>[^<>@]*?) *(?:<?(?P<address>[^<>@ ]+@[^<>@ ]+)>?)?")

DESCRIPTION: Final = "Files in one SQLite database."
"""What the driver of the template is."""

_FILES: Final[Mapping[str, str]] = {
    "pyproject.toml": "pyproject.toml",
    "README.md": "README.md",
    ".gitignore": "gitignore",
    ".github/workflows/test.yml": "workflow.yml",
    "src/{module}/__init__.py": "src/__init__.py",
    "src/{module}/driver.py": "src/driver.py",
    "src/{module}/options.py": "src/options.py",
    "src/{module}/errors.py": "src/errors.py",
    "src/{module}/writer.py": "src/writer.py",
    "src/{module}/files.py": "src/files.py",
    "src/{module}/unfinished.py": "src/unfinished.py",
    "src/{module}/database.py": "src/database.py",
    "src/{module}/py.typed": "src/py.typed",
    "tests/test_certification.py": "tests/test_certification.py",
    "tests/test_errors.py": "tests/test_errors.py",
}
"""Each file of a package, and which one of the template it is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverPackage:
    """A package that offers one driver.

    Attributes:
        name: The driver's name.
        description: One line about it, shown by `holdfast drivers`.
        author: `Name` or `Name <address>`; `None` names nobody.
        licence: What it may be used under.
    """

    name: DriverName
    description: str = DESCRIPTION
    author: str | None = None
    licence: Licence = Licence.APACHE

    def __post_init__(self) -> None:
        """Refuse what can't stand in one line of a file.

        Raises:
            PackageError: A text has more than a line, or is empty; or nobody is called like the author.
        """
        for what, text in (("description", self.description), ("author", self.author)):
            if text is not None and not (text.strip() and text.isprintable()):
                raise PackageError(f"the {what} is one line of text: not {text!r}")
        if self.author is not None and not _PERSON.fullmatch(self.author):
            raise PackageError(f"an author is `Name`, or `Name <address>`: not {self.author!r}")

    def files(self) -> dict[str, str]:
        """The package's files: path within its folder, and text."""
        values = self._values()
        made = {path.format(module=self.name.module): _filled(source, values) for path, source in _FILES.items()}
        if self.licence is not Licence.NONE:
            made["LICENSE"] = _filled(f"licenses/{self.licence.value}", values)
        return dict(sorted(made.items()))

    def _values(self) -> dict[str, str]:
        known = _PERSON.fullmatch(self.author or "")
        person = {
            key: known[group] for key, group in (("name", "name"), ("email", "address")) if known and known[group]
        }
        listed = ", ".join(f"{key} = {_quoted(value)}" for key, value in person.items())
        holder = person.get("name") or person.get("email")
        spdx = self.licence.value
        return {
            "name": self.name.driver,
            "package": self.name.package,
            "module": self.name.module,
            "class_name": self.name.class_name,
            "description": self.description,
            "doc_description": self.description.replace("\\", "\\\\").replace('"', '\\"'),
            "toml_description": _quoted(self.description),
            "toml_authors": f"authors = [{{ {listed} }}]\n" if person else "",
            "toml_license": f"license = {_quoted(spdx)}\n" if self.licence is not Licence.NONE else "",
            "holder": holder or f"the authors of {self.name.package}",
            "year": str(datetime.now(UTC).year),
            "holdfast_version": __version__,
        }


def _filled(source: str, values: Mapping[str, str]) -> str:
    template = files("holdfast.kit").joinpath("template", f"{source}.template").read_text(encoding="utf-8")
    return Template(template).substitute(values)


def _quoted(text: str) -> str:
    """A text as TOML has it; what is printable needs no more escapes than JSON makes."""
    return json.dumps(text, ensure_ascii=False)
