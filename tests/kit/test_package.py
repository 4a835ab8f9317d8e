import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from holdfast import __version__
from holdfast.kit.errors import PackageError
from holdfast.kit.folder import write_folder
from holdfast.kit.licence import Licence
from holdfast.kit.name import DriverName
from holdfast.kit.package import DriverPackage

_TOP = Path(__file__).resolve().parents[2]

_NASTY = 'Files "quoted" \\n, $name ${module} {tmp} of é\U0001f4e6 \'""" #!'


def _package(name: str = "my-store", **values: object) -> DriverPackage:
    return DriverPackage(name=DriverName.checked(name), **values)  # type: ignore[arg-type]  # values are each test's own


@pytest.mark.parametrize("description", [_NASTY, "Files of mine."])
def test_a_description_stands_everywhere_as_it_was_given(description: str) -> None:
    """Whatever characters it has, files stay well-formed and say it unchanged."""
    files = _package(description=description).files()
    names: dict[str, object] = {}
    exec(files["src/holdfast_my_store/__init__.py"].partition("\n\n")[0], names)

    assert description == tomllib.loads(files["pyproject.toml"])["project"]["description"]
    assert description == names["__doc__"]
    assert description in files["README.md"].splitlines()
    for path, text in files.items():
        if path.endswith(".py"):
            compile(text, path, "exec")


def test_the_project_is_what_was_asked_for() -> None:
    """Name, version of Holdfast, entry point, author and licence are where packaging tools look for them."""
    files = _package(author="Ann Author <ann@example.com>", licence=Licence.MIT).files()
    project = tomllib.loads(files["pyproject.toml"])["project"]

    assert "holdfast-my-store" == project["name"]
    assert [f"holdfast>={__version__}"] == project["dependencies"]
    assert {"my-store": "holdfast_my_store:MyStoreDriver"} == project["entry-points"]["holdfast.drivers"]
    assert [{"name": "Ann Author", "email": "ann@example.com"}] == project["authors"]
    assert "MIT" == project["license"]
    assert "Ann Author" in files["LICENSE"].splitlines()[2]


@pytest.mark.parametrize(
    ("author", "expected"),
    [
        (None, None),
        ("Ann Author", [{"name": "Ann Author"}]),
        ("ann@example.com", [{"email": "ann@example.com"}]),
        ('Ann "The" Author', [{"name": 'Ann "The" Author'}]),
    ],
)
def test_an_author_may_be_known_by_half(author: str | None, expected: object) -> None:
    """A name or an address is enough; without any, nobody is named."""
    project = tomllib.loads(_package(author=author).files()["pyproject.toml"])["project"]

    assert expected == project.get("authors")


@pytest.mark.parametrize("author", ["Ann <ann>", "Ann <ann@example.com> and Bob", "<>"])
def test_an_author_who_is_none_is_refused(author: str) -> None:
    """Packaging tools would refuse what was made of it."""
    with pytest.raises(PackageError, match="an author is `Name`"):
        _package(author=author)


def test_the_licence_is_the_author_s_choice() -> None:
    """Apache's is the one that this project has; who decides later gets none."""
    assert (_TOP / "LICENSE").read_text() == _package().files()["LICENSE"]
    none = _package(licence=Licence.NONE).files()
    assert "LICENSE" not in none
    assert "license" not in tomllib.loads(none["pyproject.toml"])["project"]


def test_yaml_is_well_formed() -> None:
    """The README's configuration names the driver, and the workflow's expressions came through the template."""
    files = _package().files()
    workflow = yaml.safe_load(files[".github/workflows/test.yml"])
    block = files["README.md"].partition("```yaml\n")[2].partition("```")[0]

    assert "${{ matrix.python }}" == workflow["jobs"]["certification"]["steps"][1]["with"]["python-version"]
    assert {"my-store": {"database": "/var/lib/registry/files.db"}} == yaml.safe_load(block)["storage"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("shelf", ["ruff", "check"]),
        ("a_rather-long-name-for-a-driver", ["ruff", "check"]),
        ("shelf", ["ruff", "format", "--check"]),
        ("shelf", ["mypy"]),
    ],
    ids=["lint", "lint, long name", "format", "types"],
)
def test_the_code_is_clean(tmp_path: Path, name: str, words: list[str]) -> None:
    """An author starts from code of which the tools have nothing to say: ruff, and mypy's strict mode."""
    write_folder(tmp_path / "package", _package(name).files())

    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=tmp_path / "package", capture_output=True, text=True, check=False
    )

    assert 0 == done.returncode, done.stdout + done.stderr
