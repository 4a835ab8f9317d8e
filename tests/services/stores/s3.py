"""Stores that speak S3, asked by signed plain requests."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode
from xml.etree import ElementTree as ET

from .bucket import FreshBucket, new_name
from .exchange import Answer, ask, demand
from .signature import presigned, signed

__all__ = ["S3Bucket", "S3Service"]


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Service:
    """A running store that speaks S3.

    Attributes:
        name: What it is called, as its fixture is.
        endpoint: Its URL, without a slash at its end.
        access_key: The access key of its only user, who may do everything.
        secret_key: The user's secret.
        lacks: What a store of this kind should do and this one does not: a name, and what it does instead.
        region: The region that requests are signed for.
        tls_endpoint: The same store over https, None where it has no such endpoint.
        authority: The file that clients of `tls_endpoint` trust.
    """

    name: str
    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    lacks: Mapping[str, str]
    region: str = "us-east-1"
    tls_endpoint: str | None = None
    authority: Path | None = None

    def new_bucket(self) -> "S3Bucket":
        """Makes a bucket that nobody had before, and returns it."""
        bucket = S3Bucket(service=self, name=new_name())
        demand(self.ask("PUT", f"/{bucket.name}"), f"make {bucket.name}")
        return bucket

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        secret_key: str | None = None,
        endpoint: str | None = None,
    ) -> Answer:
        """Sends a signed request and returns the answer, whatever its status.

        Args:
            method: The method.
            path: `/bucket` or `/bucket/key`, not escaped.
            query: The parameters of the query.
            body: The body.
            headers: Further headers, which are signed too.
            secret_key: Another secret to sign with.
            endpoint: Another endpoint: `tls_endpoint`.
        """
        url = f"{endpoint or self.endpoint}{quote(path, safe='/~')}"
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        keys = (self.access_key, secret_key or self.secret_key)
        headers = signed(method, url, headers=headers, body=body, keys=keys, region=self.region)
        return ask(method, url, headers=headers, body=body, authority=self.authority)

    def presigned(self, method: str, path: str) -> str:
        """Returns a URL that anybody may use, for an hour.

        Args:
            method: The method that it is good for.
            path: As for `ask`.
        """
        url = f"{self.endpoint}{quote(path, safe='/~')}"
        return presigned(method, url, keys=(self.access_key, self.secret_key), region=self.region)


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Bucket(FreshBucket):
    """A fresh bucket of a store that speaks S3.

    Attributes:
        service: The store.
        name: The bucket's name.
    """

    driver: ClassVar[str] = "s3"

    service: S3Service
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
        """Sends a signed request about the bucket or a key in it, and returns the answer, whatever its status."""
        path = f"/{self.name}/{key}" if key else f"/{self.name}"
        return self.service.ask(method, path, query, body=body, headers=headers)

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        demand(self.ask("PUT", key, body=content), f"put {key}")

    def get(self, key: str) -> bytes:
        """Reads an object; `StoreError` when it isn't there."""
        return demand(self.ask("GET", key), f"get {key}").body

    def delete(self, key: str) -> None:
        """Deletes an object; one that isn't there is no error to S3."""
        demand(self.ask("DELETE", key), f"delete {key}")

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys of all objects that have a prefix, sorted."""
        found: list[str] = []
        query = {"list-type": "2", "prefix": prefix}
        while True:
            page = self._document(query)
            found += _texts(page, "{*}Contents/{*}Key")
            token = page.findtext("{*}NextContinuationToken")
            if page.findtext("{*}IsTruncated") != "true" or not token:
                return sorted(found)
            query["continuation-token"] = token

    def uploads(self) -> list[str]:
        """Returns the keys of uploads of parts that were neither completed nor aborted, the first thousand."""
        return sorted(_texts(self._document({"uploads": ""}), "{*}Upload/{*}Key"))

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create("s3", ...)` takes to open this bucket."""
        return {
            "accesskey": self.service.access_key,
            "secretkey": self.service.secret_key,
            "region": self.service.region,
            "regionendpoint": self.service.endpoint,
            "forcepathstyle": True,
            "bucket": self.name,
            **options,
        }

    def _document(self, query: Mapping[str, str]) -> ET.Element:
        return ET.fromstring(demand(self.ask("GET", query=query), f"list {self.name}").body)


def _texts(document: ET.Element, path: str) -> list[str]:
    return [element.text or "" for element in document.findall(path)]
