"""nginx as the measure of what the machine can do: the same files, sent without any thought."""

from pathlib import Path

from tests.services.server import Server
from tests.services.tools import Tool

__all__ = ["Nginx"]

_CONFIG = """\
daemon off;
# One process, as the server it is compared with, and none left behind when that is killed.
master_process off;
pid {scratch}/nginx.pid;
error_log stderr error;
events {{ worker_connections 512; }}
http {{
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    client_body_temp_path {scratch}/nginx-body;
    proxy_temp_path {scratch}/nginx-proxy;
    fastcgi_temp_path {scratch}/nginx-fastcgi;
    uwsgi_temp_path {scratch}/nginx-uwsgi;
    scgi_temp_path {scratch}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /v2/ {{ return 200; }}
    }}
}}
"""


class Nginx(Server):
    """Serves the files of a folder.

    Args:
        tool: The `nginx` executable.
        root: The folder.
        scratch: As for `Server`.
    """

    name = "nginx"

    def __init__(self, *, tool: Tool, root: Path, scratch: Path) -> None:
        super().__init__(root=root, scratch=scratch)
        self._tool = tool

    def command(self) -> list[str]:
        """Writes the configuration, and returns the command that reads it."""
        path = self.scratch / "nginx.conf"
        path.write_text(_CONFIG.format(scratch=self.scratch, port=self.port, root=self.root))
        return [str(self._tool.path), "-p", str(self.scratch), "-c", str(path), "-e", "stderr"]

    def environment(self) -> dict[str, str]:
        """Returns what the executable needs to find its libraries."""
        return self._tool.env
