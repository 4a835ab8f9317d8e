"""The words of the commands that keep a registry's storage in order. What they do is in the module of each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from holdfast.cli.failures import failures_in_one_line
from holdfast.cli.group import group

__all__ = ["PURGE_EPILOG", "encryption", "index", "purge_uploads", "readonly", "repositories"]

_Config = Annotated[
    Path | None,
    typer.Argument(metavar="CONFIG", help="The configuration file of the registry.", show_default=False),
]
_ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="CONFIG", help="The configuration file of the registry.", show_default=False),
]
_ConfigFile = Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file of the registry.")]
_Root = Annotated[
    Path | None,
    typer.Option("--root", metavar="DIR", help="The data folder, as for `holdfast serve`.", show_default=False),
]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Change nothing, only say what would be done.")]


index = group("index", "What Holdfast keeps beside the registry's content, and can make anew from it.")

_REBUILD_EPILOG = """
Examples:

* `holdfast index rebuild --config config.yml`: every repository

* `holdfast index rebuild --root /srv/registry library/app`: one repository, of storage in a folder

* `holdfast index rebuild --config config.yml --json`: the counts for programs
"""


@index.command("rebuild", epilog=_REBUILD_EPILOG)
def rebuild_index(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="REPOSITORY", help="The repositories; all, if none is named.", show_default=False),
    ] = None,
    *,
    config: _ConfigOption = None,
    root: _Root = None,
    as_json: _Json = False,
) -> None:
    """Bring the index of referrers in step with the manifests that are there.

    Needed where another registry goes on writing to the same storage. The registry may be in use meanwhile, and doing
    it again does no harm. One line for each repository tells what was found.
    """
    with failures_in_one_line():
        from holdfast.cli.index import rebuild  # noqa: PLC0415 - completion and help needn't load the storage

        rebuild(config, root, names or (), as_json=as_json)


PURGE_EPILOG = """
Examples:

* `holdfast purge-uploads config.yml --dry-run`: what would be purged

* `holdfast purge-uploads --root /srv/registry --older-than 24h`: what was begun and left before yesterday

* `holdfast purge-uploads config.yml --json`: the same for programs
"""


def purge_uploads(
    config: _Config = None,
    *,
    root: _Root = None,
    older_than: Annotated[
        str, typer.Option(metavar="AGE", help="How long nothing must have come: `168h`, `30m`.")
    ] = "168h",
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Delete uploads that nobody finishes any more, and unfinished writes that only the storage knows.

    The registry may run meanwhile: no upload takes a week. An upload that can't be deleted is told, doesn't keep the
    others, and makes the status 1.
    """
    with failures_in_one_line():
        from holdfast.cli.purge_uploads import purge  # noqa: PLC0415 - completion and help needn't load the storage

        purge(config, root, older_than=older_than, dry_run=dry_run, as_json=as_json)


repositories = group("repositories", "List repositories, or delete one.")

_LIST_EPILOG = """
Examples:

* `holdfast repositories list --config config.yml`: one name in each line

* `holdfast repositories list --root /srv/registry --json`: the same for programs
"""


@repositories.command("list", epilog=_LIST_EPILOG)
def list_repositories(*, config: _ConfigOption = None, root: _Root = None, as_json: _Json = False) -> None:
    """List the repositories that have a manifest or a tag, in the order of their bytes."""
    with failures_in_one_line():
        from holdfast.cli.repositories import show  # noqa: PLC0415 - completion and help needn't load the storage

        show(config, root, as_json=as_json)


_DELETE_EPILOG = """
Examples:

* `holdfast repositories delete library/app --config config.yml --dry-run`: what it has

* `holdfast repositories delete library/app --root /srv/registry`: delete it, after a question

* `holdfast repositories delete library/app --config config.yml --yes --json`: without one, for programs
"""


