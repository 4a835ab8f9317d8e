import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from alibabacloud_credentials.utils import auth_constant

from holdfast.storage.drivers.oss.options import OSSOptions
from tests.services.stores.oss.access import AccessKey
from tests.services.stores.oss.fake import REGION, FakeOss
from tests.services.stores.oss.place import Bucket

MakeOptions = Callable[..., OSSOptions]


@pytest.fixture(autouse=True)
def _nothing_around_us(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever runs the tests may have credentials of his own."""
    for name in [name for name in os.environ if name.startswith(("ALIBABA_CLOUD_", "OSS_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(auth_constant, "HOME", str(tmp_path / "home"))
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")


@pytest.fixture
def fake() -> Iterator[FakeOss]:
    """The fake with a bucket, in this process, so that tests see what it is asked."""
    with FakeOss({"LTAIgood": AccessKey(secret="good-secret")}) as fake:
        fake.buckets["bucket"] = Bucket()
        yield fake


@pytest.fixture
def make_options(fake: FakeOss) -> MakeOptions:
    """Makes options for the fake's bucket."""

    def make(**other: object) -> OSSOptions:
        parameters = {
            "accesskeyid": "LTAIgood",
            "accesskeysecret": "good-secret",
            "region": f"oss-{REGION}",
            "bucket": "bucket",
            "endpoint": fake.url,
            **other,
        }
        return OSSOptions.model_validate(parameters)

    return make
