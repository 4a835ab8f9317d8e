"""Runs every block of code in the README and in docs/, page by page, each page in a folder of its own.

By the fence's language:
- `sh`: run by bash. A line with `holdfast serve` starts a registry that serves the rest of the page; a line with
  `make` is checked to be a target that exists.
- `python`: run, `await` included; the blocks of a page are one program.
- `yaml`: read as a configuration file.
- `diff` with `file=NAME`: a change of that file. Each part between lines of `@@` has unchanged lines (after a space)
  and removed ones (after `-`), which must stand together in the file, once; in their place come the unchanged and the
  added ones (after `+`).
- any other language with `file=NAME`: written to that file for the blocks after it.
- `text`: pictures and output, not run.

Addresses and folders that the pages name are replaced by a free port and a temporary folder. A block after the
comment `<!-- not run: reason -->` isn't run; the reasons are counted and printed.

A page that installs something with pip has a virtual environment of its own, over ours.
"""

import ast
import asyncio
import importlib.util
import inspect
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import pytest

from holdfast.config import parse
from holdfast.storage import DriverOptions, factory, middleware
from tests.services.layered_venv import LayeredVenv

_ROOT = Path(__file__).parent.parent
_PAGES = [_ROOT / "README.md", *sorted((_ROOT / "docs").rglob("*.md"))]
_LANGUAGES = {"python", "sh", "yaml", "toml", "text", "diff"}
_FENCE = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\n)?^```(?P<language>\w*)(?: file=(?P<file>\S+))?\n(?P<code>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_PYTEST_OPTIONS = "-q -p no:cacheprovider --holdfast-examples=2"
# Our own drivers are certified where they live; here it is enough that the page's command certifies something.
_A_PART_OF_THE_SUITE = "-k 'move or as_declared or test_limit'"
_PART_PAGES = {"certify-a-driver.md", "a-driver-in-an-afternoon.md"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced block of a page, and the line it begins on."""

    language: str
    file: str | None
    reason: str | None
    code: str
    line: int


def _blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            language=match["language"],
            file=match["file"],
            reason=match["reason"],
            code=match["code"],
            line=text.count("\n", 0, match.start("code")),
        )
        for match in _FENCE.finditer(text)
    ]


@dataclass(slots=True, kw_only=True)
class Runner:
    """Runs one page's blocks in one folder."""

    page: Path
    folder: Path
    cleanup: ExitStack
    venv: LayeredVenv | None = None
    port: int = field(init=False)
    loop: asyncio.AbstractEventLoop = field(init=False)
    names: dict[str, object] = field(default_factory=lambda: {"__name__": "__main__"})

    def __post_init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.loop = asyncio.new_event_loop()
        self.cleanup.callback(self.loop.close)

    def run(self, block: Block) -> None:
        """Run a block, or fail the test with where it stands and what it said."""
        code = self._local(block.code)
        if block.language == "diff":
            self._change(block)
        elif block.file:
            (self.folder / block.file).write_text(code, encoding="utf-8")
        if block.language == "yaml" and self.venv is not None:
            self._check(["holdfast", "config", "check", str(block.file)], block, cwd=self.folder)
        elif block.language == "yaml":
            parse(code.encode(), source=f"{self.page.name}:{block.line}")
        elif block.language == "python" and not block.file:
            self._run_python(code, block)
        elif block.language == "sh":
            self._run_shell(code, block)

    def _local(self, text: str) -> str:
        return text.replace("127.0.0.1:5000", f"127.0.0.1:{self.port}").replace(
            "/var/lib/registry", str(self.folder / "var-lib-registry")
        )

    def _change(self, block: Block) -> None:
        """Change a file as a diff says; one that doesn't fit is the page's fault."""
        path = self.folder / str(block.file)
        text = path.read_text(encoding="utf-8")
        for part in re.split(r"(?m)^@@.*\n", block.code):
            lines = [" \n" if line == "\n" else line for line in part.splitlines(keepends=True)]
            old = "".join(line[1:] for line in lines if line[0] in " -")
            new = "".join(line[1:] for line in lines if line[0] in " +")

            assert not lines or text.count(old) == 1, f"{self.page.name}:{block.line}: not once in {path.name}:\n{old}"
            text = text.replace(old, new) if lines else text
        path.write_text(text, encoding="utf-8")

    def _run_python(self, code: str, block: Block) -> None:
        compiled = compile("\n" * block.line + code, str(self.page), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        result = eval(compiled, self.names)
        if inspect.iscoroutine(result):
            self.loop.run_until_complete(result)

    def _run_shell(self, code: str, block: Block) -> None:
        lines = code.splitlines()
        targets = [line.split()[1:] for line in lines if line.startswith("make ")]
        for words in targets:
            self._check(["make", "-n", *words], block, cwd=_ROOT)
        for line in lines:
            if line.startswith("holdfast serve"):
                self._serve(line, block)
        rest = [line for line in lines if not line.startswith(("make ", "holdfast serve"))]
        if rest:
            self._check(["bash", "-euo", "pipefail", "-c", "\n".join(rest)], block, cwd=self.folder)

    def _check(self, command: list[str], block: Block, *, cwd: Path) -> None:
        done = subprocess.run(
            command, cwd=cwd, env=self._environment(block), capture_output=True, text=True, check=False, timeout=60
        )

        assert 0 == done.returncode, f"{self.page.name}:{block.line}: {block.code}{done.stdout}{done.stderr}"

    def _serve(self, line: str, block: Block) -> None:
        """Start the registry as the page does, and wait until it has said how to push to it."""
        words = line.split()
        if not any(word.endswith(".yml") for word in words):
            words += ["--addr", f"127.0.0.1:{self.port}"]
        process = subprocess.Popen(
            words,
            cwd=self.folder,
            env=self._environment(block),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.cleanup.callback(_stop, process)
        said = []
        for output in process.stdout or ():
            said.append(output)
            if output.startswith("Push:"):
                return
        pytest.fail(f"{line}: ended before it listened: {''.join(said)}")

    def _environment(self, block: Block) -> dict[str, str]:
        ours = "--holdfast-driver" in block.code or self.page.name in _PART_PAGES
        pytest_options = f"{_PYTEST_OPTIONS} {_A_PART_OF_THE_SUITE}" if ours else _PYTEST_OPTIONS
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("REGISTRY_", "PYTEST_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        if self.venv is not None:
            path = f"{self.venv.folder / 'bin'}{os.pathsep}{path}"
            kept |= self.venv.environment()
        return kept | {"PATH": path, "HOME": str(self.folder), "PYTEST_ADDOPTS": pytest_options}


def _stop(process: subprocess.Popen[str]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise


@pytest.fixture
def cleanup() -> Iterator[ExitStack]:
    """What a page started is stopped after its test."""
    with ExitStack() as stack:
        yield stack


def _name(page: Path) -> str:
    return str(page.relative_to(_ROOT))


@pytest.mark.timeout(300)  # some install packages and certify drivers
@pytest.mark.parametrize("page", [page for page in _PAGES if _blocks(page)], ids=_name)
def test_the_blocks_of_a_page_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cleanup: ExitStack
) -> None:
    """Every block of a page runs, in the page's order, in a folder that has nothing but what the page puts there."""
    blocks = [block for block in _blocks(page) if block.reason is None]
    if any("skopeo" in block.code for block in blocks if block.language == "sh") and shutil.which("skopeo") is None:
        pytest.skip("skopeo isn't installed")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    for offers in (factory.OFFERS, middleware.OFFERS):
        monkeypatch.setattr(offers, "_registered", dict(offers._registered))
    modules = set(sys.modules)
    runner = Runner(page=page, folder=tmp_path, cleanup=cleanup)
    if any("pip install" in block.code for block in blocks if block.language == "sh"):
        runner.venv = LayeredVenv.create(tmp_path.with_name(f"{tmp_path.name}-venv"))

    for block in blocks:
        runner.run(block)

    for written in {block.file for block in blocks if block.file} & {
        f"{name}.py" for name in set(sys.modules) - modules
    }:
        del sys.modules[written.removesuffix(".py")]
    assert blocks


def test_every_block_has_a_language_and_a_reason_where_it_is_not_run(capsys: pytest.CaptureFixture[str]) -> None:
    """No block escapes by an unknown language, an unclosed fence or an empty reason; those left out are counted."""
    found = [(page, block) for page in _PAGES for block in _blocks(page)]
    fences = sum(len(re.findall(r"(?m)^ *```", page.read_text(encoding="utf-8"))) for page in _PAGES)
    left_out = [f"{_name(page)}:{block.line}: {block.reason}" for page, block in found if block.reason is not None]
    with capsys.disabled():
        print(f"\n{len(left_out)} of {len(found)} blocks aren't run:", *left_out, sep="\n  ")

    assert fences == 2 * len(found)
    assert set() == {block.language for _, block in found} - _LANGUAGES
    assert [] == [line for line in left_out if len(line.rpartition(": ")[2]) < 10]


