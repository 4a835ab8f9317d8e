"""`holdfast encryption`: which keys the encrypted content needs, and encrypting it anew."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

import typer

from holdfast.cli.failures import one_line
from holdfast.cli.storage import opened_storage, run
from holdfast.registry.maintenance import encryption

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator
    from pathlib import Path

    from holdfast.registry.maintenance.encryption import KeyedFile

__all__ = ["renew", "show"]


@dataclass(slots=True)
class _Count:
    """How many files, and their bytes in the store."""

    files: int = 0
    bytes: int = 0

    def add(self, file: KeyedFile) -> None:
        self.files += 1
        self.bytes += file.size

    def __str__(self) -> str:
        return f"{self.files:,} {'file' if self.files == 1 else 'files'}, {self.bytes:,} bytes"


@dataclass(slots=True)
class _Tally:
    """What was found, by the key that it needs; what isn't encrypted has the key `""`."""

    first: str
    keys: dict[str, _Count] = field(default_factory=dict)
    uploads: dict[str, _Count] = field(default_factory=dict)
    failed: list[dict[str, str]] = field(default_factory=list)

    def add(self, file: KeyedFile) -> None:
        if file.error is not None:
            self.failed.append({"path": file.path, "error": str(file.error)})
            typer.echo(f"holdfast: {file.path}: {one_line(file.error)}", err=True)
            return
        counts = self.uploads if file.is_unfinished else self.keys
        counts.setdefault(file.key or "", _Count()).add(file)

    @property
    def total(self) -> _Count:
        """All of it, but for uploads and what failed."""
        return _Count(
            sum(count.files for count in self.keys.values()), sum(count.bytes for count in self.keys.values())
        )


def show(config: Path, *, as_json: bool) -> None:
    """Print how many files need which key.

    Raises:
        ConfigurationError: The storage can't be opened, or nothing there encrypts.
        StorageError: The storage can't be listed.
        typer.Exit: With status 1, if a file couldn't be read.
    """

    async def act() -> _Tally:
        async with opened_storage(config, None) as driver:
            encrypt = encryption.encrypting(driver)
            return await _counted(encryption.keyed_files(encrypt), encrypt.first_key, "looked at")

    tally = run(act())
    if as_json:
        typer.echo(json.dumps(asdict(tally)))
    else:
        tally.keys.setdefault(tally.first, _Count())
        for key, count in sorted(tally.keys.items(), key=lambda item: (item[0] != tally.first, item[0])):
            typer.echo(f"{_named(key, tally.first)}: {count}")
        _tell_uploads({key: count for key, count in tally.uploads.items() if key != tally.first})
    _end(tally)


def renew(config: Path, *, dry_run: bool, as_json: bool) -> None:
    """Encrypt anew, and print how much that was.

    Raises:
        ConfigurationError: The storage can't be opened, or nothing there encrypts.
        StorageError: The storage can't be listed, or read-only mode can't be switched.
        typer.Exit: With status 1, if a file couldn't be encrypted anew.
    """

    async def act() -> _Tally:
        async with opened_storage(config, None) as driver:
            first = encryption.encrypting(driver).first_key
            verb = "would be encrypted anew" if dry_run else "encrypted anew"
            return await _counted(encryption.renew(driver, dry_run=dry_run), first, verb)

    tally = run(act())
    if as_json:
        typer.echo(json.dumps({"dry_run": dry_run, **asdict(tally)}))
    else:
        verb = "would be encrypted" if dry_run else "encrypted"
        failed = f"; {len(tally.failed)} failed" if tally.failed else ""
        typer.echo(f"{tally.total} {verb} anew with the key {tally.first}{failed}")
        _tell_uploads(tally.uploads)
    _end(tally)


async def _counted(files: AsyncGenerator[KeyedFile, None], first: str, verb: str) -> _Tally:
    from rich.console import Console  # noqa: PLC0415 - only while it works there is progress to show

    tally = _Tally(first)
    with Console(stderr=True).status("looking at the files") as status:
        async with aclosing(files):
            async for file in files:
                tally.add(file)
                status.update(f"{tally.total} {verb}")
    return tally


def _named(key: str, first: str) -> str:
    if not key:
        return "not encrypted"
    return f"key {key}, the first" if key == first else f"key {key}"


def _tell_uploads(uploads: dict[str, _Count]) -> None:
    for key, count in sorted(uploads.items()):
        named = f"that need the key {key}" if key else "that aren't encrypted"
        typer.echo(f"uploads that haven't ended have {count} {named}; holdfast purge-uploads removes what nobody ends")


def _end(tally: _Tally) -> None:
    if tally.failed:
        raise typer.Exit(1)
