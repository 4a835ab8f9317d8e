"""A server that speaks SFTP over a folder, by asyncssh: `sftp_program.py FOLDER PORT USER PASSWORD`."""

import asyncio
import sys
from pathlib import Path

import asyncssh

__all__ = ["serve"]


class _Login(asyncssh.SSHServer):
    def __init__(self, user: str, password: str) -> None:
        self._login = (user, password)

    def begin_auth(self, username: str) -> bool:
        del username
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == self._login


class _Files(asyncssh.SFTPServer):
    """The folder, as the root of all paths."""

    def __init__(self, channel: "asyncssh.SSHServerChannel[bytes]", folder: bytes) -> None:
        super().__init__(channel, chroot=folder)


async def serve(folder: Path, port: int, user: str, password: str) -> None:
    """Serves until the process is ended."""
    await asyncssh.listen(
        "127.0.0.1",
        port,
        server_factory=lambda: _Login(user, password),
        server_host_keys=[asyncssh.generate_private_key("ssh-ed25519")],
        sftp_factory=lambda channel: _Files(channel, bytes(folder)),
        allow_scp=False,
    )
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]))
