from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from holdfast.config import Address, DeleteSection, HTTPSection, LogSection, load, parse, read_bytes
from holdfast.config.document import MAX_BYTES
from holdfast.config.problem import dotted
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
            "c.yml:4:3: http.adr: is unknown; did you mean 'addr'? (known: addr, net, prefix, host, secret, ",
        ),
        (
            _MINIMAL + "HTTP: {}",
            "c.yml:3:1: HTTP: is unknown; did you mean 'http'? (known: version, log, ",
        ),
        (_MINIMAL + "wholly: different", "c.yml:3:1: wholly: is unknown (known: version, log, "),
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
            "c.yml:2:28: storage.delete.enabled: needs true or false",
        ),
    ],
)
def test_what_is_wrong_is_one_line_with_path_and_place(text: str, message: str) -> None:
    """A mistake is told with file, line, column, the key's dotted path, and the nearest known key."""
    actual = _message(text)

    assert message == actual[: len(message)]


def test_all_that_is_wrong_is_counted() -> None:
    """The first problem is told, and how many more there are; `read` tells all."""
    text = "version: 0.1\nlog: {levl: x}\nstorage: {boxx: }\nhttp: {addr: x, hedaers: {}}"

    actual = _message(text)
    problems = read_bytes(text.encode(), source="c.yml").problems

    assert actual.startswith("c.yml:2:7: log.levl: is unknown; did you mean 'level'?")
    assert actual.endswith(" (3 more: `holdfast config check` tells all)")
    assert ["log.levl", "http.addr", "http.hedaers", "storage.boxx"] == [dotted(problem.path) for problem in problems]


@pytest.mark.parametrize(
    ("text", "level"),
    [("loglevel: DEBUG", "debug"), ("loglevel: debug\nlog: {level: error}", "error"), ("loglevel: \nlog: ", "info")],
)
def test_the_old_key_of_the_level_counts_where_the_new_one_is_not(text: str, level: str) -> None:
    """`loglevel` is taken for `log.level`."""
    assert level == parse((_MINIMAL + text).encode()).log.level


@pytest.mark.parametrize(
    ("text", "remark"),
    [
        ("loglevel: debug", "c.yml:3:1: loglevel: is deprecated; write log.level"),
        ("validation: {enabled: true}", "c.yml:3:14: validation.enabled: is deprecated; validation is on unless"),
        ("redis: {tls: {enabled: true}}", "c.yml:3:15: redis.tls.enabled: means nothing, to Distribution either"),
        ("compatibility: {schema1: {}}", "c.yml:3:1: compatibility: is gone from Distribution since version 3"),
        (
            "http: {tls: {certificate: c, key: k, minimumtls: TLS1.0}}",
            "c.yml:3:38: http.tls.minimumtls: is taken for tls1.2: no older version is spoken",
        ),
    ],
)
def test_what_is_old_gets_a_word(text: str, remark: str) -> None:
    """What is deprecated, gone, or taken more strictly is legal, and remarked on with its place."""
    reading = read_bytes((_MINIMAL + text).encode(), source="c.yml")

    assert () == reading.problems
    assert [remark] == [str(found)[: len(remark)] for found in reading.remarks]


def test_without_the_driver_the_rest_is_checked() -> None:
    """A driver that isn't installed can be left out of it, when its own parameters aren't what matters."""
    text = b"version: 0.1\nstorage: {elsewhere: {bucket: b}, delete: {enabled: maybe}}"

    actual = read_bytes(text, source="c.yml", check_driver=False).problems

    assert ["c.yml:2:44: storage.delete.enabled: needs true or false"] == [str(problem) for problem in actual]


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
    assert actual.endswith("Beside a driver there can be: cache, delete, maintenance, redirect, tag.")


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
