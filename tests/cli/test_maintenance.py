"""The commands that keep storage in order: `purge-uploads`, `repositories`, `readonly`."""

import asyncio
import json
import os
import time
from pathlib import Path
from unittest.mock import patch
from uuid import uuid4

import pytest
from typer.testing import CliRunner, Result

from holdfast.cli.main import app
from holdfast.registry.maintenance.readonly import SEEN_SECONDS, ReadOnlySwitch
from holdfast.registry.store import paths
from tests.registry.client import make_image
from tests.registry.storages import filesystem

pytestmark = pytest.mark.usefixtures("own_logs")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A registry's data folder with a few repositories."""
    made = tmp_path / "data"

    async def push() -> None:
        storage = filesystem(made)
        async with storage.client() as client:
            for name in ("b", "a", "a/b", "a-b"):
                await client.push_image(make_image(), "tag", name)
        await storage.aclose()

    asyncio.run(push())
    return made


def invoke(*words: object, status: int = 0, answer: str | None = None) -> Result:
    """Run a command."""
    result = CliRunner().invoke(app, [str(word) for word in words], input=answer)
    assert status == result.exit_code, result.output
    return result


def old_upload(folder: Path, name: str = "a") -> str:
    """An upload that began and was left in 2020."""
    path = paths.upload(name, str(uuid4()))
    for child, content in (("startedat", b"2020-01-02T03:04:05Z"), ("data", b"content")):
        file = Path(f"{folder}{path}/{child}")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        then = time.mktime((2020, 1, 2, 3, 4, 5, 0, 0, 0))
        os.utime(file, (then, then))
    return path


def exists(folder: Path, path: str) -> bool:
    """Whether there is something."""
    return Path(f"{folder}{path}").exists()


# Repositories -------------------------------------------------------------------------------------


def test_list(folder: Path) -> None:
    """The names come in the order of their bytes, one in each line, or as JSON."""
    assert "a\na-b\na/b\nb\n" == invoke("repositories", "list", "--root", folder).stdout
    shown = invoke("repositories", "list", "--root", folder, "--json").stdout
    assert {"repositories": ["a", "a-b", "a/b", "b"]} == json.loads(shown)


def test_list_by_a_configuration(folder: Path, tmp_path: Path) -> None:
    """A configuration names the storage as it does for the server."""
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}}}}}\n")

    assert "a\na-b\na/b\nb\n" == invoke("repositories", "list", "--config", config).stdout


def test_delete(folder: Path) -> None:
    """With --yes it deletes without a question, only that repository, and tells what it had."""
    result = invoke("repositories", "delete", "a", "--root", folder, "--yes")

    assert "deleted a: 1 tags, 1 manifests, 3 blobs, 0 uploads\n" == result.stdout
    assert "a-b\na/b\nb\n" == invoke("repositories", "list", "--root", folder).stdout


