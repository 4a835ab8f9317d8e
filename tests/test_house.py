"""The rules of the house that no linter knows; CONTRIBUTING.md says them in words."""

import ast
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import holdfast

_TOP = Path(__file__).resolve().parents[1]
_SOURCES = sorted((_TOP / "src").rglob("*.py"))
_TESTS = sorted((_TOP / "tests").rglob("*.py"))
_BENCHMARKS = sorted((_TOP / "benchmarks").rglob("*.py"))

_SOFT_LINES, _HARD_LINES, _FUNCTION_LINES = 400, 600, 60

# Each with the reason why it may be longer than the soft limit; nothing may pass the hard one.
_LONG_FILES: dict[str, str] = {
    "src/holdfast/storage/driver.py": "the contract is one thing to read, and most of it is what each method promises",
}

# Each "path::function" with the reason.
_LONG_FUNCTIONS: dict[str, str] = {}

_VAGUE_NAME = re.compile(r"(Manager|Helper|Helpers|Util|Utils)$|^Base\w*V\d")
_VAGUE_MODULE = re.compile(r"^(utils?|helpers?|manager|common|misc)$")

# Tests whose property is that nothing is raised, each with the reason.
_NO_ASSERTION: dict[str, str] = {
    "src/holdfast/testing/suite/modelled.py::test_driver_behaves_like_a_dictionary": "the model asserts at each step",
    "tests/registry/model/test_manifest.py::test_any_json": "any other error than the declared one is the failure",
    "tests/storage/test_budget.py::test_cancelled_in_its_turn": "the timeout is what fails",
}

# What importing any part of the package must not bring in: the SDKs of the backends, and tools of one command.
_SDKS = (
    "aiobotocore",
    "alibabacloud_credentials",
    "alibabacloud_oss_v2",
    "azure",
    "boto3",
    "botocore",
    "fsspec",
    "google.auth",
    "google.cloud",
    "keystoneauth1",
    "obstore",
    "opendal",
    "oss2",
    "redis",
    "swiftclient",
)

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def _name(path: Path) -> str:
    return str(path.relative_to(_TOP))


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


def _functions(tree: ast.AST) -> Iterator[_Function]:
    return (node for node in ast.walk(tree) if isinstance(node, _Function))


def _modules() -> list[str]:
    return ["holdfast", *(module.name for module in pkgutil.walk_packages(holdfast.__path__, "holdfast."))]


def _imports(path: Path) -> set[str]:
    """The absolute names of the modules that a file imports, wherever in it."""
    package = list(path.relative_to(_TOP / "src").with_suffix("").parts)
    found: set[str] = set()
    for node in ast.walk(_parse(path)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: -node.level] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def _loaded_by(statement: str) -> set[str]:
    """The modules that a fresh interpreter has loaded after one statement."""
    script = f"{statement}\nimport sys\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30)
    return set(done.stdout.split())


def _within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def test_files_are_short() -> None:
    """No file is longer than the soft limit without a reason, and none passes the hard one."""
    lengths = {_name(path): len(path.read_text().splitlines()) for path in [*_SOURCES, *_TESTS, *_BENCHMARKS]}
    long = {name: lines for name, lines in lengths.items() if lines > _SOFT_LINES}

    assert {} == {name: lines for name, lines in long.items() if name not in _LONG_FILES or lines > _HARD_LINES}
    assert set() == _LONG_FILES.keys() - long.keys(), "an exception that is no longer needed"


def test_functions_are_short() -> None:
    """No function is longer than the limit without a reason."""
    long = {
        f"{_name(path)}::{function.name}": length
        for path in [*_SOURCES, *_TESTS, *_BENCHMARKS]
        for function in _functions(_parse(path))
        if (length := (function.end_lineno or function.lineno) - function.lineno + 1) > _FUNCTION_LINES
    }

    assert {} == {name: length for name, length in long.items() if name not in _LONG_FUNCTIONS}
    assert set() == _LONG_FUNCTIONS.keys() - long.keys(), "an exception that is no longer needed"


def test_names_say_what_a_thing_is() -> None:
    """No class and no module has a name that fits everything."""
    classes = [
        f"{_name(path)}::{node.name}"
        for path in _SOURCES
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.ClassDef) and _VAGUE_NAME.search(node.name)
    ]
    modules = [_name(path) for path in _SOURCES if _VAGUE_MODULE.match(path.stem.lstrip("_"))]

    assert [] == classes
    assert [] == modules


def test_storage_knows_nothing_of_the_registry() -> None:
    """The storage half imports neither the registry nor what stands on it, not even inside a function."""
    above = ("holdfast.registry", "holdfast.config", "holdfast.cli")
    offences = {
        _name(path): sorted(wrong)
        for path in (_TOP / "src/holdfast/storage").rglob("*.py")
        if (wrong := {name for name in _imports(path) if _within(name, above)})
    }

    assert {} == offences


def test_the_suite_stands_on_the_storage_half_alone() -> None:
    """The certification suite can be installed by a driver's author who has no use for a registry."""
    above = ("holdfast.registry", "holdfast.config", "holdfast.cli", "starlette", "granian", "typer")
    offences = {
        _name(path): sorted(wrong)
        for path in (_TOP / "src/holdfast/testing").rglob("*.py")
        if (wrong := {name for name in _imports(path) if _within(name, above)})
    }

    assert {} == offences


