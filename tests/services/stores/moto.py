"""moto's server, which behaves as S3 does in much and checks little: a second opinion, never the only proof."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlencode
from xml.etree import ElementTree as ET

from tests.services.server import free_port

from .exchange import ask, demand
from .process import StoreProcess, StoreServer
from .s3 import S3Service
from .signature import signed

__all__ = ["LACKS", "Moto"]

LACKS: Mapping[str, str] = {
    "content_checksums": "content that isn't what its checksums say is taken",
    "match_on_copy": "CopyObject ignores x-amz-copy-source-if-match",
    "signed_urls": "a presigned URL is answered with 500 while authentication is on",
    "unknown_upload_on_complete": "completing an upload that isn't there is answered with 500",
    "unknown_upload_on_put": "sending a part of an upload that isn't there is answered with 500",
}
"""What S3 does and moto does not, by a name of ours; a test tries each."""

_POLICY = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'
_REGION = "us-east-1"

_SERVE = """
import io
import threading

import moto.server

serve, turn = moto.server.run_simple, threading.Lock()


def serve_in_turn(host, port, app, **options):
    def in_turn(environ, start_response):
        if not {"HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH"} & environ.keys() or environ["REQUEST_METHOD"] in {"GET", "HEAD"}:
            return app(environ, start_response)
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        with turn:
            return app(environ, start_response)

    serve(host, port, in_turn, **options)


moto.server.run_simple = serve_in_turn
moto.server.main()
"""
"""Its server, where writes under a condition come one after the other: of two that it takes at once both may find that
the condition holds, and what one wrote is lost."""

# What is asked of its identity service, before anybody has a key.
_BEFORE_KEYS = 3


class Moto(StoreServer[S3Service]):
    """moto with one user, and signatures checked.

    Args:
        folder: A folder for its output; its objects are in memory.
        python: The Python that it is installed for.
    """

    name: ClassVar[str] = "moto"

    def __init__(self, folder: Path, *, python: Path) -> None:
        super().__init__(folder)
        self._python = python

    def launch(self, folder: Path) -> S3Service:
        """Starts the server and makes its user."""
        port = free_port()
        endpoint = f"http://127.0.0.1:{port}"
        process = StoreProcess(
            name=self.name,
            command=[self._python, "-c", _SERVE, "-H", "127.0.0.1", "-p", str(port)],
            folder=folder,
            port=port,
            ready=lambda: ask("GET", f"{endpoint}/moto-api/").status == 200,
            environment={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(_BEFORE_KEYS)},
        )
        self.run(process)
        access_key, secret_key = _make_user(endpoint)
        return S3Service(
            name=self.name,
            endpoint=endpoint,
            access_key=access_key,
            secret_key=secret_key,
            lacks=LACKS,
            region=_REGION,
        )


def _make_user(endpoint: str) -> tuple[str, str]:
    """Makes a user who may do everything, and returns its keys."""
    user = {"UserName": "test"}
    _identify(endpoint, "CreateUser", **user)
    _identify(endpoint, "PutUserPolicy", **user, PolicyName="all", PolicyDocument=_POLICY)
    keys = _identify(endpoint, "CreateAccessKey", **user)
    return keys.findtext(".//{*}AccessKeyId") or "", keys.findtext(".//{*}SecretAccessKey") or ""


def _identify(endpoint: str, action: str, **fields: str) -> ET.Element:
    """Calls the identity service, as a user that nobody has made."""
    body = urlencode({"Action": action, "Version": "2010-05-08", **fields}).encode()
    url, keys = f"{endpoint}/", ("nobody", "nothing")
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    headers = signed("POST", url, headers=form, body=body, keys=keys, region=_REGION, service="iam")
    return ET.fromstring(demand(ask("POST", url, headers=headers, body=body), action).body)
