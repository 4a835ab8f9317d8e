"""Version 2 of OpenStack's authentication, which Keystone has dropped: a small fake, before a real Swift."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from tests.services.stores.swift_container import SwiftService

__all__ = ["Version2"]


class Version2:
    """Answers `POST /v2.0/tokens` with tokens that a Swift takes.

    Attributes:
        url: What `authurl` is.
        asked: The bodies of the requests.
    """

    def __init__(self, swift: SwiftService) -> None:
        self.asked: list[Any] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                outer.asked.append(body)
                who = body["auth"]["passwordCredentials"]
                right = (swift.login["username"], swift.login["password"])
                is_right = self.path == "/v2.0/tokens" and right == (who["username"], who["password"])
                self._answer(200, _access(swift)) if is_right else self._answer(401, {"error": {"code": 401}})

            def _answer(self, status: int, body: Any) -> None:
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                """Nobody reads it."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}/v2.0"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _access(swift: SwiftService) -> Any:
    url, token = swift.access()
    here = {"region": "here", "publicURL": url, "internalURL": f"{url}-internal", "adminURL": f"{url}-admin"}
    there = {"region": "there", "publicURL": "http://127.0.0.1:9/v1/AUTH_there"}
    return {
        "access": {
            "token": {"id": token, "expires": "2999-01-01T00:00:00Z", "tenant": {"id": "the id", "name": "test"}},
            "serviceCatalog": [
                {
                    "type": "compute",
                    "name": "nova",
                    "endpoints": [{"region": "here", "publicURL": "http://127.0.0.1:9"}],
                },
                {"type": "object-store", "name": "swift", "endpoints": [there, here]},
            ],
        }
    }
