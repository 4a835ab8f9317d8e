import os
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3.bucket import S3Bucket

__all__: list[str] = []


@pytest.fixture
async def open_bucket() -> AsyncIterator[Callable[..., S3Bucket]]:
    """Makes buckets of the driver's parameters, and closes them at the end."""
    made: list[S3Bucket] = []

    def make(**parameters: Any) -> S3Bucket:
        made.append(S3Bucket(S3Options(**parameters)))
        return made[-1]

    yield make
    for bucket in made:
        await bucket.aclose()


@pytest.fixture(autouse=True)
def bare_environment(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> None:
    """No credentials or settings of whoever runs the tests are found by the SDK, and no metadata is asked for."""
    request.getfixturevalue("s3_ready")
    monkeypatch: pytest.MonkeyPatch = request.getfixturevalue("monkeypatch")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    nowhere = tmp_path_factory.getbasetemp() / "nowhere"
    monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
