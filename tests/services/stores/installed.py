"""Where the servers are that `scripts/install-stores` installs, each in a folder of its own."""

from pathlib import Path

from tests.services.tools import TOOLS

__all__ = ["find_installed"]


def find_installed(store: str, program: str) -> Path | None:
    """Returns a file of a store that was installed, None when it isn't there.

    Args:
        store: The store's name, as the script takes it.
        program: The file, below the store's folder.
    """
    path = TOOLS / "stores" / store / program
    return path if path.exists() else None
