"""As whom requests are sent. What gives credentials is small and ours: no metadata of a machine runs on loopback."""

from collections.abc import Iterator, Mapping
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import alibabacloud_credentials.provider as vendor
import pytest
from alibabacloud_credentials.http import HttpOptions
from alibabacloud_credentials.provider import refreshable

from holdfast.storage.drivers.oss import _credentials
from holdfast.storage.drivers.oss.bucket import OSSBucket
from holdfast.storage.errors import AccessDeniedError, StorageError
from tests.services.loopback import Answer, Loopback, Request
from tests.services.stores.oss.access import AccessKey
from tests.services.stores.oss.fake import FakeOss
from tests.storage.drivers.oss.conftest import MakeOptions

pytestmark = pytest.mark.anyio

_NO_KEYS: Mapping[str, object] = {"accesskeyid": None, "accesskeysecret": None}


class Metadata(Loopback):
    """The metadata of a machine, asked by way of a proxy, and a credentials service at `/uri`.

    Attributes:
        key: The access key that it gives.
        lifetime: How long it says that this lasts.
        is_up: Whether it gives any.
    """

    def __init__(self) -> None:
        super().__init__()
        self.key = "STS.first"
        self.lifetime = timedelta(hours=6)
        self.is_up = True

    def answer(self, request: Request) -> Answer:
        """A token for the metadata, the name of the role, or the credentials."""
        if not self.is_up:
            return Answer(status=503)
        if request.path.endswith("/latest/api/token"):
            return Answer(body=b"metadata-token")
        if request.path.endswith("/security-credentials/"):
            return Answer(body=b"machine-role")
        expires = datetime.now(UTC) + self.lifetime
        return Answer(
            body={
                "Code": "Success",
                "AccessKeyId": self.key,
                "AccessKeySecret": f"secret of {self.key}",
                "SecurityToken": f"token of {self.key}",
                "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    @property
    def known(self) -> AccessKey:
        """The key, as the store knows it."""
        return AccessKey(secret=f"secret of {self.key}", token=f"token of {self.key}")


@pytest.fixture
def metadata(monkeypatch: pytest.MonkeyPatch, fake: FakeOss) -> Iterator[Metadata]:
    """Stands for 100.100.100.200, as a proxy; the store knows its key."""
    found = vendor.EcsRamRoleCredentialsProvider
    with Metadata() as metadata:

        def make(*, role_name: str | None, async_update_enabled: bool) -> object:
            options = HttpOptions(proxy=metadata.url)
            return found(role_name=role_name, async_update_enabled=async_update_enabled, http_options=options)

        monkeypatch.setattr(vendor, "EcsRamRoleCredentialsProvider", make)
        monkeypatch.delenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED")
        fake.gate.keys[metadata.key] = metadata.known
        yield metadata


async def test_a_token_goes_with_its_keys(fake: FakeOss, make_options: MakeOptions) -> None:
    """Temporary keys are refused without their token, and when they have expired; nothing of them is told."""
    fake.gate.keys["STS.given"] = AccessKey(secret="s", token="the-token")
    given = {"accesskeyid": "STS.given", "accesskeysecret": "s"}
    async with aclosing(OSSBucket(make_options(**given, securitytoken="the-token"))) as bucket:
        await bucket.put("a", b"content")
        assert "temporary access key STS.given from the driver's parameters" == await bucket.identify()
        fake.gate.keys["STS.given"] = AccessKey(secret="s", token="the-token", expires=datetime.now(UTC))
        with pytest.raises(AccessDeniedError, match="expired"):
            await bucket.get("a")
    async with aclosing(OSSBucket(make_options(**given))) as bucket:
        with pytest.raises(AccessDeniedError, match="InvalidSecurityToken"):
            await bucket.get("a")


async def test_keys_of_the_environment(
    fake: FakeOss, make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of OSS's own SDK are looked at first."""
    fake.gate.keys["LTAIenv"] = AccessKey(secret="env", token="t")
    monkeypatch.setenv("OSS_ACCESS_KEY_ID", "LTAIenv")
    monkeypatch.setenv("OSS_ACCESS_KEY_SECRET", "env")
    monkeypatch.setenv("OSS_SESSION_TOKEN", "t")
    async with aclosing(OSSBucket(make_options(**_NO_KEYS))) as bucket:
        await bucket.put("a", b"content")

        assert "temporary access key LTAIenv from the environment (OSS_ACCESS_KEY_ID)" == await bucket.identify()


async def test_the_files_of_the_cli(fake: FakeOss, make_options: MakeOptions, tmp_path: Path) -> None:
    """What `aliyun configure` has written is found."""
    fake.gate.keys["LTAIcli"] = AccessKey(secret="cli")
    folder = tmp_path / "home" / ".aliyun"
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(
        '{"current": "default", "profiles": [{"name": "default", "mode": "AK",'
        ' "access_key_id": "LTAIcli", "access_key_secret": "cli"}]}'
    )
    async with aclosing(OSSBucket(make_options(**_NO_KEYS))) as bucket:
        await bucket.put("a", b"content")

        assert "access key LTAIcli from the files of the CLI" == await bucket.identify()


@pytest.mark.parametrize("role", [None, "registry"])
async def test_the_role_of_the_machine(metadata: Metadata, make_options: MakeOptions, role: str | None) -> None:
    """The named role, or the only one; the metadata is asked once."""
    async with aclosing(OSSBucket(make_options(**_NO_KEYS, ramrole=role))) as bucket:
        for name in "abc":
            await bucket.put(name, b"content")
        told = await bucket.identify()

    assert told.startswith("temporary access key STS.first from the metadata of the machine")
    assert 1 == len(metadata.asked("GET", f"/security-credentials/{role or 'machine-role'}"))
    assert (role is None) == bool([one for one in metadata.requests if one.path.endswith("/security-credentials/")])


async def test_credentials_are_renewed_in_time(
    metadata: Metadata, fake: FakeOss, make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some minutes before they expire; a source that is down meanwhile doesn't matter as long as they are good."""
    monkeypatch.setattr(_credentials, "_FRESH_SECONDS", 0)
    # After a failure the vendor's provider asks no more for some seconds, at random.
    monkeypatch.setattr(refreshable, "_jitter_time", lambda now, *_: now)
    metadata.lifetime = timedelta(minutes=10)
    async with aclosing(OSSBucket(make_options(**_NO_KEYS, ramrole="registry"))) as bucket:
        await bucket.put("a", b"content")
        metadata.is_up = False
        await bucket.put("a", b"content")
        metadata.is_up, metadata.key, metadata.lifetime = True, "STS.second", timedelta(hours=6)
        fake.gate.keys = {metadata.key: metadata.known}
        await bucket.put("a", b"content")

    assert "STS.second" in fake.requests[-1].headers["authorization"]


async def test_credentials_from_a_service(
    metadata: Metadata, make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`ALIBABA_CLOUD_CREDENTIALS_URI` is the last place."""
    monkeypatch.setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
    monkeypatch.setenv("ALIBABA_CLOUD_CREDENTIALS_URI", f"{metadata.url}/uri")
    async with aclosing(OSSBucket(make_options(**_NO_KEYS))) as bucket:
        await bucket.put("a", b"content")

        assert "temporary access key STS.first from ALIBABA_CLOUD_CREDENTIALS_URI" == await bucket.identify()


async def test_no_credentials_anywhere(fake: FakeOss, make_options: MakeOptions) -> None:
    """It says where was looked, and what to do; nothing is sent."""
    async with aclosing(OSSBucket(make_options(**_NO_KEYS))) as bucket:
        with pytest.raises(AccessDeniedError, match="give accesskeyid and accesskeysecret, or") as caught:
            await bucket.get("a")
        for use in (bucket.get("a"), bucket.identify()):
            with pytest.raises(AccessDeniedError):
                await use

    assert "the files of the CLI" in caught.value.message
    assert "\n" not in caught.value.message
    assert [] == fake.requests


async def test_a_source_that_fails_for_good(
    metadata: Metadata, make_options: MakeOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure is one of ours, never the vendor's."""
    monkeypatch.setattr(_credentials, "_FRESH_SECONDS", 0)
    metadata.is_up = False
    async with aclosing(OSSBucket(make_options(**_NO_KEYS, ramrole="registry"))) as bucket:
        with pytest.raises(StorageError):
            await bucket.get("a")