class _Stranger:
    """A driver of nobody's."""

    Options = DriverOptions

    def __call__(self, options: object, /) -> NoReturn:
        raise AssertionError(f"pages make no driver, with {options} or without")


def _generate() -> dict[Path, str]:
    spec = importlib.util.spec_from_file_location("generate", _ROOT / "docs" / "generate.py")
    if spec is None or spec.loader is None:
        raise ImportError("docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages: dict[Path, str] = module.pages()
    return pages


def test_generated_pages_are_up_to_date() -> None:
    """The reference says what the code says. If not: python docs/generate.py."""
    stale = [_name(path) for path, text in _generate().items() if not path.exists() or path.read_text() != text]

    assert [] == stale


def test_the_reference_is_of_our_own_drivers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What else is installed where the pages are written, working or not, doesn't get into them."""
    before = _generate()
    monkeypatch.setattr(factory.OFFERS, "_registered", dict(factory.OFFERS._registered))
    factory.register("stranger", _Stranger())

    assert before == _generate()


@pytest.mark.parametrize("page", _PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link of a page leads to a file of the repository, and every page is reachable by its index."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    links = [link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]

    assert [] == [link for link in links if link and not (page.parent / link).exists()]


def test_every_page_is_in_the_index() -> None:
    """A page that nobody links to is a page that nobody reads."""
    index = (_ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    pages = [str(page.relative_to(_ROOT / "docs")) for page in _PAGES if page.parent != _ROOT]

    assert [] == [page for page in pages if page != "README.md" and f"({page})" not in index]
