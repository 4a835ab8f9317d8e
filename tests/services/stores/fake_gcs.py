"""fake-gcs-server, which answers as Google's storage does in its JSON interface, and checks no credentials."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from tests.services.server import free_port

from .bucket import FreshBucket, new_name
from .exchange import Answer, ask, demand
from .process import StoreProcess, StoreServer

__all__ = ["LACKS", "FakeGcs", "FakeGcsBucket", "FakeGcsService"]

LACKS: Mapping[str, str] = {
    "anonymous_is_refused": "it asks nobody who he is",
    "batch_without_names": "a part of a batch that has no Content-ID is passed over in silence",
    "content_checksums": "content that isn't what its checksum says is taken",
    "generation_on_delete": "a deletion ignores ifGenerationMatch",
    "generation_on_media_put": "a media upload ignores ifGenerationMatch; a multipart one is right",
    "generation_on_read": "reading ignores ifGenerationMatch; `generation` is right",
    "generation_on_resumable_put": "a resumable upload ignores ifGenerationMatch",
    "generation_on_rewrite": "a rewrite ignores ifGenerationMatch",
    "session_cancel": "a resumable upload that was cancelled goes on",
    "session_offsets": "a chunk that was sent before is appended once more, whatever range it says",
    "session_status": "asking how much of a resumable upload has arrived completes the upload",
    "signatures": "a signed URL is answered whatever its signature",
    "xml_interface": "uploading in the XML interface is answered with 400",
}
"""What Google's storage does and fake-gcs-server 1.54 does not, by a name of ours; a test tries each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGcsService:
    """A running fake-gcs-server.

    Attributes:
        name: What it is called, as its fixture is.
        endpoint: Its URL, without a slash at its end: what `STORAGE_EMULATOR_HOST` takes.
        lacks: What Google's storage does and this one does not: a name, and what it does instead.
    """

    name: str
    endpoint: str
    lacks: Mapping[str, str]

    def new_bucket(self) -> "FakeGcsBucket":
        """Makes a bucket that nobody had before, and returns it."""
        bucket = FakeGcsBucket(service=self, name=new_name())
        body = json.dumps({"name": bucket.name}).encode()
        demand(self.ask("POST", "/storage/v1/b", {"project": "test"}, body=body), f"make {bucket.name}")
        return bucket

    def ask(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request and returns the answer, whatever its status.

        Args:
            method: The method.
            path: The path, escaped: a key in it has no slash.
            query: The parameters of the query.
            body: The body.
            headers: Further headers.
        """
        url = f"{self.endpoint}{path}"
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        return ask(method, url, headers={"Content-Type": "application/json", **(headers or {})}, body=body)


@dataclass(frozen=True, slots=True, kw_only=True)
class FakeGcsBucket(FreshBucket):
    """A fresh bucket.

    Attributes:
        service: The store.
        name: The bucket's name.
    """

    driver: ClassVar[str] = "gcs"

    service: FakeGcsService
    name: str

    def path(self, key: str) -> str:
        """Returns the path of an object."""
        return f"/storage/v1/b/{self.name}/o/{quote(key, safe='')}"

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        query = {"uploadType": "media", "name": key}
        headers = {"Content-Type": "application/octet-stream"}
        path = f"/upload/storage/v1/b/{self.name}/o"
        demand(self.service.ask("POST", path, query, body=content, headers=headers), f"put {key}")

    def get(self, key: str) -> bytes:
        """Reads an object; `StoreError` when it isn't there."""
        return demand(self.service.ask("GET", self.path(key), {"alt": "media"}), f"get {key}").body

    def delete(self, key: str) -> None:
        """Deletes an object; `StoreError` when it isn't there."""
        demand(self.service.ask("DELETE", self.path(key)), f"delete {key}")

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys of all objects that have a prefix, sorted."""
        found: list[str] = []
        query = {"prefix": prefix}
        while True:
            answer = demand(self.service.ask("GET", f"/storage/v1/b/{self.name}/o", query), f"list {self.name}")
            page = json.loads(answer.body)
            found += [item["name"] for item in page.get("items", [])]
            if not page.get("nextPageToken"):
                return sorted(found)
            query["pageToken"] = page["nextPageToken"]

    def uploads(self) -> list[str]:
        """Returns nothing: resumable uploads show nowhere."""
        return []

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create("gcs", ...)` takes to open this bucket, without any credentials."""
        return {"endpoint": self.service.endpoint, "bucket": self.name, **options}


class FakeGcs(StoreServer[FakeGcsService]):
    """fake-gcs-server, with its objects in memory.

    Args:
        folder: A folder for its output.
        program: The executable.
    """

    name: ClassVar[str] = "fake_gcs"

    def __init__(self, folder: Path, *, program: Path) -> None:
        super().__init__(folder)
        self._program = program

    def launch(self, folder: Path) -> FakeGcsService:
        """Starts the server."""
        port = free_port()
        address = f"127.0.0.1:{port}"
        endpoint = f"http://{address}"
        process = StoreProcess(
            name=self.name,
            command=[
                *(self._program, "-scheme", "http", "-host", "127.0.0.1", "-port", str(port), "-backend", "memory"),
                *("-external-url", endpoint, "-public-host", address, "-log-level", "warn"),
            ],
            folder=folder,
            port=port,
            ready=lambda: ask("GET", f"{endpoint}/_internal/healthcheck").status == 200,
        )
        self.run(process)
        return FakeGcsService(name=self.name, endpoint=endpoint, lacks=LACKS)