@pytest.mark.parametrize(("answer", "status"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_delete_asks(folder: Path, answer: str, status: int) -> None:
    """Without --yes it shows what there is and asks; no answer is a no."""
    result = invoke("repositories", "delete", "a", "--root", folder, answer=answer, status=status)

    assert "1 tags, 1 manifests, 3 blobs, 0 uploads. Delete it?" in result.stderr
    assert (status == 1) == exists(folder, paths.manifests("a"))


def test_delete_for_programs(folder: Path) -> None:
    """A dry run deletes nothing, and JSON tells the counts."""
    words = ("repositories", "delete", "a", "--root", folder, "--json")
    counts = {"repository": "a", "tags": 1, "manifests": 1, "blobs": 3, "uploads": 0}

    assert counts | {"deleted": False} == json.loads(invoke(*words, "--dry-run").stdout)
    assert exists(folder, paths.manifests("a"))
    assert counts | {"deleted": True} == json.loads(invoke(*words, "--yes").stdout)
    assert not exists(folder, paths.manifests("a"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "holdfast: repository absent is unknown\n"),
        ("A", "holdfast: 'A' isn't the name of a repository\n"),
        ("../a", "holdfast: '../a' isn't the name of a repository\n"),
    ],
)
def test_delete_what_is_not_there(folder: Path, name: str, message: str) -> None:
    """A name that isn't known, or can't be one, is one line."""
    result = invoke("repositories", "delete", name, "--root", folder, "--yes", status=1)

    assert ("", message) == (result.stdout, result.stderr)


# Uploads ------------------------------------------------------------------------------------------


def test_purge(folder: Path) -> None:
    """Old uploads are told one by one, then all together; a dry run only says so."""
    old = [old_upload(folder, name) for name in ("a", "only/uploads")]
    words = ("purge-uploads", "--root", folder)
    since = "nothing since 2020-01-02T03:04:05+00:00"

    would = invoke(*words, "--dry-run").stdout.splitlines()
    assert [*(f"would purge {path}: 27 bytes, {since}" for path in old), "2 uploads would be purged, 54 bytes"] == would
    assert all(exists(folder, path) for path in old)
    done = invoke(*words).stdout.splitlines()
    assert [*(f"purged {path}: 27 bytes, {since}" for path in old), "2 uploads purged, 54 bytes"] == done
    assert not any(exists(folder, path) for path in old)
    assert "0 uploads purged, 0 bytes\n" == invoke(*words).stdout


def test_purge_for_programs(folder: Path) -> None:
    """JSON is one document on standard output, and nothing else."""
    old = old_upload(folder)
    told = json.loads(invoke("purge-uploads", "--root", folder, "--json").stdout)

    upload = {"path": old, "active": "2020-01-02T03:04:05+00:00", "size": 27}
    assert {"dry_run": False, "size": 27, "purged": [upload], "failed": []} == told


def test_purge_younger(folder: Path) -> None:
    """The age is a duration."""
    fresh = paths.upload("a", str(uuid4()))
    file = Path(f"{folder}{fresh}/startedat")
    file.parent.mkdir(parents=True)
    file.write_text("2020-01-02T03:04:05Z")

    assert "0 uploads purged, 0 bytes\n" == invoke("purge-uploads", "--root", folder, "--older-than", "1h").stdout
    assert "1 uploads purged" in invoke("purge-uploads", "--root", folder, "--older-than", "0").stdout


@pytest.mark.parametrize("age", ["week", "-1h", "7", ""])
def test_purge_wrong_age(folder: Path, age: str) -> None:
    """What isn't a duration is wrong usage."""
    assert "--older-than" in invoke("purge-uploads", "--root", folder, "--older-than", age, status=2).stderr


def test_purge_that_fails(folder: Path) -> None:
    """An upload that can't be purged is one line on standard error and status 1; the others are purged."""
    broken, other = old_upload(folder, "a"), old_upload(folder, "b")
    startedat = Path(f"{folder}{broken}/startedat")
    startedat.unlink()
    outside = folder.parent / "outside"
    outside.touch()
    startedat.symlink_to(outside)  # which is refused whoever runs this
    result = invoke("purge-uploads", "--root", folder, status=1)

    (line,) = result.stderr.splitlines()
    assert line.startswith(f"holdfast: {broken} can't be purged: ")
    assert f"purged {other}" in result.stdout
    assert result.stdout.endswith("1 uploads purged, 27 bytes; 1 failed\n")
    assert (True, False) == (exists(folder, broken), exists(folder, other))


# Read-only mode -----------------------------------------------------------------------------------


def test_readonly(folder: Path) -> None:
    """It goes on and off, and says which and why."""
    where = ("--root", folder)
    assert "off\n" == invoke("readonly", "status", *where).stdout
    turned = invoke("readonly", "on", *where, "--reason", "moving", "--no-wait").stdout
    assert f"read-only mode is switched on; every replica sees it within {SEEN_SECONDS:.0f} seconds\n" == turned

    status = invoke("readonly", "status", *where).stdout
    assert status.startswith("on since 20")
    assert status.endswith(" (moving)\n")
    told = json.loads(invoke("readonly", "status", *where, "--json").stdout)
    assert (True, "moving") == (told["read_only"], told["reason"])
    assert invoke("readonly", "off", *where).stdout.startswith("read-only mode is off")
    assert "read-only mode was off\n" == invoke("readonly", "off", *where).stdout
    expected = {"read_only": False, "since": None, "reason": None}
    assert expected == json.loads(invoke("readonly", "status", *where, "--json").stdout)


def test_readonly_waits(folder: Path) -> None:
    """Without --no-wait it says so when every replica must have seen it."""
    waited = []

    async def turn_on(switch: ReadOnlySwitch, reason: str, *, wait: bool) -> None:
        del switch, reason
        waited.append(wait)

    with patch.object(ReadOnlySwitch, "turn_on", turn_on):  # which really waits is tested where it is
        said = invoke("readonly", "on", "--root", folder).stdout

    assert [True] == waited
    assert "every replica that runs has seen it; requests that were writing before may still end" in said


# All of them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("purge-uploads",),
        ("repositories", "list"),
        ("repositories", "delete", "a", "--yes"),
        ("readonly", "on"),
        ("readonly", "off"),
        ("readonly", "status"),
    ],
)
def test_no_such_folder(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A folder that isn't there is one line, and isn't made."""
    missing = tmp_path / "missing"
    result = invoke(*words, "--root", missing, status=1)

    assert ("", f"holdfast: there is no folder {missing}; name the registry's with --root DIR or a CONFIG\n") == (
        result.stdout,
        result.stderr,
    )
    assert not missing.exists()


@pytest.mark.parametrize(
    "words",
    [
        ("purge-uploads",),
        ("repositories", "list"),
        ("repositories", "delete"),
        ("readonly", "on"),
        ("readonly", "off"),
        ("readonly", "status"),
    ],
    ids=" ".join,
)
def test_help(words: tuple[str, ...]) -> None:
    """Each command's help has examples of its use."""
    shown = invoke(*words, "--help").stdout

    assert f"holdfast {' '.join(words)}" in shown.partition("Examples:")[2]
