"""Writes docs/reference/ from the code that it describes; a test fails while a page isn't up to date."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typer.main import get_command

from holdfast.cli.drivers import installed_drivers
from holdfast.cli.main import app
from holdfast.cli.middleware import installed_middleware
from holdfast.config.reference import keys
from holdfast.config.unhonoured import RULES
from holdfast.registry.http.errors import CODES
from holdfast.storage import errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from holdfast.cli.offered import OfferInfo
    from holdfast.storage.options import OptionInfo

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
        _FOLDER / "middleware.md": _page("Storage middleware", _middleware()),
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
    for name, command in _commands(group):
        arguments = [param for param in command.params if param.param_type_name == "argument"]
        options = [param for param in command.params if param.param_type_name == "option"]
        named = [param.metavar if param.required else f"[{param.metavar}]" for param in arguments]
        words = " ".join(["holdfast", name, "[OPTIONS]", *named])
        rows = [(f"`{param.metavar}`", param.help) for param in arguments]
        rows += [(f"`{' '.join([*param.opts, param.metavar or '']).strip()}`", param.help) for param in options]
        blocks += [f"## `{words}`", command.help.strip(), _table(("Argument", "What it does"), rows)]
        blocks.append(re.sub(r"\n\n\*", "\n*", command.epilog.strip()).replace("Examples:\n", "Examples:\n\n", 1))
    return blocks


def _commands(group: Any) -> Iterator[tuple[str, Any]]:
    """Each command with its words; those of a group, such as `config check`, one by one."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from ((f"{name} {words}", below) for words, below in _commands(command))
        else:
            yield name, command


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
    refused = [(rule.key, rule.reason, rule.remedy) for rule in RULES]
    return [
        (
            "The file is Docker Distribution's `config.yml`, version 0.1, in YAML: `holdfast serve config.yml`."
            " `holdfast config check config.yml` tells whether it can be served, `holdfast config show config.yml` what"
            " it comes to. How to write one is on [its own page](../howto/configure.md)."
        ),
        _EXAMPLE,
        "## Keys",
        _table(("Key", "Type", "Default", "What it does"), rows),
        (
            "`storage.DRIVER` stands for a driver's name; what goes below it is on the page of the"
            " [drivers](drivers.md). `NAME` is a name of your own, `[]` an item of a list. A key that is required is so"
            " where the section or item that it is in is given."
        ),
        (
            "A **duration** is written as Go does: `30s`, `1m30s`, `1.5h`, `100ms`. A number without a unit is"
            " nanoseconds, as Distribution has it; one below a millisecond is refused, as it was meant for seconds. A"
            " **size** is a number of bytes, or has a unit: `5MiB`, `5MB`. A **boolean** is `true` or `false`, or"
            " another word that YAML 1.1 has for them. Patterns have Go's syntax. An empty value is the default."
        ),
        "Keys below `holdfast` are not Distribution's; it passes over them, so that one file serves both.",
        "## What is refused",
        (
            "A key that isn't known is an error with its file, line and column, and the nearest known key. A key that"
            " stands twice counts as Distribution has it, and is warned of. What this version can't do is refused when"
            " serving, never ignored:"
        ),
        _table(("Key", "Why", "What to do"), refused),
        "## Where it differs",
        *_differences(),
    ]


def _differences() -> list[str]:
    return [
        (
            "- `http.draintimeout` is 30 seconds by default; Distribution cuts requests off.\n"
            "- `http.addr` is on loopback by default; Distribution takes any port of every address.\n"
            "- `http.tls.minimumtls` may be older than `tls1.2`, and means that.\n"
            "- Keys of `storage.maintenance.uploadpurging` have their defaults one by one; Distribution needs all of"
            " them, or none.\n"
            "- An unknown key, an unknown parameter of a driver, and what is missing in `auth` are errors when the file"
            " is read; Distribution passes over them, or ends with a traceback.\n"
            "- A variable can name an item of a list of texts (`REGISTRY_HTTP_TLS_CLIENTCAS_0`), items past the tenth,"
            " and what is deep in a section of the file; Distribution stumbles over those.\n"
            "- A variable replaces a key that is in the file whatever its case; to Distribution, `X-Frame-Options` and"
            " `x-frame-options` are two header fields."
        )
    ]


# The drivers -----------------------------------------------------------------------------------


def _drivers() -> list[str]:
    blocks = [
        (
            "A driver's name is the key below `storage` in the configuration file, and the first argument of"
            " `holdfast.storage.create`. These come with Holdfast; `holdfast drivers` lists those that are installed on"
            " a machine, drivers of other packages included, and `holdfast drivers NAME` has the same table for each."
            " `a.b` is `b` below `a`. How to write one is on [its own page](../howto/write-a-driver.md)."
        )
    ]
    for driver in installed_drivers():
        if driver.target.startswith("holdfast.storage.drivers."):
            blocks += _offer(driver)
    return blocks


def _middleware() -> list[str]:
    blocks = [
        (
            "A middleware's name is `name` of an entry of the list `middleware.storage` in the configuration file, what"
            " it takes goes below `options`. [A page of its own](../howto/storage-middleware.md) says how they are put"
            " together. `holdfast middleware` lists those that are installed on a machine, those of other packages, and"
            " those around the registry and its repositories included."
        )
    ]
    for middleware in installed_middleware()["storage"]:
        if middleware.target.startswith("holdfast.storage.middleware."):
            blocks += _offer(middleware)
    return blocks


def _offer(driver: OfferInfo) -> list[str]:
    """A driver or a middleware, with its options."""
    if driver.problem is not None:  # what isn't installed here would be missing on the page
        raise RuntimeError(driver.problem)
    rows = [
        (
            ", ".join(f"`{name}`" for name in (key, *option.aliases)),
            option.type + (" (secret)" if option.secret else ""),
            _default(option),
            option.description,
        )
        for each in driver.options
        for key, option in each.flattened()
    ]
    table = _table(("Option", "Type", "Default", "What it does"), rows) if rows else "It takes no options."
    return [f"## `{driver.name}`", driver.summary, *_installing(driver), table]


def _default(option: OptionInfo) -> str:
    if option.required:
        return "required"
    return f"`{option.default}`" if option.default else "none" if option.default is None else "empty"


def _installing(driver: OfferInfo) -> list[str]:
    """How to install what it needs besides; an entry point names that behind its target."""
    extra = driver.target.partition(" ")[2]
    return [f"It needs an extra: `pip install 'holdfast{extra}'`."] if extra else []


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
