from typing import Any

import pytest
from pydantic import SecretStr

from holdfast.storage import create
from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.errors import InvalidParameterError
from holdfast.storage.options import describe, parse

pytestmark = pytest.mark.anyio

AMAZON: dict[str, Any] = {"bucket": "b", "region": "eu-central-1"}
OTHER: dict[str, Any] = {"bucket": "b", "regionendpoint": "http://store.example:9000"}

# https://distribution.github.io/distribution/storage-drivers/s3/, and the constants of its source.
UPSTREAM = {
    "accesskey": None,
    "secretkey": None,
    "sessiontoken": None,
    "region": "eu-central-1",
    "regionendpoint": None,
    "redirectendpoint": None,
    "forcepathstyle": False,
    "bucket": "b",
    "encrypt": False,
    "keyid": None,
    "secure": True,
    "skipverify": False,
    "v4auth": True,
    "chunksize": 10_485_760,
    "multipartcopychunksize": 33_554_432,
    "multipartcopymaxconcurrency": 100,
    "multipartcopythresholdsize": 33_554_432,
    "rootdirectory": "",
    "storageclass": "STANDARD",
    "objectacl": "private",
    "useragent": "",
    "usedualstack": False,
    "accelerate": False,
    "usefipsendpoint": False,
    "loglevel": "off",
}


def _parse(**parameters: Any) -> S3Options:
    return parse("s3", S3Options, AMAZON | parameters)


def _error(**parameters: Any) -> str:
    with pytest.raises(InvalidParameterError) as caught:
        parse("s3", S3Options, parameters)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_names_and_defaults_are_upstreams() -> None:
    """Every parameter of upstream's is there, with its default; ours besides are two."""
    assert UPSTREAM == _parse().model_dump(exclude={"profile", "buffermemory"})
    assert {"profile", "buffermemory"} == S3Options.model_fields.keys() - UPSTREAM.keys()


def test_every_option_is_described() -> None:
    """Each says what it is for, in a sentence; keys are secrets."""
    options = describe(S3Options)

    assert [] == [option.name for option in options if not option.description.endswith(".")]
    assert {"accesskey", "secretkey", "sessiontoken"} == {option.name for option in options if option.secret}


async def test_both_names_make_the_driver() -> None:
    """`s3` and `s3aws` are the same; nothing is connected to."""
    for name in ("s3", "s3aws"):
        driver = create(name, AMAZON)

        assert "s3" == driver.name
        await driver.aclose()


def test_text_is_taken_for_numbers_and_booleans() -> None:
    """A variable of the environment has nothing else."""
    options = _parse(chunksize="5242880", encrypt="true", secure="false", buffermemory="10000000", skipverify="1")

    assert (5_242_880, True, False, 10_000_000, True) == (
        options.chunksize,
        options.encrypt,
        options.secure,
        options.buffermemory,
        options.skipverify,
    )


def test_numbers_are_taken_for_text() -> None:
    """YAML makes numbers of names and keys that look like one."""
    options = _parse(bucket=2024, accesskey=123, secretkey=456, keyid=789)

    assert ("2024", SecretStr("123"), SecretStr("456"), "789") == (
        options.bucket,
        options.accesskey,
        options.secretkey,
        options.keyid,
    )


def test_empty_text_is_not_given() -> None:
    """Empty keys have credentials looked for, as upstream does; other empty parameters have their defaults."""
    empty = dict.fromkeys(UPSTREAM.keys() - AMAZON.keys(), "")

    assert _parse() == _parse(**empty)


@pytest.mark.parametrize("level", ["off", False, "debug", "DebugWithSigning", "debugwithhttpbody"])
def test_levels_of_the_log(level: Any) -> None:
    """Upstream's words, in any case; and `off` as YAML reads it."""
    assert ("off" if level is False else level.lower()) == _parse(loglevel=level).loglevel


def test_storage_class_in_any_case() -> None:
    """Upstream makes it upper-case."""
    assert "GLACIER_IR" == _parse(storageclass="glacier_ir").storageclass


