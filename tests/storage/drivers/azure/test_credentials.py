"""Every way to prove who we are, by which content is written, read, copied and signed for."""

import ssl
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp.connector
import httpx
import pytest

from holdfast.storage.drivers.azure import AzureOptions
from holdfast.storage.drivers.azure._access import find_access, make_credential
from holdfast.storage.drivers.azure.bucket import AzureBucket
from holdfast.storage.errors import AccessDeniedError, StorageUnavailableError
from holdfast.storage.options import parse
from holdfast.testing.census import Census
from tests.services.stores.azurite import AzuriteContainer, AzuriteService
from tests.storage.drivers.azure.conftest import MakeBucket
from tests.storage.drivers.azure.identities import Identities
from tests.storage.drivers.objectstore.contract_base import keys_of
from tests.storage.drivers.objectstore.uploads_contract import send_parts

pytestmark = pytest.mark.anyio


@pytest.fixture
async def identities(tmp_path: Path) -> AsyncIterator[Identities]:
    """Who gives tokens."""
    async with Identities.start(tmp_path) as services:
        yield services


@pytest.fixture
def tls_container(azurite_tls: AzuriteService) -> AzuriteContainer:
    """A container of a service that takes tokens."""
    return azurite_tls.new_bucket()


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that the machine says of its identity."""
    for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID", "FEDERATED_TOKEN_FILE", "USERNAME", "TOKEN_CREDENTIALS"):
        monkeypatch.delenv(f"AZURE_{name}", raising=False)
    for name in ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "MSI_SECRET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def trusted(monkeypatch: pytest.MonkeyPatch, identities: Identities, azurite_tls: AzuriteService) -> None:
    """The certificates of both are trusted, as if their authorities were the machine's."""
    uuid.uuid1()  # whose clock the SDK keeps open, once for a process
    context = ssl.create_default_context()
    for authority in (identities.authority, azurite_tls.authority):
        context.load_verify_locations(authority)
    monkeypatch.setattr(aiohttp.connector, "_SSL_CONTEXT_VERIFIED", context)
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", identities.login)
    monkeypatch.setenv("AZURE_POD_IDENTITY_AUTHORITY_HOST", identities.metadata)


@pytest.fixture
def kubernetes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """What Azure's webhook puts into a pod."""
    (tmp_path / "token").write_text("of the service account")
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AZURE_CLIENT_ID", "client")
    monkeypatch.setenv("AZURE_TENANT_ID", "tenant")


def _without_key(container: AzuriteContainer, **options: Any) -> dict[str, Any]:
    parameters = container.parameters()
    del parameters["accountkey"], parameters["credentials"]
    return parameters | options


async def _use(bucket: AzureBucket) -> None:
    """Write, read, list, copy, and delete.

    Parts aren't copied: over https, with a certificate that isn't its own authority, Azurite can't read by URL.
    """
    await bucket.put("a", b"content")
    assert b"content" == await bucket.get("a")
    await bucket.copy(await bucket.head("a"), "b")
    assert b"content" == await bucket.get("b")
    await bucket.complete_upload("c", *(await send_parts(bucket, "c", [b"first, ", b"second"])))
    assert b"first, second" == await bucket.get("c")
    assert ["a", "b", "c"] == await keys_of(bucket, "")
    assert {} == await bucket.delete_many(["b", "c"])


async def _can_be_read(url: str, authority: Path | None) -> None:
    verify = ssl.create_default_context(cafile=authority) if authority else True
    async with httpx.AsyncClient(trust_env=False, verify=verify) as client:
        answers = [await client.request(method, url) for method in ("GET", "HEAD")]

    assert [(200, b"content"), (200, b"")] == [(answer.status_code, answer.content) for answer in answers]


