"""What the driver takes."""

from typing import Any

import pytest

from holdfast import storage
from holdfast.storage import InvalidParameterError
from holdfast.storage.drivers.fsspec import FsspecDriver, FsspecOptions

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("parameters", "key"),
    [
        ({}, "protocol"),
        ({"protocol": "memory"}, "rootdirectory"),
        ({"protocol": "nothing-of-this-name", "rootdirectory": "/"}, "protocol"),
        ({"protocol": "memory", "rootdirectory": "/", "options": "no json"}, "options"),
        ({"protocol": "memory", "rootdirectory": "/", "options": "[1]"}, "options"),
        ({"protocol": "s3", "rootdirectory": "/", "options": {"anon": True}}, "rootdirectory"),
        ({"protocol": "memory", "rootdirectory": "/", "chunksize": 1}, "chunksize"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], key: str) -> None:
    """They are refused before anything is connected to, by the parameter that is wrong."""
    with pytest.raises(InvalidParameterError) as caught:
        storage.create("fsspec", parameters)

    assert caught.value.key in {key, "(all)"}


async def test_options_as_text() -> None:
    """An environment variable has nothing but text: JSON in it is a mapping."""
    parameters = {"protocol": "memory", "rootdirectory": "/", "options": '{"global_store": false}'}
    driver = storage.create("fsspec", parameters)
    await driver.put_content("/a", b"x")

    assert b"x" == await driver.get_content("/a")
    await driver.aclose()


async def test_secrets_do_not_show() -> None:
    """Nothing of the options is in what is printed of options and driver."""
    options = FsspecOptions.model_validate(
        {"protocol": "memory", "rootdirectory": "/", "options": {"password": "pssst", "global_store": False}}
    )
    driver = FsspecDriver(options)

    assert "pssst" not in f"{options!r} {driver!r}"
    await driver.aclose()
