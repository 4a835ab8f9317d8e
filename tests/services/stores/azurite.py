"""Azurite, the emulator of Azure's storage by its vendor, for blobs."""

import datetime as dt
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

from tests.services.server import free_port

from .bucket import FreshBucket, new_name
from .certificate import issue
from .exchange import Answer, ask, demand
from .process import StoreProcess, StoreServer

__all__ = ["LACKS", "Azurite", "AzuriteContainer", "AzuriteService"]

LACKS: Mapping[str, str] = {
    "append_from_url": "Append Block From URL is answered with 501",
    "block_from_url_by_token": "Put Block From URL, authorised by a shared access signature, is answered with 500",
    "put_from_url": "Put Blob From URL is answered with 501",
}
"""What Azure's blob storage does and Azurite does not, by a name of ours; a test tries each."""

_ACCOUNT = "devstoreaccount1"
# Published with the emulator: no secret.
_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
_VERSION = "2025-07-05"


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuriteService:
    """A running Azurite.

    Attributes:
        name: What it is called, as its fixture is.
        endpoint: The URL of the account, the account's name at its end.
        account: The account's name.
        key: The account's key.
        lacks: What Azure does and this one does not: a name, and what it does instead.
        authority: The file that clients of an https endpoint trust, None over http.
    """

    name: str
    endpoint: str
    account: str
    key: str = field(repr=False)
    lacks: Mapping[str, str]
    authority: Path | None = None

    def new_bucket(self) -> "AzuriteContainer":
        """Makes a container that nobody had before, and returns it."""
        container = AzuriteContainer(service=self, name=new_name())
        demand(self.ask("PUT", f"/{container.name}", {"restype": "container"}), f"make {container.name}")
        return container

    def token(self) -> str:
        """Returns the query of a URL that may do everything with blobs, for an hour."""
        return generate_account_sas(
            self.account,
            self.key,
            resource_types=ResourceTypes(service=True, container=True, object=True),
            permission=AccountSasPermissions(
                read=True, write=True, delete=True, list=True, add=True, create=True, update=True, process=True
            ),
            expiry=dt.datetime.now(dt.UTC) + dt.timedelta(hours=1),
        )

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends an authorised request and returns the answer, whatever its status.

        Args:
            method: The method.
            path: `/container` or `/container/blob`, not escaped.
            query: The parameters of the query.
            body: The body.
            headers: Further headers.
        """
        asked = f"{urlencode(query, quote_via=quote)}&" if query else ""
        url = f"{self.endpoint}{quote(path, safe='/~')}?{asked}{self.token()}"
        headers = {"x-ms-version": _VERSION, **(headers or {})}
        return ask(method, url, headers=headers, body=body, authority=self.authority)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzuriteContainer(FreshBucket):
    """A fresh container.

    Attributes:
        service: The store.
        name: The container's name.
    """

    driver: ClassVar[str] = "azure"

    service: AzuriteService
    name: str

    def ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends an authorised request about the container or a blob in it, and returns the answer."""
        path = f"/{self.name}/{key}" if key else f"/{self.name}"
        return self.service.ask(method, path, query, body=body, headers=headers)

    def put(self, key: str, content: bytes) -> None:
        """Writes a block blob."""
        demand(self.ask("PUT", key, body=content, headers={"x-ms-blob-type": "BlockBlob"}), f"put {key}")

    def get(self, key: str) -> bytes:
        """Reads a blob; `StoreError` when it isn't there."""
        return demand(self.ask("GET", key), f"get {key}").body

    def delete(self, key: str) -> None:
        """Deletes a blob; `StoreError` when it isn't there."""
        demand(self.ask("DELETE", key), f"delete {key}")

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the names of all committed blobs that have a prefix, sorted."""
        return self._list(prefix, "metadata")

    def uploads(self) -> list[str]:
        """Returns the names that have uncommitted blocks and no content."""
        return sorted(set(self._list("", "uncommittedblobs")) - set(self.keys()))

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create("azure", ...)` takes to open this container."""
        return {
            "accountname": self.service.account,
            "accountkey": self.service.key,
            "credentials": {"type": "shared_key"},
            "container": self.name,
            "serviceurl": self.service.endpoint,
            **options,
        }

    def _list(self, prefix: str, include: str) -> list[str]:
        query = {"restype": "container", "comp": "list", "include": include}
        # An empty value is one parameter too many for the signature of some versions.
        query |= {"prefix": prefix} if prefix else {}
        found: list[str] = []
        while True:
            answer = demand(self.ask("GET", query=query), f"list {self.name}")
            page = ET.fromstring(answer.body.removeprefix("\ufeff".encode()))
            found += [element.text or "" for element in page.findall("Blobs/Blob/Name")]
            marker = page.findtext("NextMarker")
            if not marker:
                return sorted(found)
            query["marker"] = marker


class Azurite(StoreServer[AzuriteService]):
    """Azurite with the published account, keeping its data in a folder that is thrown away.

    Args:
        folder: A folder for all that it writes.
        node: The executable `node`.
        script: What it runs: Azurite's blob service.
        tls: Serve https instead of http, and take bearer tokens too, unchecked.
    """

    name: ClassVar[str] = "azurite"

    def __init__(self, folder: Path, *, node: Path, script: Path, tls: bool = False) -> None:
        super().__init__(folder)
        self._node = node
        self._script = script
        self._tls = tls

    def launch(self, folder: Path) -> AzuriteService:
        """Starts the server."""
        port = free_port()
        scheme, authority = "http", None
        options: list[str | Path] = ["--silent", "--skipApiVersionCheck", "--disableTelemetry"]
        if self._tls:
            certificate = issue(folder)
            authority = certificate.authority
            scheme = "https"
            options += ["--oauth", "basic", "--cert", certificate.chain, "--key", certificate.key]
        endpoint = f"{scheme}://127.0.0.1:{port}/{_ACCOUNT}"
        process = StoreProcess(
            name=self.name,
            command=[
                *(self._node, self._script, "--location", folder / "data"),
                *("--blobHost", "127.0.0.1", "--blobPort", str(port), *options),
            ],
            folder=folder,
            port=port,
            # It answers, and refuses who doesn't say who he is.
            ready=lambda: ask("GET", f"{endpoint}?comp=list", authority=authority).status == 403,
            environment={**os.environ, "AZURITE_ACCOUNTS": f"{_ACCOUNT}:{_KEY}"},
        )
        self.run(process)
        return AzuriteService(
            name=self.name, endpoint=endpoint, account=_ACCOUNT, key=_KEY, lacks=LACKS, authority=authority
        )
