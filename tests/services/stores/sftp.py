"""A server of files that speaks SFTP, over a folder of this machine."""

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

from tests.services.server import free_port

from .process import StoreProcess, StoreServer

__all__ = ["Sftp", "SftpService"]

_PROGRAM = Path(__file__).with_name("sftp_program.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class SftpService:
    """A running server.

    Attributes:
        folder: The folder that it serves, which is the root of its paths.
        port: Its port, on 127.0.0.1.
        user: The only user.
        password: The user's password.
    """

    folder: Path
    port: int
    user: str
    password: str = field(repr=False)

    def options(self) -> dict[str, Any]:
        """Returns what fsspec's `sftp` takes to reach it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "username": self.user,
            "password": self.password,
            "look_for_keys": False,
            "allow_agent": False,
        }


class Sftp(StoreServer[SftpService]):
    """asyncssh's server, with one user."""

    name: ClassVar[str] = "sftp"

    def launch(self, folder: Path) -> SftpService:
        """Starts it on an empty folder."""
        files = folder / "files"
        files.mkdir()
        service = SftpService(folder=files, port=free_port(), user="tester", password="testing")
        words: list[str | Path] = [sys.executable, _PROGRAM, files, str(service.port), service.user, service.password]
        self.run(StoreProcess(name=self.name, command=words, folder=folder, port=service.port))
        return service
