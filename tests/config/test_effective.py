from pathlib import Path
from typing import Any

import pytest
import yaml

from holdfast.config import parse, read_bytes
from holdfast.config.effective import DEFAULT, MASK, Setting, settings, to_yaml
from holdfast.config.problem import dotted
from holdfast.storage.errors import ConfigurationError

_EXAMPLES = Path(__file__).parents[1] / "data" / "configurations"
_HERE = ["cache", "dev", "example", "macos", "options", "options-inmemory", "parser-inmemory", "reference-http"]
"""Those whose driver is installed."""


def _settings(text: str, variables: dict[str, str] | None = None) -> dict[str, Setting]:
    found = settings(read_bytes(text.encode(), variables or {}, source="c.yml"))
    return {dotted(setting.path): setting for setting in found}


def test_each_value_tells_where_it_came_from() -> None:
    """A value is of a line of the file, of a variable, or a default; what a variable covers is the variable's."""
    text = "version: 0.1\nstorage:\n  box:\n    rootdirectory: /r\nhttp:\n  addr: :5000\n  headers:\n    A: [b]\n"
    variables = {"REGISTRY_HTTP_ADDR": ":6000", "REGISTRY_HEALTH_HTTPCHECKERS": "[{uri: 'http://a'}]"}

    found = _settings(text, variables)

    assert {
        "version": ("0.1", "c.yml:1:1"),
        "storage.box.rootdirectory": ("/r", "c.yml:4:5"),
        "storage.box.maxthreads": (100, DEFAULT),
        "storage.delete.enabled": (False, DEFAULT),
        "http.addr": (":6000", "REGISTRY_HTTP_ADDR"),
        "http.draintimeout": ("30s", DEFAULT),
        "http.headers.A": (["b"], "c.yml:8:5"),
        "health.http.0.uri": ("http://a", "REGISTRY_HEALTH_HTTPCHECKERS"),
        "health.http.0.interval": ("10s", DEFAULT),
        "log.level": ("info", DEFAULT),
    } == {
        path: (found[path].value, found[path].origin)
        for path in (
            "version",
            "storage.box.rootdirectory",
            "storage.box.maxthreads",
            "storage.delete.enabled",
            "http.addr",
            "http.draintimeout",
            "http.headers.A",
            "health.http.0.uri",
            "health.http.0.interval",
            "log.level",
        )
    }


def test_the_old_key_of_the_level_is_where_the_level_came_from() -> None:
    """`loglevel` is shown as what it comes to, with its own line."""
    found = _settings("version: 0.1\nstorage: bare\nloglevel: debug")

    assert ("debug", "c.yml:3:1") == (found["log.level"].value, found["log.level"].origin)
    assert "loglevel" not in found


def test_a_socket_is_shown_as_the_file_has_it() -> None:
    """What became a field of its own is `addr` again."""
    found = _settings("version: 0.1\nstorage: bare\nhttp: {net: unix, addr: /run/r.sock}")

    assert ("/run/r.sock", "c.yml:3:19") == (found["http.addr"].value, found["http.addr"].origin)


@pytest.mark.parametrize(
    "text",
    [
        "storage: {box: {rootdirectory: /r, accesskey: hush}}",
        "http: {secret: hush}",
        "redis: {password: hush, addrs: ['redis://:hush@a:1']}",
        "proxy: {password: hush, remoteurl: 'https://user:hush@r.example'}",
        "health: {http: [{uri: 'http://user:hush@a', headers: {Authorization: [hush], Cookie: [hush]}}]}",
        "notifications: {endpoints: [{url: 'http://a:hush@b/c', headers: {X-Api-Key: [hush]}}]}",
        "middleware: {storage: [{name: a, disabled: on, options: {privatekey: hush, deep: {l: [{token: hush}]}}}]}",
        "middleware: {storage: [{name: vault, options: {phrase: hush}}]}",
        "log: {fields: {apikey: hush}, hooks: [{type: pager, options: {smtp: {password: hush}}}]}",
        "reporting: {bugsnag: {apikey: hush}}",
        "auth: {token: {realm: 'https://u:hush@a', service: s, issuer: i, jwks: k}}",
    ],
)
def test_secrets_are_masked(text: str) -> None:
    """No secret is shown, whether the model, the driver, a name or a URL tells that it is one."""
    storage = "" if text.startswith("storage") else "storage: bare\n"
    found = settings(read_bytes(f"version: 0.1\n{storage}{text}".encode()))

    shown = to_yaml(found) + repr([setting.value for setting in found])

    assert "hush" not in shown
    assert MASK in shown


@pytest.mark.parametrize("name", _HERE)
@pytest.mark.parametrize("defaults", [True, False])
def test_what_is_shown_is_a_configuration_that_means_the_same(name: str, *, defaults: bool) -> None:
    """The YAML can be served, and comes to the same values, but for masked secrets."""
    first = settings(read_bytes((_EXAMPLES / f"{name}.yml").read_bytes()))

    text = to_yaml(setting for setting in first if defaults or setting.origin != DEFAULT)
    second = settings(read_bytes(text.encode()))

    assert [(setting.path, setting.value) for setting in first] == [(setting.path, setting.value) for setting in second]


def test_each_line_says_where_its_value_came_from() -> None:
    """The YAML has the place of each value in a comment, and keeps the order of the reference."""
    variables = {"REGISTRY_LOG_FIELDS": "{service: 'a: b', lines: \"a\\nb\"}", "REGISTRY_LOG_HOOKS_0_TYPE": "horn"}
    found = settings(
        read_bytes(b"version: 0.1\nstorage: bare\nhttp: {headers: {A: [b, 'c d']}}", variables, source="c")
    )

    assert """\
version: '0.1'  # c:1:1
log:
  fields:
    service: 'a: b'  # REGISTRY_LOG_FIELDS
    lines: "a\\nb"  # REGISTRY_LOG_FIELDS
  hooks:
    - type: horn  # REGISTRY_LOG_HOOKS_0_TYPE
storage:
  bare: {}  # c:2:1
http:
  headers:
    A: [b, c d]  # c:3:18
""" == to_yaml(setting for setting in found if setting.origin != DEFAULT)


def test_a_wrong_configuration_is_not_shown() -> None:
    """What can't be used has no effective values."""
    with pytest.raises(ConfigurationError, match=r"http\.addr"):
        settings(read_bytes(b"version: 0.1\nstorage: bare\nhttp: {addr: x}"))


def test_every_value_of_the_models_is_shown() -> None:
    """With every key set, the file that is shown has every key that the file had."""
    given: Any = yaml.safe_load((_EXAMPLES / "options.yml").read_text())
    shown: Any = yaml.safe_load(to_yaml(settings(read_bytes((_EXAMPLES / "options.yml").read_bytes()))))

    assert set(given) - {"loglevel"} <= set(shown)
    assert parse((_EXAMPLES / "options.yml").read_bytes()).http.tls.certificate == shown["http"]["tls"]["certificate"]
    assert {"addr", "net", "prefix", "host", "secret", "tls", "debug", "headers"} <= set(shown["http"])