class TestByKey:
    """Without anybody to ask."""

    async def test_connection_string(self, make_azure: MakeBucket, container: AzuriteContainer) -> None:
        """One with the account's key does all."""
        service = container.service
        string = f"AccountName={service.account};AccountKey={service.key};BlobEndpoint={service.endpoint}/;"
        bucket = make_azure(connectionstring=string, container=container.name)
        try:
            await _use(bucket)
            await _can_be_read(str(await bucket.sign("a", method="GET")), None)

            assert f"storage account {service.account} with connection string with account key" == (
                await bucket.identify()
            )
        finally:
            await bucket.aclose()

    async def test_shared_access_signature(self, make_azure: MakeBucket, container: AzuriteContainer) -> None:
        """One with a signature does all but sign for others, since that can't be narrowed to one blob."""
        string = f"BlobEndpoint={container.service.endpoint};SharedAccessSignature={container.service.token()}"
        bucket = make_azure(connectionstring=string, container=container.name)
        try:
            await _use(bucket)

            assert (False, False) == (bucket.limits.sign_get, bucket.limits.sign_head)
            assert await bucket.sign("a", method="GET") is None
            assert "shared access signature" in await bucket.identify()
            assert container.service.token()[-20:] not in await bucket.identify()
        finally:
            await bucket.aclose()

    async def test_redirect_endpoint(self, make_azure: MakeBucket, container: AzuriteContainer) -> None:
        """Clients are sent to another address than ours."""
        bucket = make_azure(**container.parameters(redirectendpoint="https://blobs.example.com/"))
        try:
            url = str(await bucket.sign("a/b", method="GET"))
        finally:
            await bucket.aclose()

        assert url.startswith(f"https://blobs.example.com/{container.name}/a/b?")
        assert "spr=https&" in f"{url}&"

    async def test_untrusted_certificate(self, make_azure: MakeBucket, tls_container: AzuriteContainer) -> None:
        """A certificate of an unknown authority is refused, unless that is switched off."""
        bucket = make_azure(**tls_container.parameters())
        try:
            with pytest.raises(StorageUnavailableError, match=r"(?i)certificate"):
                await bucket.put("a", b"x")
        finally:
            await bucket.aclose()
        bucket = make_azure(**tls_container.parameters(skipverify=True))
        try:
            await _use(bucket)
        finally:
            await bucket.aclose()


