from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from holdfast.config import Address, DeleteSection, HTTPSection, LogSection, load, parse
from holdfast.config.document import MAX_BYTES
from holdfast.storage.errors import ConfigurationError

_MINIMAL = "version: 0.1\nstorage: bare\n"


def _message(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse(text.encode(), source="c.yml")
    message = str(caught.value)

    assert "\n" not in message
    return message


def test_a_whole_file_arrives(tmp_path: Path) -> None:
    """Everything that is honoured arrives with its type."""
    path = tmp_path / "config.yml"
    path.write_text(
        """\
version: 0.1
log:
  level: DEBUG
storage:
  box:
    rootdirectory: /srv/registry
    maxthreads: 50
  delete:
    enabled: true
http:
  addr: '[::1]:5001'
  draintimeout: 1m30s
  secret: 0123
"""
    )

    actual = load(path)

    assert "0.1" == actual.version
    assert LogSection(level="debug") == actual.log
    assert ("box", {"rootdirectory": "/srv/registry", "maxthreads": "50"}) == (
        actual.storage.driver,
        actual.storage.parameters,
    )
    assert DeleteSection(enabled=True) == actual.storage.delete
    assert (Address(host="::1", port=5001), timedelta(seconds=90)) == (actual.http.addr, actual.http.draintimeout)
    assert SecretStr("0123") == actual.http.secret


@pytest.mark.parametrize(
    "text",
    [
        _MINIMAL,
        "version: '0.1'\nstorage:\n  bare:\n",
        "version: 0.1\nstorage: {bare: {}, delete: }\nhttp:\nlog: {level: }\n",
    ],
)
def test_what_is_left_out_is_the_default(text: str) -> None:
    """The driver's name alone, empty parameters and empty sections are legal, as upstream has it."""
    actual = parse(text.encode())

    assert ("bare", {}) == (actual.storage.driver, actual.storage.parameters)
    assert DeleteSection() == actual.storage.delete
    assert (HTTPSection(), LogSection()) == (actual.http, actual.log)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("storage: bare", "c.yml: version: is required"),
        ("version: 0.2\nstorage: bare", "c.yml:1:1: version: input should be '0.1'"),
        ("version: 0.1", "c.yml: storage: is required"),
        (
            "version: 0.1\nstorage: {delete: {enabled: true}}",
            "c.yml:2:1: storage: names no driver; it needs exactly one",
        ),
        (
            "version: 0.1\nstorage: {bare: , box: }",
            "c.yml:2:1: storage: names 2 drivers (bare, box); it needs exactly one",
        ),
        ("version: 0.1\nstorage: {bare: 7}", "c.yml:2:1: storage: bare needs parameters as `key: value`"),
        ("version: 0.1\nstorage: [bare]", "c.yml:2:1: storage: needs keys and values below it"),
        (_MINIMAL + "http: here", "c.yml:3:1: http: needs keys and values below it"),
        (
            _MINIMAL + "http:\n  adr: :5000",
            "c.yml:4:3: http.adr: is unknown; did you mean 'addr'? (known: addr, draintimeout, secret)",
        ),
        (
            _MINIMAL + "HTTP: {}",
            "c.yml:3:1: HTTP: is unknown; did you mean 'http'? (known: http, log, storage, version)",
        ),
        (_MINIMAL + "wholly: different", "c.yml:3:1: wholly: is unknown (known: http, log, storage, version)"),
        (
            "version: 0.1\nstorage:\n  bare:\n  delete:\n    enable: true",
            "c.yml:5:5: storage.delete.enable: is unknown; did you mean 'enabled'? (known: enabled)",
        ),
        (_MINIMAL + "log: {level: loud}", "c.yml:3:7: log.level: input should be 'error', 'warn', 'info' or 'debug'"),
        (
            _MINIMAL + "http: {addr: nowhere}",
            "c.yml:3:8: http.addr: 'nowhere' lacks a port; write for instance nowhere:",
        ),
        (_MINIMAL + "http: {draintimeout: 30}", "c.yml:3:8: http.draintimeout: '30' lacks a unit"),
        (_MINIMAL + "http: {draintimeout: -1s}", "c.yml:3:8: http.draintimeout: a duration can't be negative here"),
        (
            "version: 0.1\nstorage: {bare: , delete: {enabled: perhaps}}",
            "c.yml:2:28: storage.delete.enabled: input should be a valid boolean",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_path_and_place(text: str, message: str) -> None:
    """A mistake is told with file, line, column, the key's dotted path, and the nearest known key."""
    actual = _message(text)

    assert message == actual[: len(message)]


@pytest.mark.parametrize(
    ("text", "path", "place"),
    [
        ("auth: {htpasswd: {}}", "auth", "3:1"),
        ("http: {tls: {certificate: x}}", "http.tls", "3:8"),
        ("log: {formatter: json}", "log.formatter", "3:7"),
        ("health: ", "health", "3:1"),
    ],
)
def test_what_upstream_knows_and_we_do_not_is_refused_as_such(text: str, path: str, place: str) -> None:
    """A key of upstream's that isn't honoured is no typo, and is never ignored, even when it is empty."""
    actual = _message(_MINIMAL + text)

    assert (
        f"c.yml:{place}: {path}: not supported by this version of Holdfast; take it out to serve without it" == actual
    )


def test_all_that_is_not_supported_is_told_at_once() -> None:
    """An operator with upstream's sample file learns of every key in one go, in the order of the file."""
    actual = _message(
        "version: 0.1\nlog: {fields: {a: b}}\nstorage: {cache: {}, bare: }\nhttp: {headers: {}}\nhealth: {}"
    )

    assert actual.startswith("c.yml:2:7: log.fields: not supported")
    assert actual.endswith("(the same holds for storage.cache, http.headers, health)")


def test_a_deprecated_key_names_its_successor() -> None:
    """`loglevel` sends to `log.level`."""
    actual = _message(_MINIMAL + "loglevel: debug")

    assert "c.yml:3:1: loglevel: not supported by this version of Holdfast; use log.level" == actual


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ("{}", "c.yml:3:3: storage.box.rootdirectory: is required"),
        (
            "\n    rootdirectry: /x\n    rootdirectory: /y",
            "c.yml:4:5: storage.box.rootdirectry: is unknown; did you mean 'rootdirectory'?",
        ),
        (
            "\n    rootdirectory: /x\n    maxthreads: many",
            "c.yml:5:5: storage.box.maxthreads: input should be a valid integer",
        ),
        (
            "{rootdirectory: /x, maxthreads: 1}",
            "c.yml:3:28: storage.box.maxthreads: input should be greater than or equal to 25",
        ),
    ],
)
def test_the_driver_judges_its_parameters_with_their_place(parameters: str, message: str) -> None:
    """An unknown, missing or ill-typed parameter is found when the file is loaded, with its line."""
    actual = _message(f"version: 0.1\nstorage:\n  box: {parameters}\n")

    assert message == actual[: len(message)]


