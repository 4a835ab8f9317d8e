"""OpenStack Swift on one machine, with its own interface and that of S3 on the same port."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.services.server import ServerError, free_port
from tests.services.tools import Tool

from .exchange import ask
from .keystone import KeystoneService
from .process import StoreProcess, StoreServer, run_to_end
from .s3 import S3Service
from .swift_config import proxy_config, ring_script, server_config, swift_config
from .swift_container import SwiftService

__all__ = ["LACKS", "Swift"]

LACKS: Mapping[str, str] = {
    "anonymous_is_denied": "a request that nobody signed is answered with 400, not 403",
    "encryption": "a request for server-side encryption is answered with 501",
    "match_on_put": "PutObject answers 501 to an If-Match",
    "storage_classes": "there is STANDARD alone; another is answered with 400",
}
"""What S3 does and Swift's S3 interface does not, by a name of ours; a test tries each."""

_SERVERS = ("account", "container", "object")


class Swift(StoreServer[SwiftService]):
    """Swift's proxy and storage servers, with one copy of everything, and the memcached that keeps its tokens.

    Args:
        folder: A folder for all that it writes, on a file system with extended attributes.
        programs: The folder of its executables.
        memcached: The other server that it needs.
        dynamic_alone: Large objects are dynamic ones only, and nothing is deleted in bulk, as in an old cluster.
        keystone: Says who may do what; without it Swift knows its users itself.
    """

    name: ClassVar[str] = "swift_s3"

    def __init__(
        self,
        folder: Path,
        *,
        programs: Path,
        memcached: Tool,
        dynamic_alone: bool = False,
        keystone: KeystoneService | None = None,
    ) -> None:
        super().__init__(folder)
        self._programs = programs
        self._memcached = memcached
        self._dynamic_alone = dynamic_alone
        self._keystone = keystone

    def launch(self, folder: Path) -> SwiftService:
        """Writes the configuration and starts the servers."""
        _check_attributes(folder)
        ports = {name: free_port() for name in (*_SERVERS, "proxy", "memcached")}
        users = {"test:tester": "testing", "test:reader": "reading"}
        self._write(folder, ports, users)
        script = ring_script({name: ports[name] for name in _SERVERS})
        environment = {**os.environ, "SWIFT_DIR": str(folder)}
        run_to_end([self._programs / "python", "-c", script, folder], environment=environment)
        self._run_memcached(folder, ports["memcached"])
        processes = [self._process(folder, name, ports[name], environment) for name in (*_SERVERS, "proxy")]
        for process in processes:
            self.run(process)
        endpoint = f"http://127.0.0.1:{ports['proxy']}"
        user, password = next(iter(users.items()))
        if self._keystone is not None:
            login = self._keystone.serve_objects(endpoint, "dynamic" if self._dynamic_alone else "static")
        else:
            login = {"authurl": f"{endpoint}/auth/v1.0", "username": user, "password": password}
        has_s3 = not (self._keystone or self._dynamic_alone)
        s3 = S3Service(name=self.name, endpoint=endpoint, access_key=user, secret_key=password, lacks=LACKS)
        return SwiftService(endpoint=endpoint, login=login, s3=s3 if has_s3 else None)

    def _write(self, folder: Path, ports: Mapping[str, int], users: Mapping[str, str]) -> None:
        (folder / "devices" / "d1").mkdir(parents=True)
        (folder / "cache").mkdir()
        (folder / "swift.conf").write_text(swift_config())
        (folder / "container-sync-realms.conf").touch()
        for name in _SERVERS:
            (folder / f"{name}-server.conf").write_text(server_config(name, folder, ports[name]))
        proxy = proxy_config(
            folder,
            ports["proxy"],
            ports["memcached"],
            users=users,
            dynamic_alone=self._dynamic_alone,
            keystone=(self._keystone.url, self._keystone.swift_password) if self._keystone else None,
        )
        (folder / "proxy-server.conf").write_text(proxy)

    def _run_memcached(self, folder: Path, port: int) -> None:
        # It refuses to be root without being told so.
        user = ["-u", "root"] if os.getuid() == 0 else []
        process = StoreProcess(
            name="memcached",
            command=[self._memcached.path, "-l", "127.0.0.1", "-p", str(port), "-m", "32", *user],
            folder=folder,
            port=port,
            environment=self._memcached.env,
        )
        self.run(process)

    def _process(self, folder: Path, name: str, port: int, environment: Mapping[str, str]) -> StoreProcess:
        return StoreProcess(
            name=f"swift-{name}",
            command=[self._programs / f"swift-{name}-server", folder / f"{name}-server.conf", "verbose"],
            folder=folder,
            port=port,
            ready=lambda: ask("GET", f"http://127.0.0.1:{port}/healthcheck").status == 200,
            environment=environment,
            grace=2,
        )


def _check_attributes(folder: Path) -> None:
    try:
        os.setxattr(folder, "user.swift.metadata", b"any")
    except OSError as error:
        msg = f"Swift needs extended attributes, and {folder} has none: {error}"
        raise ServerError(msg) from error
