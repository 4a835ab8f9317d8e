"""What the driver takes, and what it asks of a service."""

from typing import Any

import pytest

from holdfast import storage
from holdfast.storage import InvalidParameterError
from holdfast.storage.drivers.opendal import OpendalDriver, OpendalOptions

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("parameters", "key", "words"),
    [
        ({}, "scheme", "required"),
        ({"scheme": "nothing-of-this-name"}, "scheme", "nothing"),
        ({"scheme": "s3"}, "scheme", "bucket"),
        ({"scheme": "http", "options": {"endpoint": "http://127.0.0.1:1"}}, "scheme", "isn't able to write"),
        ({"scheme": "memory", "options": {"root": "/a"}, "rootdirectory": "/b"}, "options", "rootdirectory"),
        ({"scheme": "memory", "options": {"root": ["/a"]}}, "options", "a text"),
        ({"scheme": "memory", "options": "no json"}, "(all)", "mapping"),
    ],
)
def test_wrong_parameters(parameters: dict[str, Any], key: str, words: str) -> None:
    """They are refused before anything is connected to, with what is wrong; so is a service that can't do enough."""
    with pytest.raises(InvalidParameterError, match=words) as caught:
        storage.create("opendal", parameters)

    assert key == caught.value.key


async def test_options_are_text_to_the_library() -> None:
    """Numbers and booleans of a configuration arrive as it wants them."""
    parameters = {
        "scheme": "s3",
        "options": {"bucket": "b", "region": "r", "endpoint": "http://127.0.0.1:1", "skip_signature": True},
    }
    driver = storage.create("opendal", parameters)

    assert driver.capabilities.put_create_only
    await driver.aclose()


async def test_secrets_do_not_show() -> None:
    """Nothing of the options is in what is printed of options and driver."""
    options = OpendalOptions.model_validate({"scheme": "memory", "options": {"root": "/pssst"}})
    driver = OpendalDriver(options)

    assert "pssst" not in f"{options!r} {driver!r}"
    await driver.aclose()