def test_an_unknown_driver_lists_the_known_ones() -> None:
    """A mistyped driver is told with the nearest, the known ones, and what may stand beside a driver."""
    actual = _message("version: 0.1\nstorage:\n  boxx:\n")

    assert actual.startswith(
        "c.yml:3:3: storage.boxx: no storage driver is named 'boxx'. Did you mean 'box'? Known drivers:"
    )
    assert actual.endswith("Beside a driver there can be: delete.")


def test_secrets_are_never_shown() -> None:
    """Neither the configuration's text nor an error shows a secret or a parameter."""
    good = "version: 0.1\nstorage: {box: {rootdirectory: /x, accesskey: s3cret}}\nhttp: {secret: hush}"

    shown = repr(parse(good.encode())) + str(parse(good.encode()))
    message = _message(good.replace("/x", "/x, maxthreads: s3cret").replace("secret: hush", "secret: [hush]"))

    assert "s3cret" not in shown + message
    assert "hush" not in shown + message


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_an_unreadable_file_is_one_line(tmp_path: Path, kind: str) -> None:
    """A file that isn't there, or isn't a file, is named with the reason."""
    path = tmp_path / "config.yml"
    reason = "no such file or directory"
    if kind == "folder":
        path.mkdir()
        reason = "is a directory"

    with pytest.raises(ConfigurationError) as caught:
        load(path)

    assert f"the configuration file {path} can't be read: {reason}" == str(caught.value)


def test_a_file_without_end_is_not_read_to_the_end() -> None:
    """Reading stops just past the limit."""
    with pytest.raises(ConfigurationError, match=f"/dev/zero: is larger than {MAX_BYTES} bytes"):
        load(Path("/dev/zero"))
