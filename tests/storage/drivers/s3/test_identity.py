from contextlib import aclosing
from unittest.mock import patch

import pytest

from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3._client import Client
from holdfast.storage.drivers.s3.bucket import S3Bucket

pytestmark = pytest.mark.anyio


async def _identity(**options: object) -> tuple[str, bool]:
    """What is told of the identity, and whether Amazon was asked; the question itself goes nowhere."""
    chosen = S3Options(bucket="b", region="eu-central-1", accesskey="key", secretkey="secret", **options)  # type: ignore[arg-type]
    with patch.object(Client, "caller", return_value="arn:aws:iam::1:user/u") as asked:
        async with aclosing(S3Bucket(chosen)) as bucket:
            return await bucket.identify(), asked.called


async def test_amazon_is_asked_about_its_own_keys_alone() -> None:
    """Whatever profile is named, a key of another store isn't shown to Amazon."""
    amazon, asked = await _identity()
    endpoint = await _identity(regionendpoint="https://bucket.vpce-1.s3.eu-central-1.vpce.amazonaws.com")
    other = await _identity(regionendpoint="https://store.example.org", profile="aws", forcepathstyle=True)

    assert amazon.startswith("arn:aws:iam::1:user/u, access key key")
    assert asked
    assert (amazon, True) == endpoint
    assert ("access key key from the driver's parameters", False) == other