@repositories.command("delete", epilog=_DELETE_EPILOG)
def delete_repository(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The repository.", show_default=False)],
    *,
    config: _ConfigOption = None,
    root: _Root = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    dry_run: _DryRun = False,
    as_json: _Json = False,
) -> None:
    """Delete a repository: its tags, manifests, links to blobs and uploads.

    Repositories below its name stay. The space of its blobs is freed by collecting garbage. The registry may run
    meanwhile; whoever pushes to the repository just then begins it anew.
    """
    with failures_in_one_line():
        from holdfast.cli.repositories import delete  # noqa: PLC0415 - completion and help needn't load the storage

        delete(config, root, name, yes=yes, dry_run=dry_run, as_json=as_json)


readonly = group("readonly", "Switch a running registry, all of its replicas, to read-only mode and back.")

_ON_EPILOG = """
Examples:

* `holdfast readonly on config.yml --reason "moving the bucket"`: returns when every replica has seen it

* `holdfast readonly on --root /srv/registry --no-wait`: returns at once
"""


@readonly.command("on", epilog=_ON_EPILOG)
def turn_on(
    config: _Config = None,
    *,
    root: _Root = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why, for those who ask.", show_default=False)] = "",
    no_wait: Annotated[bool, typer.Option("--no-wait", help="Don't wait until every replica has seen it.")] = False,
) -> None:
    """Refuse pushes and deletes from now on; pulls go on.

    Requests that are writing when it is turned on may still end.
    """
    with failures_in_one_line():
        from holdfast.cli.readonly import turn_on as act  # noqa: PLC0415 - completion and help needn't load the storage

        act(config, root, reason=reason, wait=not no_wait)


_OFF_EPILOG = """
Examples:

* `holdfast readonly off config.yml`: replicas take writes again within seconds
"""


@readonly.command("off", epilog=_OFF_EPILOG)
def turn_off(config: _Config = None, *, root: _Root = None) -> None:
    """Take pushes and deletes again."""
    with failures_in_one_line():
        from holdfast.cli.readonly import turn_off as act  # noqa: PLC0415 - completion and help needn't load the storage

        act(config, root)


_STATUS_EPILOG = """
Examples:

* `holdfast readonly status config.yml`: `on` with since when and why, or `off`

* `holdfast readonly status config.yml --json`: the same for programs
"""


@readonly.command("status", epilog=_STATUS_EPILOG)
def status(config: _Config = None, *, root: _Root = None, as_json: _Json = False) -> None:
    """Tell whether read-only mode is switched on. What a replica's own configuration says isn't known here."""
    with failures_in_one_line():
        from holdfast.cli.readonly import show  # noqa: PLC0415 - completion and help needn't load the storage

        show(config, root, as_json=as_json)


encryption = group("encryption", "Which keys the encrypted content needs, and encrypting it anew with another one.")

_KEYS_EPILOG = """
Examples:

* `holdfast encryption status config.yml`: how many files need which key

* `holdfast encryption status config.yml --json`: the same for programs
"""


@encryption.command("status", epilog=_KEYS_EPILOG)
def encryption_status(config: _ConfigFile, *, as_json: _Json = False) -> None:
    """Count which key the files need, and which aren't encrypted. Reads the first bytes of each file.

    A key that no file needs can be taken out of the configuration.
    """
    with failures_in_one_line():
        from holdfast.cli.encryption import show  # noqa: PLC0415 - completion and help needn't load the storage

        show(config, as_json=as_json)


_RENEW_EPILOG = """
Examples:

* `holdfast encryption renew config.yml --dry-run`: what would be encrypted anew

* `holdfast encryption renew config.yml`: do it; broken off, it goes on from there

* `holdfast encryption renew config.yml --json`: the counts for programs
"""


@encryption.command("renew", epilog=_RENEW_EPILOG)
def renew_encryption(config: _ConfigFile, *, dry_run: _DryRun = False, as_json: _Json = False) -> None:
    """Encrypt with the first key what needs another one, or isn't encrypted while `plaintext: read` is set.

    Restart every replica with the new key first. Blobs are encrypted anew while the registry is in use; then the rest,
    in read-only mode, which is switched on for that and off again. Uploads are left: they end, or are purged. A file
    that can't be read is told, doesn't keep the others, and makes the status 1.
    """
    with failures_in_one_line():
        from holdfast.cli.encryption import renew  # noqa: PLC0415 - completion and help needn't load the storage

        renew(config, dry_run=dry_run, as_json=as_json)
