import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from holdfast.config.effective import MASK, settings, to_yaml
from holdfast.config.file import read
from holdfast.storage import create
from holdfast.storage.drivers.gcs import GCSOptions
from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.options import describe, parse

MakeKey = Callable[..., dict[str, Any]]


def _parse(**parameters: Any) -> GCSOptions:
    return parse("gcs", GCSOptions, {"bucket": "b", **parameters})


def test_defaults_are_upstreams() -> None:
    """Those of Distribution's page."""
    options = _parse()

    assert ("", 5 * 1024 * 1024, 75) == (options.rootdirectory, options.chunksize, options.maxconcurrency)
    assert "https://storage.googleapis.com" == options.url
    assert not options.anonymous


def test_text_is_taken_for_numbers() -> None:
    """Variables of the environment have nothing else."""
    options = _parse(chunksize="524288", maxconcurrency="100")

    assert (524288, 100) == (options.chunksize, options.maxconcurrency)


@pytest.mark.parametrize(("given", "meant"), [(1, 25), (25, 25), (26, 26)])
def test_concurrency_has_a_floor(given: int, meant: int) -> None:
    """As upstream: fewer operations at once than 25 are raised to that; the limits layer goes by it."""
    options = _parse(maxconcurrency=given)

    assert (meant, meant) == (options.maxconcurrency, options.maxthreads)


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({"bucket": ""}, "bucket"),
        ({"chunksize": 262143}, "chunksize"),
        ({"chunksize": 262145}, "chunksize"),
        ({"chunksize": 0}, "chunksize"),
        ({"buffermemory": 0}, "buffermemory"),
        ({"endpoint": "ftp://a"}, "endpoint"),
        ({"endpoint": "https://"}, "endpoint"),
        ({"redirectendpoint": "https://a/?b"}, "redirectendpoint"),
        ({"keyfil": "a"}, "keyfil"),
    ],
)
def test_wrong_parameters_are_named(parameters: dict[str, Any], key: str) -> None:
    """Each is an error that names the parameter."""
    with pytest.raises(InvalidParameterError) as caught:
        _parse(**parameters)

    assert key == caught.value.key


def test_bucket_is_required() -> None:
    """Nothing says where to put anything otherwise."""
    with pytest.raises(InvalidParameterError, match=r"'bucket'.* is required"):
        parse("gcs", GCSOptions, {})


@pytest.mark.parametrize(
    ("emulator", "endpoint", "url"),
    [
        ("localhost:4443", None, "http://localhost:4443"),
        ("http://localhost:4443/", None, "http://localhost:4443"),
        ("localhost:4443", "https://private.googleapis.com", "https://private.googleapis.com"),
        ("", None, "https://storage.googleapis.com"),
    ],
)
def test_emulator_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, emulator: str, endpoint: str | None, url: str
) -> None:
    """It is heeded, with and without a scheme, where no endpoint is given; nobody is asked who he is there."""
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", emulator)
    options = _parse(endpoint=endpoint)

    assert url == options.url
    assert options.anonymous == url.startswith("http:")


def test_credentials_are_a_mapping_or_its_json(make_key: MakeKey) -> None:
    """A file has a mapping; a variable has text."""
    key = make_key()
    options = [_parse(credentials=given) for given in (key, json.dumps(key))]

    assert [key, key] == [json.loads(each.credentials.get_secret_value()) for each in options if each.credentials]


@pytest.mark.parametrize(
    ("credentials", "missing"),
    [
        ({"type": "service_account"}, "client_email, private_key, token_uri"),
        ({"client_email": "a", "private_key": "", "token_uri": "b"}, "private_key"),
        ("not json", "client_email, private_key, token_uri"),
        ("[]", "client_email, private_key, token_uri"),
    ],
)
def test_incomplete_credentials_say_what_is_missing(credentials: Any, missing: str) -> None:
    """And nothing of what they are."""
    with pytest.raises(InvalidParameterError, match=f"'credentials' .* of which {missing} is missing"):
        _parse(credentials=credentials)


def test_two_keys_are_refused(make_key: MakeKey) -> None:
    """Which of them is meant can't be told."""
    with pytest.raises(InvalidParameterError, match="'keyfile' and 'credentials' exclude each other"):
        _parse(keyfile="/a", credentials=make_key())


def test_the_key_shows_nowhere(make_key: MakeKey, tmp_path: Path) -> None:
    """Neither options nor a driver nor the effective configuration show any of it."""
    key = make_key()
    file = tmp_path / "config.yml"
    file.write_text(json.dumps({"version": "0.1", "storage": {"gcs": {"bucket": "b", "credentials": key}}}))
    options, driver = _parse(credentials=key), create("gcs", {"bucket": "b", "credentials": key})
    shown = [repr(options), str(options), repr(driver), to_yaml(settings(read(file, {})))]

    assert [] == [text for text in shown if "PRIVATE" in text or key["client_email"] in text]
    assert f"credentials: '{MASK}'" in shown[-1]
    assert {"credentials"} == {info.name for info in describe(GCSOptions) if info.secret}


def test_every_option_is_described() -> None:
    """In words."""
    assert [] == [info.name for info in describe(GCSOptions) if len(info.description) < 10]
