import pytest

from holdfast.config import parse, read_bytes
from holdfast.storage.errors import ConfigurationError

_BASE = b"version: 0.1\nstorage: bare\nmiddleware:\n"


def _problems(text: str, **variables: str) -> list[str]:
    reading = read_bytes(_BASE + text.encode(), variables, source="c")
    return [str(problem) for problem in reading.problems]


def test_what_is_enabled_is_put_around_the_storage_in_its_order() -> None:
    """Name and options of each; what is disabled isn't there, and an empty option says nothing."""
    configuration = parse(
        _BASE
        + b"""
  storage:
    - name: redirect
      options: {baseurl: 'https://cdn.example'}
    - name: nobodys
      disabled: true
    - name: rewrite
      options: {scheme: http, host: }
"""
    )

    assert (
        ("redirect", {"baseurl": "https://cdn.example"}),
        ("rewrite", {"scheme": "http"}),
    ) == configuration.middleware.around_storage


@pytest.mark.parametrize("kind", ["storage", "registry", "repository"])
def test_an_unknown_name_is_told_with_its_place(kind: str) -> None:
    """And with those that there are of its kind, as what it is."""
    (problem,) = _problems(f"  {kind}: [{{name: none-of-them}}]")

    assert problem.startswith("c:4:")
    assert f": middleware.{kind}.0.name: no {kind} middleware is named 'none-of-them'. Known: " in problem


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("{}", "middleware.storage.0.options.baseurl: is required"),
        (
            "{baseurl: 'https://a', baseurls: b}",
            "middleware.storage.0.options.baseurls: is unknown; did you mean 'baseurl'?",
        ),
        ("{baseurl: a}", "middleware.storage.0.options.baseurl: needs a scheme"),
    ],
)
def test_a_wrong_option_is_told_with_its_place(options: str, expected: str) -> None:
    """It is found before anything runs, by `holdfast config check` for one."""
    (problem,) = _problems(f"  storage: [{{name: redirect, options: {options}}}]")

    assert expected in problem


def test_what_is_disabled_is_not_judged() -> None:
    """It may be of a package that isn't installed here."""
    assert [] == _problems("  storage: [{name: nobodys, disabled: true, options: {a: b}}]")


def test_a_list_can_be_said_by_variables() -> None:
    """As a whole, or item by item, in the place of what the file has."""
    text = "  storage: [{name: redirect, options: {baseurl: 'https://file.example'}}]"
    whole = read_bytes(
        _BASE + text.encode(),
        {"REGISTRY_MIDDLEWARE_STORAGE": "[{name: rewrite, options: {host: cdn.example}}]"},
    ).usable()
    items = read_bytes(
        _BASE + text.encode(),
        {
            "REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_BASEURL": "https://variable.example",
            "REGISTRY_MIDDLEWARE_STORAGE_1_NAME": "rewrite",
            "REGISTRY_MIDDLEWARE_STORAGE_1_OPTIONS_SCHEME": "http",
        },
    ).usable()

    assert (("rewrite", {"host": "cdn.example"}),) == whole.middleware.around_storage
    assert (
        ("redirect", {"baseurl": "https://variable.example"}),
        ("rewrite", {"scheme": "http"}),
    ) == items.middleware.around_storage


def test_a_wrong_option_in_a_variable_names_the_variable() -> None:
    """That is where it has to be mended."""
    (problem,) = _problems("  storage: [{name: redirect}]", REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_BASEURL="cdn.example")

    assert problem.startswith("REGISTRY_MIDDLEWARE_STORAGE_0_OPTIONS_BASEURL: middleware.storage.0.options.baseurl: ")


def test_without_checks_anything_goes() -> None:
    """A file can be read where its middleware isn't installed."""
    text = _BASE + b"  storage: [{name: nobodys}]"
    with pytest.raises(ConfigurationError):
        parse(text)

    assert (("nobodys", {}),) == parse(text, check_driver=False).middleware.around_storage