@pytest.mark.parametrize(
    ("wrong", "parts"),
    [
        ({"bucket": ""}, ["'bucket'"]),
        ({"bucket": "b"}, ["region is required", "regionendpoint"]),
        (AMAZON | {"region": "europe"}, ["region 'europe'", "eu-central-1"]),
        (AMAZON | {"accesskey": "a"}, ["accesskey is given without secretkey"]),
        (AMAZON | {"secretkey": "hush"}, ["secretkey is given without accesskey"]),
        (AMAZON | {"accesskey": "a", "secretkey": ""}, ["accesskey is given without secretkey"]),
        (AMAZON | {"sessiontoken": "hush"}, ["sessiontoken is given without"]),
        (AMAZON | {"v4auth": False}, ["v4auth must be true on Amazon"]),
        (AMAZON | {"chunksize": 5 * 1024**2 - 1}, ["'chunksize'", "5242880"]),
        (AMAZON | {"chunksize": 5 * 1024**3 + 1}, ["'chunksize'", "5368709120"]),
        (AMAZON | {"chunksize": "large"}, ["'chunksize'"]),
        (AMAZON | {"multipartcopychunksize": 1}, ["'multipartcopychunksize'"]),
        (AMAZON | {"multipartcopymaxconcurrency": 0}, ["'multipartcopymaxconcurrency'"]),
        (AMAZON | {"multipartcopythresholdsize": 5 * 1024**3 + 1}, ["'multipartcopythresholdsize'"]),
        (AMAZON | {"storageclass": "GLACIER"}, ["'storageclass'", "STANDARD_IA"]),
        (AMAZON | {"objectacl": "mine"}, ["'objectacl'", "bucket-owner-full-control"]),
        (AMAZON | {"profile": "amazon"}, ["'profile'", "aws, ceph, minio"]),
        (AMAZON | {"loglevel": "loud"}, ["'loglevel'", "debugwithsigning"]),
        (OTHER | {"regionendpoint": "ftp://store"}, ["'regionendpoint'"]),
        (OTHER | {"regionendpoint": "http://"}, ["'regionendpoint'"]),
        (OTHER | {"accelerate": True}, ["accelerate", "regionendpoint"]),
        (OTHER | {"usedualstack": True}, ["usedualstack", "regionendpoint"]),
        (OTHER | {"usefipsendpoint": True}, ["usefipsendpoint", "regionendpoint"]),
        (AMAZON | {"redirectendpoint": "cdn.example"}, ["'redirectendpoint'", "https://"]),
        (AMAZON | {"redirectendpoint": "https://cdn.example/v1"}, ["'redirectendpoint'", "path"]),
        (AMAZON | {"redirectendpoint": "https://cdn.example?a=b"}, ["'redirectendpoint'", "query"]),
        (AMAZON | {"accesskeyid": "a"}, ["'accesskeyid'", "did you mean 'accesskey'"]),
    ],
)
def test_what_is_wrong_is_named(wrong: dict[str, Any], parts: list[str]) -> None:
    """Each wrong parameter or combination is told in one line, with the key and what would be right; no secret is."""
    message = _error(**wrong)

    for part in parts:
        assert part in message
    assert "hush" not in message


@pytest.mark.parametrize(
    ("parameters", "endpoint"),
    [
        ({}, "https://store.example"),
        ({"secure": False}, "http://store.example"),
        ({"regionendpoint": "store.example:9000", "secure": "false"}, "http://store.example:9000"),
        ({"regionendpoint": "http://store.example/"}, "http://store.example"),
        ({"regionendpoint": "https://store.example/s3", "secure": False}, "https://store.example/s3"),
    ],
)
def test_address_of_another_store(parameters: dict[str, Any], endpoint: str) -> None:
    """A scheme in `regionendpoint` counts; without one, `secure` does."""
    options = parse("s3", S3Options, {"bucket": "b", "regionendpoint": "store.example"} | parameters)

    assert endpoint == options.endpoint
    assert "us-east-1" == options.signing_region


def test_region_of_another_store_is_free() -> None:
    """What isn't Amazon's names its regions as it likes."""
    assert "auto" == parse("s3", S3Options, OTHER | {"region": "auto"}).signing_region
    assert "eu-central-1" == _parse().signing_region
