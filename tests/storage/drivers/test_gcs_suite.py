"""The certification suite on the gcs driver, with an emulator for the service."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from holdfast.storage import Capabilities
from holdfast.testing import DriverSuite, Store

ENDPOINT = "http://127.0.0.1:4443"

class TestGCSDriver(DriverSuite):
    """Everything the contract says, in a bucket."""

    capabilities = Capabilities(
        put_create_only=True,
        put_match_version=True,
        write_resume_token=True,
        write_max_bytes=5 * 1024**4,
        list_uploads=True,
        shared=True,
    )

    @pytest.fixture
    def store(self):
        with httpx.Client(trust_env=False) as c:
            yield self._store(c)

    def _store(self, c) -> Store:
        import secrets
        b = "t-"+secrets.token_hex(8)
        c.post(f"{ENDPOINT}/storage/v1/b", params={"project": "p"}, json={"name": b})
        def seed(path, content):
            c.post(f"{ENDPOINT}/upload/storage/v1/b/{b}/o",params={"uploadType":"media","name":"r/"+path[1:]},content=content).raise_for_status()
        def read(path):
            r= c.get(f"{ENDPOINT}/storage/v1/b/{b}/o/{quote('r/'+path[1:],safe='')}?alt=media"); r.raise_for_status(); return r.content
        def left():
            return [i["name"] for i in c.get(f"{ENDPOINT}/storage/v1/b/{b}/o").json().get("items",[])]
        return Store.named("gcs", {"bucket": b, "endpoint": ENDPOINT, "rootdirectory": "/r/"}, seed_behind=seed, read_behind=read, leftovers=left)
