"""Writes docs/reference/ from the code that it describes; a test fails while a page isn't up to date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from holdfast.cli.drivers import DriverInfo, installed_drivers
from holdfast.cli.main import app
from holdfast.config import upstream
from holdfast.config.reference import keys
from holdfast.registry.http.errors import CODES
from holdfast.storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["pages"]

_FOLDER = Path(__file__).parent / "reference"
_NOTICE = "<!-- Written by docs/generate.py from the code. Edit the code, then run: python docs/generate.py -->"


def pages() -> dict[Path, str]:
    """What each generated page has to say."""
    return {
        _FOLDER / "cli.md": _page("Command line", _cli()),
        _FOLDER / "configuration.md": _page("Configuration", _configuration()),
        _FOLDER / "drivers.md": _page("Storage drivers", _drivers()),
        _FOLDER / "errors.md": _page("Errors", _errors()),
    }


def _page(title: str, blocks: Iterable[str]) -> str:
    return "\n\n".join((_NOTICE, f"# {title}", *blocks)) + "\n"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


# The command line ------------------------------------------------------------------------------


def _cli() -> list[str]:
    group: Any = get_command(app)
    blocks = [
        "What goes wrong is one line on standard error and exit status 1; wrong usage has exit status 2.",
        "`holdfast --version` prints the version, `holdfast --install-completion` sets up completion in your shell.",
    ]
    for name, command in group.commands.items():
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        words = " ".join(["holdfast", name, "[OPTIONS]", *(f"[{param.metavar}]" for param in arguments)])
        rows = [(f"`{param.metavar}`", param.help) for param in arguments]
        rows += [(f"`{' '.join([*param.opts, param.metavar or '']).strip()}`", param.help) for param in options]
        blocks += [f"## `{words}`", command.help.strip(), _table(("Argument", "What it does"), rows)]
        blocks.append(re.sub(r"\n\n\*", "\n*", command.epilog.strip()).replace("Examples:\n", "Examples:\n\n", 1))
    return blocks


# The configuration -----------------------------------------------------------------------------

_EXAMPLE = """\
```yaml
version: 0.1
log:
  level: info
storage:
  filesystem:
    rootdirectory: /var/lib/registry
  delete:
    enabled: true
http:
  addr: 127.0.0.1:5000
  draintimeout: 30s
```"""


def _configuration() -> list[str]:
    rows = [
        (
            f"`{key.path}`",
            key.type,
            "required" if key.required else "none" if key.default is None else f"`{key.default}`",
            key.description,
        )
        for key in keys()
    ]
    return [
        "The file is Docker Distribution's `config.yml`, version 0.1, in YAML: `holdfast serve config.yml`.",
        _EXAMPLE,
        "## Keys",
        _table(("Key", "Type", "Default", "What it does"), rows),
        "`storage.DRIVER` stands for a driver's name; what goes below it is on the page of the [drivers](drivers.md).",
        "A duration is written as Go does: `30s`, `1m30s`, `1.5h`, `100ms`; only `0` needs no unit.",
        "## What is refused",
        (
            "Every key is either honoured or an error with its file, line and column: an unknown key (with the nearest"
            " known one), a key that stands there twice, and a key of Distribution's that this version doesn't honour."
        ),
        "Not honoured yet: " + ", ".join(f"`{path}`" for path in _not_honoured()) + ".",
        "`REGISTRY_*` variables that would override a key are an error as well.",
    ]


def _not_honoured() -> list[str]:
    honoured = {".".join(key.path.split(".")[:depth]) for key in keys() for depth in (1, 2, 3)}
    known = sorted((*section, key) for section, names in upstream.KEYS.items() for key in names)
    return [".".join(path) for path in known if ".".join(path) not in honoured]


# The drivers -----------------------------------------------------------------------------------


def _drivers() -> list[str]:
    blocks = [
        (
            "A driver's name is the key below `storage` in the configuration file, and the first argument of"
            " `holdfast.storage.create`. `holdfast drivers` lists those that are installed on a machine, drivers of"
            " other packages included."
        )
    ]
    for driver in installed_drivers():
        if driver.target.startswith("holdfast.storage.drivers."):
            blocks += _driver(driver)
    return blocks


def _driver(driver: DriverInfo) -> list[str]:
    if driver.problem is not None:
        raise RuntimeError(driver.problem)
    rows = [
        (
            ", ".join(f"`{name}`" for name in (option.name, *option.aliases)),
            option.type + (" (secret)" if option.secret else ""),
            "required" if option.required else "none" if option.default is None else f"`{option.default}`",
            option.description,
        )
        for option in driver.options
    ]
    table = _table(("Option", "Type", "Default", "What it does"), rows) if rows else "It takes no options."
    return [f"## `{driver.name}`", driver.summary, table]


# The errors ------------------------------------------------------------------------------------


def _errors() -> list[str]:
    tree = re.search(r"    HoldfastError\n(?:    .*\n)+", errors.__doc__ or "")
    if tree is None:
        raise RuntimeError("the tree of errors isn't where it was in holdfast.storage.errors")
    rows = [(f"`{row.code}`", str(row.status), row.message) for row in CODES.values()]
    return [
        "## Storage",
        (
            "What `holdfast.storage` raises. Every `StorageError` has `driver`, `op`, `path`, `message` and"
            " `retryable`, and its cause behind it. Only `PathNotFoundError` means that nothing is there."
        ),
        "```text\n" + re.sub(r"(?m)^    ", "", tree[0]).rstrip() + "\n```",
        "## HTTP",
        (
            "What a client of the registry gets: the OCI distribution specification's codes, in a body"
            ' `{"errors": [{"code": ..., "message": ..., "detail": ...}]}`.'
        ),
        _table(("Code", "Status", "Message"), rows),
    ]


if __name__ == "__main__":
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
