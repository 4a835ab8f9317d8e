from pathlib import Path

import pytest

from holdfast.kit.errors import PackageError
from holdfast.kit.folder import write_folder

_FILES = {"a": "1", "b/c/d": "2", ".e/f": "3"}


def _content(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("place", ["new", "several/parents/new", "empty"])
def test_files_are_where_they_were_meant(tmp_path: Path, place: str) -> None:
    """Parents that are missing come into being, and nothing else stays behind."""
    (tmp_path / "empty").mkdir()

    write_folder(tmp_path / place, _FILES)

    assert {f"{place}/{name}": text for name, text in _FILES.items()} == _content(tmp_path)
    assert {"empty", place.partition("/")[0]} == {path.name for path in tmp_path.iterdir()}


def test_permissions_are_the_usual_ones(tmp_path: Path) -> None:
    """A folder that was written elsewhere first doesn't keep what was for its author alone."""
    (tmp_path / "made").mkdir()

    write_folder(tmp_path / "new", _FILES)

    assert (tmp_path / "made").stat().st_mode == (tmp_path / "new").stat().st_mode
    assert (tmp_path / "made").stat().st_mode == (tmp_path / "new" / "b").stat().st_mode


@pytest.mark.parametrize("place", ["new", "several/parents/new", "empty"])
def test_nothing_is_half_written(tmp_path: Path, place: str) -> None:
    """What fails in the middle leaves all as it was."""
    (tmp_path / "empty").mkdir()
    impossible = {**_FILES, "x" * 300: "no file system has such a name"}

    with pytest.raises(OSError, match="too long"):
        write_folder(tmp_path / place, impossible)

    assert ["empty"] == [path.name for path in tmp_path.iterdir()]
    assert [] == list((tmp_path / "empty").iterdir())


def test_what_comes_into_being_meanwhile_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that somebody else writes at the same moment aren't replaced, and ours are taken back."""
    rename = Path.rename

    def race(self: Path, target: Path) -> Path:
        (tmp_path / "b").mkdir(exist_ok=True)
        (tmp_path / "b" / "theirs").write_text("theirs")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", race)

    with pytest.raises(PackageError, match="nothing was written"):
        write_folder(tmp_path, _FILES)
    assert {"b/theirs": "theirs"} == _content(tmp_path)
