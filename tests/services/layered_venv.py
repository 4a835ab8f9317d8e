"""A virtual environment over the one that runs the tests: what is installed there is installed here, too."""

import shlex
import sys
import sysconfig
import venv
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LayeredVenv"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LayeredVenv:
    """An environment for packages that a test installs, which must not get into ours.

    Attributes:
        folder: Its folder.
    """

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "LayeredVenv":
        """Make one, with the commands `holdfast`, `pytest` and `pip`; takes a fraction of a second."""
        venv.create(folder, symlinks=True)
        made = cls(folder=folder)
        beneath = sysconfig.get_path("purelib")
        (made._site_packages / "beneath.pth").write_text(f"import site; site.addsitedir({beneath!r})\n")
        made._write_command("holdfast", "-c", "from holdfast.cli.main import main; main()")
        made._write_command("pytest", "-m", "pytest")
        # Ours does it: the standard library's copy, which `venv` would install, is older, and slow to unpack.
        made._write_command("pip", "-m", "pip", "--python", str(made.folder / "bin" / "python"), by=sys.executable)
        return made

    def environment(self) -> dict[str, str]:
        """Variables with which pip installs what lies on this machine, and asks no index.

        What a package's build needs is that of the environment beneath.
        """
        return {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}

    @property
    def _site_packages(self) -> Path:
        (found,) = self.folder.glob("lib/python*/site-packages")
        return found

    def _write_command(self, name: str, *words: str, by: str | None = None) -> None:
        script = self.folder / "bin" / name
        command = shlex.join([by or str(self.folder / "bin" / "python"), *words])
        script.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
        script.chmod(0o755)
