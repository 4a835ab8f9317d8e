"""A running Swift and its containers, asked by plain requests in Swift's own interface."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar
from urllib.parse import quote, urlencode

from holdfast.testing import Store

from .bucket import FreshBucket, new_name
from .exchange import Answer, ask, demand
from .s3 import S3Service

__all__ = ["SwiftContainer", "SwiftService"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftService:
    """A running Swift.

    Attributes:
        endpoint: Its URL, without a slash at its end.
        login: Parameters of the driver `swift` that say who we are, and where tokens come from.
        s3: Its S3 interface, if it has one.
        reader: The name and the password of a user who may read, once `let_read` said so.
    """

    endpoint: str
    login: Mapping[str, str] = field(repr=False)
    s3: S3Service | None
    reader: tuple[str, str] = ("test:reader", "reading")

    def access(self) -> tuple[str, str]:
        """Returns the URL of the account and a token; each call authenticates anew."""
        if "v3" in self.login["authurl"]:
            return _at_keystone(self.login)
        headers = {"X-Auth-User": self.login["username"], "X-Auth-Key": self.login["password"]}
        answer = demand(ask("GET", self.login["authurl"], headers=headers), "authenticate")
        return answer.headers["x-storage-url"], answer.headers["x-auth-token"]

    def new_bucket(self) -> "SwiftContainer":
        """Makes a container that nobody had before, and returns it."""
        url, token = self.access()
        container = SwiftContainer(service=self, name=new_name(), account=url, token=token)
        demand(container.ask("PUT"), f"make {container.name}")
        return container

    def let_read(self) -> None:
        """Lets the other user read in the whole account, and nothing else."""
        url, token = self.access()
        rights = json.dumps({"read-only": [self.reader[0]]})
        headers = {"X-Auth-Token": token, "X-Account-Access-Control": rights}
        demand(ask("POST", url, headers=headers), "let read")


@dataclass(frozen=True, slots=True, kw_only=True)
class SwiftContainer(FreshBucket):
    """A fresh container.

    Attributes:
        service: The store.
        name: The container's name.
        account: The URL of the account.
        token: Opens it.
    """

    driver: ClassVar[str] = "swift"

    service: SwiftService
    name: str
    account: str
    token: str = field(repr=False)

    def ask(
        self,
        method: str,
        key: str | None = None,
        query: Mapping[str, str] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> Answer:
        """Sends a request about an object, or about the container, and returns the answer, whatever its status."""
        url = f"{self.account}/{self.name}" + ("" if key is None else f"/{quote(key)}")
        if query:
            url = f"{url}?{urlencode(query, quote_via=quote)}"
        return ask(method, url, headers={"X-Auth-Token": self.token, **(headers or {})}, body=body)

    def put(self, key: str, content: bytes) -> None:
        """Writes an object."""
        demand(self.ask("PUT", key, body=content, headers={"Content-Length": str(len(content))}), f"put {key}")

    def get(self, key: str) -> bytes:
        """Reads an object; `StoreError` when it isn't there."""
        return demand(self.ask("GET", key), f"get {key}").body

    def delete(self, key: str) -> None:
        """Deletes an object; `StoreError` when it isn't there."""
        demand(self.ask("DELETE", key), f"delete {key}")

    def keys(self, prefix: str = "") -> list[str]:
        """Returns the keys of all objects that have a prefix, sorted; segments of large ones are objects, too."""
        found: list[str] = []
        while True:
            query = {"format": "json", "prefix": prefix, "marker": found[-1] if found else ""}
            page = json.loads(demand(self.ask("GET", None, query), f"list {self.name}").body)
            found += [line["name"] for line in page]
            if not page:
                return sorted(found)

    def uploads(self) -> list[str]:
        """Returns nothing: what an upload leaves are objects."""
        return []

    def parameters(self, **options: Any) -> dict[str, Any]:
        """Returns what `holdfast.storage.create("swift", ...)` takes to open this container.

        What other drivers call `rootdirectory` is `prefix` here.
        """
        root = {"prefix": options.pop("rootdirectory")} if "rootdirectory" in options else {}
        return {**self.service.login, "container": self.name, **root, **options}

    def store(self, **options: Any) -> Store:
        """Returns the container as the certification suite takes it; files lie below `files`."""
        parameters = self.parameters(**options)
        root = f"{parameters.get('prefix', '')}/files".lstrip("/")
        return Store.named(
            self.driver,
            parameters,
            seed_behind=lambda path, content: self.put(root + path, content),
            read_behind=lambda path: self.get(root + path),
            leftovers=self.leftovers,
        )


def _at_keystone(login: Mapping[str, str]) -> tuple[str, str]:
    domain = {"name": "Default"}
    user = {"name": login["username"], "password": login["password"], "domain": domain}
    scope = {"project": {"name": login["tenant"], "domain": domain}}
    identity = {"methods": ["password"], "password": {"user": user}}
    body = json.dumps({"auth": {"identity": identity, "scope": scope}}).encode()
    headers = {"Content-Type": "application/json"}
    answer = demand(ask("POST", f"{login['authurl']}/auth/tokens", headers=headers, body=body), "authenticate")
    catalog = json.loads(answer.body)["token"]["catalog"]
    endpoints = next(service["endpoints"] for service in catalog if service["type"] == "object-store")
    wanted = ("public", login["region"])
    url: str = next(endpoint["url"] for endpoint in endpoints if (endpoint["interface"], endpoint["region"]) == wanted)
    return url, answer.headers["x-subject-token"]
