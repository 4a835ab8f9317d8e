"""`holdfast drivers new`: a package to start a storage driver from."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from holdfast.kit.folder import write_folder
from holdfast.kit.name import DriverName
from holdfast.kit.package import DESCRIPTION, DriverPackage

if TYPE_CHECKING:
    from holdfast.kit.licence import Licence

__all__ = ["write_driver"]


def write_driver(
    name: str,
    *,
    folder: Path | None,
    description: str | None,
    author: str | None,
    licence: Licence,
    as_json: bool,
) -> None:
    """Write the package and print what to do next.

    Raises:
        PackageError: The name, a text or the folder won't do.
        OSError: The folder can't be written.
    """
    driver = DriverName.checked(name)
    package = DriverPackage(
        name=driver,
        description=DESCRIPTION if description is None else description,
        author=author,
        licence=licence,
    )
    folder = Path(driver.package) if folder is None else folder
    files = package.files()
    write_folder(folder, files)
    steps = _next_steps(driver, folder)
    if as_json:
        told = {
            "name": driver.driver,
            "package": driver.package,
            "module": driver.module,
            "folder": str(folder.resolve()),
            "files": list(files),
            "next": steps,
        }
        print(json.dumps(told, indent=2))  # noqa: T201 - what it was asked for
        return
    print(f"Written: {folder}, {len(files)} files\n\nNext:")  # noqa: T201 - what it is for
    for step in steps:
        print(f"  {step}")  # noqa: T201 - as above


def _next_steps(driver: DriverName, folder: Path) -> list[str]:
    return [
        f"cd {shlex.quote(str(folder))}",
        "pip install --editable '.[test]'",
        "pytest",
        f"holdfast drivers {driver.driver}",
    ]
