"""The fake as a store of the tests: a process, and its fresh buckets, asked by signed plain requests."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, unquote, urlencode
from xml.etree import ElementTree as ET

from tests.services.server import free_port
from tests.services.stores.bucket import FreshBucket, new_name
from tests.services.stores.exchange import Answer, ask, demand
from tests.services.stores.process import StoreProcess, StoreServer

from .fake import REGION
from .signature import signed

__all__ = ["LACKS", "Oss", "OssBucket", "OssService"]

LACKS: Mapping[str, str] = {
    "everything": "it is a fake of ours: what it does is what the documentation says, and no more is known of OSS",
    "limits_of_rate": "it never asks to slow down",
    "versioning": "it keeps no versions, and only ignores x-oss-forbid-overwrite as OSS does",
}
"""What OSS does and the fake does not, by a name of ours."""

_KEYS = ("LTAIfake", "fake-secret")
_ROOT = Path(__file__).parents[4]


@dataclass(frozen=True, slots=True, kw_only=True)
class OssService:
    """A running fake.

    Attributes:
        name: What it is called, as its fixture is.
        endpoint: Its URL, without a slash at its end.
        access_key: The id of its only access key.
        secret_key: The secret of that.
        lacks: What OSS does and this one does not: a name, and what it does instead.
    """

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    lacks: Mapping[str, str]

    def new_bucket(self) -> "OssBucket":
        """Makes a bucket that nobody had before, and returns it."""
        bucket = OssBucket(service=self, name=new_name())
        demand(bucket.ask("PUT"), f"make {bucket.name}")
        return bucket


@dataclass(frozen=True, slots=True, kw_only=True)
class OssBucket(FreshBucket):
    """A fresh bucket of the fake.

    Attributes:
        service: The store.
        name: The bucket's name.
    """

    driver: ClassVar[str] = "oss"

    service: OssService
    name: str

    def ask(
        self,
        method: str,
        key: str = "",
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        secret_key: str | None = None,
    ) -> Answer:
        """Sends a signed request about the bucket or a key in it, and returns the answer, whatever its status."""
        resource = f"/{self.name}/{key}"
        pairs = list((query or {}).items())
        keys = (self.service.access_key, secret_key or self.service.secret_key)
        url = f"{self.service.endpoint}{quote(resource)}"
        if pairs:
            url = f"{url}?{urlencode(pairs, quote_via=quote)}"
        made = signed(method, resource, pairs, headers or {}, keys=keys, region=REGION)
        return ask(method, url, headers={**made, "content-length": str(len(body))}, body=body)

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        demand(self.ask("PUT", key, body=content), f"put {key}")

    def get(self, key: str) -> bytes:
        """Reads an object; `StoreError` when it isn't there."""
        return demand(self.ask("GET", key), f"get {key}").body

    def delete(self, key: str) -> None:
        """Deletes an object; one that isn't there is no error to OSS."""
        demand(self.ask("DELETE", key), f"delete {key}")

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys of all objects that have a prefix, sorted."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix, "max-keys": "1000", "encoding-type": "url"}
        while True:
            page = self._document(query)
            found += _texts(page, "Contents/Key")
            token = page.findtext("NextContinuationToken")
            if page.findtext("IsTruncated") != "true" or not token:
                return sorted(found)
            query["continuation-token"] = unquote(token)

    def uploads(self) -> list[str]:
        """Returns the keys of uploads of parts that were neither completed nor aborted, the first thousand."""
        return sorted(_texts(self._document({"uploads": "", "encoding-type": "url"}), "Upload/Key"))

    def keep_versions(self) -> None:
        """Switches versioning on."""
        body = b"<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
        demand(self.ask("PUT", query={"versioning": ""}, body=body), f"keep versions in {self.name}")

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create("oss", ...)` takes to open this bucket."""
        return {
            "accesskeyid": self.service.access_key,
            "accesskeysecret": self.service.secret_key,
            "region": f"oss-{REGION}",
            "endpoint": self.service.endpoint,
            "bucket": self.name,
            **options,
        }

    def _document(self, query: Mapping[str, str]) -> ET.Element:
        return ET.fromstring(demand(self.ask("GET", query=query), f"list {self.name}").body)


class Oss(StoreServer[OssService]):
    """The fake in a process of its own, with its objects in memory."""

    name: ClassVar[str] = "oss"

    def launch(self, folder: Path) -> OssService:
        """Starts the server."""
        port = free_port()
        endpoint = f"http://127.0.0.1:{port}"
        process = StoreProcess(
            name=self.name,
            command=[sys.executable, "-m", "tests.services.stores.oss", str(port)],
            folder=folder,
            port=port,
            ready=lambda: ask("GET", f"{endpoint}/ready").status == 403,
            environment={
                **os.environ,
                "PYTHONPATH": str(_ROOT),
                "OSS_FAKE_KEY": _KEYS[0],
                "OSS_FAKE_SECRET": _KEYS[1],
            },
        )
        self.run(process)
        return OssService(name=self.name, endpoint=endpoint, access_key=_KEYS[0], secret_key=_KEYS[1], lacks=LACKS)


def _texts(document: ET.Element, path: str) -> list[str]:
    return [unquote(element.text or "") for element in document.findall(path)]
