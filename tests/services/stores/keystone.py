"""OpenStack's Keystone, which says who may do what in Swift."""

import getpass
import grp
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.services.server import free_port

from .exchange import ask, demand
from .process import StoreProcess, StoreServer, run_to_end

__all__ = ["Keystone", "KeystoneService"]

_ADMIN = "of the admin"
_SWIFT = "of swift"
_TESTER = "testing"

_CONFIG = """
[DEFAULT]
public_endpoint = {url}
[database]
connection = sqlite:///{folder}/keystone.db
[token]
provider = fernet
[fernet_tokens]
key_repository = {folder}/fernet
[credential]
key_repository = {folder}/credential
[cache]
enabled = true
backend = oslo_cache.dict
[identity]
password_hash_rounds = 4
"""
"""Passwords are hashed for tests, and what the database says is remembered: with the rounds that people's need, and
without a cache, each driver's authentication takes a second of processor time."""

_SERVE = """
import sys
sys.argv = ["keystone"]
from keystone.wsgi.api import application
from waitress import serve
serve(application, listen="127.0.0.1:{port}", threads=4)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class KeystoneService:
    """A running Keystone, with a user who is a member of a project.

    Attributes:
        url: Where version 3 of its interface is.
        login: Parameters of the driver `swift` that name the user and the project.
        swift_password: The password of the user `swift` in the project `service`.
    """

    url: str
    login: Mapping[str, str] = field(repr=False)
    swift_password: str = field(default=_SWIFT, repr=False)

    def serve_objects(self, endpoint: str, region: str) -> Mapping[str, str]:
        """Puts a Swift into the catalogue.

        Args:
            endpoint: Its URL, without a slash at its end.
            region: The region that it makes up.

        Returns:
            Parameters of the driver `swift` that open it.
        """
        token = self._admin()
        self.ask("POST", "/regions", {"region": {"id": region}}, token=token)
        service = self.ask("POST", "/services", {"service": {"name": "swift", "type": "object-store"}}, token=token)
        for interface in ("public", "internal", "admin"):
            entry = {
                "interface": interface,
                "region_id": region,
                "service_id": service["service"]["id"],
                "url": f"{endpoint}/v1/AUTH_%(project_id)s",
            }
            self.ask("POST", "/endpoints", {"endpoint": entry}, token=token)
        return {**self.login, "region": region}

    def application_credential(self, name: str) -> Mapping[str, str]:
        """Makes an application credential of the user, and returns its id and its secret."""
        token, user = self._token(self.login["username"], self.login["password"], self.login["tenant"])
        path = f"/users/{user}/application_credentials"
        made = self.ask("POST", path, {"application_credential": {"name": name}}, token=token)
        credential: Mapping[str, str] = made["application_credential"]
        return credential

    def ask(self, method: str, path: str, body: Any = None, *, token: str) -> Any:
        """Sends a request and returns what it was answered."""
        headers = {"X-Auth-Token": token, "Content-Type": "application/json"}
        content = b"" if body is None else json.dumps(body).encode()
        answer = demand(ask(method, self.url + path, headers=headers, body=content), f"{method} {path}")
        return json.loads(answer.body or b"null")

    def populate(self) -> None:
        """Makes the users and their projects."""
        token = self._admin()
        roles = {role["name"]: role["id"] for role in self.ask("GET", "/roles", token=token)["roles"]}
        for user, password, project, role in (
            ("swift", _SWIFT, "service", "admin"),
            (self.login["username"], self.login["password"], self.login["tenant"], "member"),
        ):
            made = {"project": {"name": project, "domain_id": "default"}}
            place = self.ask("POST", "/projects", made, token=token)["project"]["id"]
            person = {"user": {"name": user, "password": password, "domain_id": "default"}}
            who = self.ask("POST", "/users", person, token=token)["user"]["id"]
            self.ask("PUT", f"/projects/{place}/users/{who}/roles/{roles[role]}", token=token)

    def _admin(self) -> str:
        return self._token("admin", _ADMIN, "admin")[0]

    def _token(self, user: str, password: str, project: str) -> tuple[str, str]:
        domain = {"id": "default"}
        identity = {
            "methods": ["password"],
            "password": {"user": {"name": user, "password": password, "domain": domain}},
        }
        body = {"auth": {"identity": identity, "scope": {"project": {"name": project, "domain": domain}}}}
        headers = {"Content-Type": "application/json"}
        url = f"{self.url}/auth/tokens"
        answer = demand(ask("POST", url, headers=headers, body=json.dumps(body).encode()), "authenticate")
        identity_of: str = json.loads(answer.body)["token"]["user"]["id"]
        return answer.headers["x-subject-token"], identity_of


class Keystone(StoreServer[KeystoneService]):
    """Keystone with its database in a file, served by waitress.

    Args:
        folder: A folder for all that it writes.
        programs: The folder of its executables.
    """

    name: ClassVar[str] = "keystone"

    def __init__(self, folder: Path, *, programs: Path) -> None:
        super().__init__(folder)
        self._programs = programs

    def launch(self, folder: Path) -> KeystoneService:
        """Makes the database, starts the server, and makes the users."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        for name in ("fernet", "credential"):
            (folder / name).mkdir(mode=0o700)
        config = folder / "keystone.conf"
        config.write_text(_CONFIG.format(url=url, folder=folder))
        environment = {
            **os.environ,
            "OS_KEYSTONE_CONFIG_DIR": str(folder),
            "OS_KEYSTONE_CONFIG_FILES": str(config),
        }
        user = ["--keystone-user", getpass.getuser(), "--keystone-group", grp.getgrgid(os.getgid()).gr_name]
        places = [f"--bootstrap-{kind}-url={url}/v3/" for kind in ("admin", "internal", "public")]
        manage: list[str | Path] = [self._programs / "keystone-manage", "--config-file", config]
        for words in (
            ["db_sync"],
            ["fernet_setup", *user],
            ["credential_setup", *user],
            ["bootstrap", f"--bootstrap-password={_ADMIN}", "--bootstrap-region-id=RegionOne", *places],
        ):
            run_to_end([*manage, *words], environment=environment, timeout=120)
        process = StoreProcess(
            name=self.name,
            command=[self._programs / "python", "-c", _SERVE.format(port=port)],
            folder=folder,
            port=port,
            ready=lambda: ask("GET", f"{url}/v3").status == 200,
            environment=environment,
        )
        self.run(process)
        login = {"authurl": f"{url}/v3", "username": "tester", "password": _TESTER, "tenant": "test"}
        service = KeystoneService(url=f"{url}/v3", login=login)
        service.populate()
        return service
