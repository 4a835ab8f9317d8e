import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from holdfast.cli.main import app
from holdfast.registry.model.digest import parse_digest
from holdfast.registry.store import paths
from tests.registry.artifacts import make_artifact, write_foreign
from tests.registry.client import make_image
from tests.registry.storages import Storage, filesystem

SUBJECT = make_image("subject")
ARTIFACT = make_artifact(SUBJECT)
ENTRY = paths.referrer("one", parse_digest(SUBJECT.digest), parse_digest(ARTIFACT.digest))


def written_by_another(folder: Path) -> None:
    """Two repositories without an index, of which the first has a referrer."""

    async def write(storage: Storage) -> None:
        for image, name in ((SUBJECT, "one"), (ARTIFACT, "one"), (SUBJECT, "two/below")):
            await write_foreign(storage, image, name)
        await storage.aclose()

    asyncio.run(write(filesystem(folder)))


def run(*arguments: object, status: int = 0) -> str:
    """What the command prints."""
    result = CliRunner().invoke(app, ["index", "rebuild", *map(str, arguments)])
    assert status == result.exit_code, result.output
    return result.output


@pytest.mark.parametrize("how", ["--root", "--config"])
def test_all(tmp_path: Path, how: str) -> None:
    """Without a name every repository's index is made; doing it again finds nothing to do."""
    written_by_another(tmp_path / "data")
    config = tmp_path / "config.yml"
    config.write_text(f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {tmp_path / 'data'}}}}}\n")
    where = [how, tmp_path / "data" if how == "--root" else config]

    assert ["one: manifests 2, referrers 1, added 1", "two/below: manifests 1, referrers 0"] == run(*where).splitlines()
    assert (tmp_path / f"data{ENTRY}").is_file()
    assert "one: manifests 2, referrers 1\n" in run(*where)


def test_named(tmp_path: Path) -> None:
    """With names only those are made, each once."""
    written_by_another(tmp_path)

    assert "two/below: manifests 1, referrers 0\n" == run("--root", tmp_path, "two/below", "two/below")
    assert not (tmp_path / ENTRY[1:]).exists()


def test_json(tmp_path: Path) -> None:
    """Programs get the counts of every repository."""
    written_by_another(tmp_path)
    counts = json.loads(run("--root", tmp_path, "--json"))["repositories"]

    assert {"manifests": 2, "unreadable": 0, "referrers": 1, "added": 1, "removed": 0} == counts["one"]
    assert ["one", "two/below"] == sorted(counts)


@pytest.mark.parametrize("name", ["three", "two", "ONE", "../one"])
def test_unknown(tmp_path: Path, name: str) -> None:
    """A repository that isn't there is told in one line, and nothing is done to the others."""
    written_by_another(tmp_path)

    assert [f"holdfast: repository {name} is unknown"] == run("--root", tmp_path, "one", name, status=1).splitlines()
    assert not (tmp_path / ENTRY[1:]).exists()


def test_empty(tmp_path: Path) -> None:
    """An empty store has nothing to do."""
    assert "there are no repositories\n" == run("--root", tmp_path)
    assert {"repositories": {}} == json.loads(run("--root", tmp_path, "--json"))