@pytest.mark.usefixtures("trusted")
class TestByToken:
    """With tokens that somebody gives, on a service that takes them."""

    async def _check(
        self, bucket: AzureBucket, container: AzuriteContainer, identities: Identities, identity: str
    ) -> None:
        census = Census.take()
        try:
            await _use(bucket)
            await _can_be_read(str(await bucket.sign("a", method="GET")), container.service.authority)
            await _can_be_read(str(await bucket.sign("a", method="HEAD")), container.service.authority)

            assert f"storage account devstoreaccount1 with {identity}" == await bucket.identify()
            assert (True, True) == (bucket.limits.sign_get, bucket.limits.sign_head)
        finally:
            await bucket.aclose()

        assert len(identities.asked) <= 3, "a token is kept"
        assert [] == await census.leaks()

    async def test_client_secret(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, identities: Identities
    ) -> None:
        """An application's secret gets a token."""
        credentials = {"type": "client_secret", "clientid": "client", "tenantid": "tenant", "secret": "s3cr3t"}
        bucket = make_azure(**_without_key(tls_container, credentials=credentials))
        await self._check(
            bucket, tls_container, identities, "client secret, client client, object object, tenant tenant"
        )

        assert "https://storage.azure.com/.default" in identities.asked[0]["scope"]
        assert ("tenant", "s3cr3t") == (identities.asked[0]["tenant"], identities.asked[0]["client_secret"])

    async def test_wrong_client_secret(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, identities: Identities
    ) -> None:
        """It is an error that says so, in every use."""
        identities.refuse = True
        credentials = {"type": "client_secret", "clientid": "client", "tenantid": "tenant", "secret": "s3cr3t"}
        bucket = make_azure(**_without_key(tls_container, credentials=credentials))
        try:
            for use in (bucket.get("a"), bucket.identify(), bucket.sign("a", method="GET"), bucket.delete_many(["a"])):
                with pytest.raises(AccessDeniedError, match="AADSTS7000215") as caught:
                    await use
                assert "s3cr3t" not in str(caught.value)
        finally:
            await bucket.aclose()

    async def test_environment(
        self,
        make_azure: MakeBucket,
        tls_container: AzuriteContainer,
        identities: Identities,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """The account's name alone: an application's secret in variables is found."""
        for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"):
            monkeypatch.setenv(f"AZURE_{name}", f"from-{name.lower()}".replace("_", "-"))
        bucket = make_azure(**_without_key(tls_container))
        identity = (
            "default credentials, by EnvironmentCredential, client from-client-id, object object, tenant from-tenant-id"
        )

        await self._check(bucket, tls_container, identities, identity)

    @pytest.mark.usefixtures("kubernetes")
    @pytest.mark.parametrize("given", [{}, {"clientid": "other", "tenantid": "elsewhere"}])
    async def test_workload_identity(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, identities: Identities, given: dict[str, str]
    ) -> None:
        """A service account's token, which Kubernetes puts into a file, gets one for storage."""
        bucket = make_azure(**_without_key(tls_container, credentials={"type": "default_credentials", **given}))
        client, tenant = given.get("clientid", "client"), given.get("tenantid", "tenant")
        identity = f"by WorkloadIdentityCredential, client {client}, object object, tenant {tenant}"
        await self._check(bucket, tls_container, identities, f"default credentials, {identity}")

        assert "of the service account" == identities.asked[0]["client_assertion"]

    @pytest.mark.parametrize("given", [{}, {"clientid": "of-two"}])
    async def test_managed_identity(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, identities: Identities, given: dict[str, str]
    ) -> None:
        """A machine's metadata gives a token, of the identity that is named where it has several."""
        bucket = make_azure(**_without_key(tls_container, credentials={"type": "default_credentials", **given}))
        client = given.get("clientid", "machine")
        identity = f"client {client}, managed identity /machines/one, object object, tenant tenant"
        finder = "default credentials, by ManagedIdentityCredential"
        await self._check(bucket, tls_container, identities, f"{finder}, {identity}")

        assert given.get("clientid") == identities.asked[0].get("client_id")
        assert "true" == identities.asked[0]["metadata"]

    async def test_source_of_a_copy(self, make_azure: MakeBucket, tls_container: AzuriteContainer) -> None:
        """The service is told by a header that we may read what it shall copy, and the URL has no signature."""
        credentials = {"type": "client_secret", "clientid": "client", "tenantid": "tenant", "secret": "s3cr3t"}
        bucket = make_azure(**_without_key(tls_container, credentials=credentials))
        try:
            headers = await bucket._copier._source("a", "0x1")
        finally:
            await bucket.aclose()

        assert f"{tls_container.service.endpoint}/{tls_container.name}/a" == headers["x-ms-copy-source"]
        assert headers["x-ms-copy-source-authorization"].startswith("Bearer ey")
        assert '"0x1"' == headers["x-ms-source-if-match"]

    async def test_unusable_variable(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A variable that the SDK refuses is an error like others."""
        for name in ("CLIENT_ID", "CLIENT_SECRET", "TENANT_ID"):
            monkeypatch.setenv(f"AZURE_{name}", "of/no/use")
        bucket = make_azure(**_without_key(tls_container))
        with pytest.raises(AccessDeniedError, match="tenant ID"):
            await bucket.get("a")
        await bucket.aclose()

    async def test_nothing_found(
        self, make_azure: MakeBucket, tls_container: AzuriteContainer, identities: Identities
    ) -> None:
        """It is an error that lists what was tried."""
        identities.refuse = True
        bucket = make_azure(**_without_key(tls_container))
        try:
            with pytest.raises(AccessDeniedError, match="DefaultAzureCredential"):
                await bucket.get("a")
            with pytest.raises(AccessDeniedError):
                await bucket.identify()
        finally:
            await bucket.aclose()


@pytest.mark.parametrize(
    ("realm", "authority"),
    [
        ("core.windows.net", "login.microsoftonline.com"),
        ("core.chinacloudapi.cn", "login.chinacloudapi.cn"),
        ("core.usgovcloudapi.net", "login.microsoftonline.us"),
    ],
)
async def test_each_cloud_has_its_login(realm: str, authority: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The realm tells where tokens are asked for, unless a variable does."""
    monkeypatch.delenv("AZURE_AUTHORITY_HOST", raising=False)
    credentials = {"type": "client_secret", "clientid": "client", "tenantid": "tenant", "secret": "s3cr3t"}
    parameters = {"accountname": "myaccount", "container": "images", "realm": realm, "credentials": credentials}
    options = parse("azure", AzureOptions, parameters)
    credential: Any = make_credential(find_access(options), options)

    assert f"https://{authority}" == credential._client._authority
    await credential.close()