def test_checking_stands_on_the_storage_half_alone() -> None:
    """Whether storage is good can be found out without a registry, from Python too."""
    above = (
        "holdfast.registry",
        "holdfast.config",
        "holdfast.cli",
        "holdfast.testing",
        "starlette",
        "granian",
        "typer",
    )
    offences = {
        _name(path): sorted(wrong)
        for path in (_TOP / "src/holdfast/checking").rglob("*.py")
        if (wrong := {name for name in _imports(path) if _within(name, above)})
    }

    assert {} == offences


def test_registry_uses_public_names_of_storage() -> None:
    """What stands on the storage half reaches into no private module or name of it."""
    private = re.compile(r"holdfast\.storage\.(\w+\.)*_")
    offences = {
        _name(path): sorted(wrong)
        for part in ("registry", "config", "cli", "checking")
        for path in (_TOP / "src/holdfast" / part).rglob("*.py")
        if (wrong := {name for name in _imports(path) if private.match(name)})
    }

    assert {} == offences


@pytest.mark.parametrize("module", ["holdfast", "holdfast.storage", "holdfast.testing.plugin", "holdfast.cli.main"])
def test_import_brings_no_sdk(module: str) -> None:
    """Importing a part of the package loads no backend's SDK."""
    assert set() == {name for name in _loaded_by(f"import {module}") if _within(name, _SDKS)}


@pytest.mark.parametrize("module", ["holdfast", "holdfast.storage"])
def test_import_reads_no_entry_points(module: str) -> None:
    """Drivers of other packages are looked for when one is asked for, never because something was imported."""
    spy = """
import importlib.metadata as metadata
entry_points = metadata.entry_points
def refuse(group="all of them", **others):
    # pydantic and OpenTelemetry look for plug-ins of their own.
    if group.startswith(("holdfast", "all")):
        raise SystemExit(f"entry points were read: {group}")
    return entry_points(group=group, **others)
metadata.entry_points = refuse
"""

    assert module in _loaded_by(f"{spy}import {module}")


def test_plugin_is_light() -> None:
    """The pytest plugin, loaded in every test run of whoever has the package, imports pytest and little else."""
    base = _loaded_by("import pytest, importlib.metadata")
    extra = {name.split(".")[0] for name in _loaded_by("import holdfast.testing.plugin") - base}

    assert set() == extra - {"holdfast"} - set(sys.stdlib_module_names)


def _exports(module: str, loaded: ModuleType) -> bool:
    """Whether a module is public, and has anything in it; a test module is collected, not imported from."""
    if any(part.startswith(("_", "test_")) for part in module.split(".")):
        return False
    body = ast.parse(inspect.getsource(loaded)).body
    return not all(isinstance(statement, ast.Expr) or _assigns_dunder(statement) for statement in body)


def _assigns_dunder(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]).startswith("__")


@pytest.mark.parametrize("module", _modules())
def test_module_has_a_docstring_and_true_exports(module: str) -> None:
    """Every module says what it is, and a public one lists its names, each of which exists."""
    loaded = importlib.import_module(module)

    assert loaded.__doc__

    if _exports(module, loaded):
        exported = loaded.__all__

        assert [] == [name for name in exported if not hasattr(loaded, name)]
        assert len(set(exported)) == len(exported)


def _test_functions() -> Iterator[tuple[str, _Function]]:
    suite = sorted((_TOP / "src/holdfast/testing").rglob("*.py"))
    for path in [*_TESTS, *suite]:
        for function in _functions(_parse(path)):
            if function.name.startswith("test_"):
                yield f"{_name(path)}::{function.name}", function


def test_tests_state_their_property() -> None:
    """Every test, of ours and of the certification suite, has a docstring."""
    assert [] == [name for name, function in _test_functions() if not ast.get_docstring(function)]


def _asserts(function: _Function) -> bool:
    """Whether a test asserts by itself, expects an error, or calls something named for checking."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if re.match(r"_?(raises|warns|fail|assert|check|verify|expect)", called):
                return True
    return False


def test_tests_assert() -> None:
    """No test passes by merely running."""
    idle = {name for name, function in _test_functions() if not _asserts(function)}

    assert set() == idle - _NO_ASSERTION.keys()
    assert set() == _NO_ASSERTION.keys() - idle, "an exception that is no longer needed"


# Places that exist on one machine only.
_FOREIGN = re.compile(
    r"/work/|/root/\w|/home/\w+/|/Users/\w+/|/opt/(wheels|pypi)|https?://[\w.-]*(mirror|artifactory|nexus)"
)
_TEXTS = {".py", ".md", ".toml", ".yml", ".yaml", ".txt", ".sh", ""}


def _product_files() -> Iterator[Path]:
    folders = (".ci", "benchmarks", "changelog.d", "docs", "scripts", "src", "tests")
    files = [*_TOP.iterdir(), *(path for folder in folders for path in (_TOP / folder).rglob("*"))]
    # A work tree of git has a file of this name, which says where the rest is.
    return (path for path in files if path.suffix in _TEXTS and path.is_file() and path.name != ".git")


def test_product_text_speaks_of_no_machine() -> None:
    """No file names a folder or a package mirror of the machine on which it was written."""
    offences = [
        f"{_name(path)}:{number}: {line.strip()}"
        for path in _product_files()
        if path != Path(__file__).resolve()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _FOREIGN.search(line)
    ]

    assert [] == offences
