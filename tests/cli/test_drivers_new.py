import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from holdfast.cli.main import app


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the command is given in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _new(*words: str) -> Result:
    return CliRunner().invoke(app, ["drivers", "new", *words])


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_writes_a_whole_package(folder: Path) -> None:
    """All that a package of one's own needs is there, and what to do next is printed."""
    done = _new("my-store")

    assert 0 == done.exit_code, done.output
    assert {
        ".github/workflows/test.yml",
        ".gitignore",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "src/holdfast_my_store/__init__.py",
        "src/holdfast_my_store/driver.py",
        "src/holdfast_my_store/errors.py",
        "src/holdfast_my_store/options.py",
        "src/holdfast_my_store/py.typed",
        "tests/test_certification.py",
    } <= _files(folder / "holdfast-my-store")
    assert ["holdfast-my-store"] == [path.name for path in folder.iterdir()]
    assert "cd holdfast-my-store\n" in done.output
    assert "holdfast drivers my-store\n" in done.output


def test_json_has_the_same(folder: Path) -> None:
    """Programs get the folder, the files and the steps."""
    done = _new("mystore", "--folder", "some where/new", "--json")

    told = json.loads(done.output)
    assert ("mystore", "holdfast-mystore", "holdfast_mystore") == (told["name"], told["package"], told["module"])
    assert str(folder / "some where/new") == told["folder"]
    assert set(told["files"]) == _files(folder / "some where/new")
    assert "cd 'some where/new'" == told["next"][0]


def test_an_empty_folder_is_filled(folder: Path) -> None:
    """The folder one stands in may be the one; it stays the same folder."""
    before = folder.stat().st_ino

    assert 0 == _new("mystore", "--folder", ".").exit_code
    assert before == folder.stat().st_ino
    assert (folder / "pyproject.toml").is_file()
    assert not list(folder.glob(".holdfast*"))


@pytest.mark.parametrize("there", ["holdfast-mystore/.git/HEAD", "holdfast-mystore"], ids=["folder", "file"])
def test_nothing_is_written_over(folder: Path, there: str) -> None:
    """A folder with anything in it, or a file in its place, is one clear line, and stays as it is."""
    (folder / there).parent.mkdir(parents=True, exist_ok=True)
    (folder / there).write_text("mine")

    done = _new("mystore")

    assert 1 == done.exit_code
    assert 1 == done.stderr.count("\n")
    assert "holdfast-mystore" in done.stderr
    assert "nothing was written" in done.stderr
    assert {there} == _files(folder)


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("filesystem", "the driver name 'filesystem' is taken, by holdfast "),
        ("delete", "`storage.delete` means something else"),
        ("check", "`holdfast drivers check` is a command"),
        ("My_Store", "not 'My_Store'"),
        ("1store", "begins with a letter"),
        ("a--b", "not 'a--b'"),
        ("store-", "not 'store-'"),
        ("../store", "not '../store'"),
        ("störe", "not 'störe'"),
        ("s" * 41, "at most 40 characters"),
        ("", "not ''"),
    ],
)
def test_a_name_that_will_not_do_is_one_line(folder: Path, name: str, complaint: str) -> None:
    """What is wrong with it is said, and nothing is written."""
    done = _new(name)

    assert 1 == done.exit_code
    assert 1 == done.stderr.count("\n")
    assert complaint in done.stderr
    assert [] == list(folder.iterdir())


@pytest.mark.parametrize("option", ["--description", "--author"])
@pytest.mark.parametrize("text", ["two\nlines", "", "\x1b[31m"])
def test_a_text_that_is_no_line_is_refused(folder: Path, option: str, text: str) -> None:
    """It would break the files that it stands in."""
    done = _new("mystore", option, text)

    assert (1, 1) == (done.exit_code, done.stderr.count("\n"))
    assert [] == list(folder.iterdir())


def test_a_folder_that_cannot_be_written_is_one_line() -> None:
    """The system's reason is told."""
    done = _new("mystore", "--folder", "/proc/holdfast-mystore")

    assert (1, 1) == (done.exit_code, done.stderr.count("\n"))
    assert "/proc" in done.stderr


def test_help_and_completion_know_it() -> None:
    """It is among the commands, with what it is for and examples."""
    group = CliRunner().invoke(app, ["drivers", "--help"]).output
    help_ = CliRunner().invoke(app, ["drivers", "new", "--help"]).output
    words = {"_HOLDFAST_COMPLETE": "complete_bash", "COMP_WORDS": "holdfast drivers n", "COMP_CWORD": "2"}
    completed = CliRunner().invoke(app, [], env=words, prog_name="holdfast").output.split()

    assert "Write a package with a driver of your own" in " ".join(group.split())
    assert "Examples:" in help_
    assert "new" in completed
