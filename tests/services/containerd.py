"""containerd, and its client `ctr`."""

import subprocess
import tarfile
import tempfile
import time
from pathlib import Path
from typing import IO, Self

from .client import Client, ClientError, Trust
from .images import Layout
from .server import ServerError
from .tools import Tool

__all__ = ["Containerd", "Ctr"]

# No plugin that wants a network, a cgroup or a system's service manager.
_CONFIG = """
version = 2
root = "{folder}/root"
state = "{folder}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri", "io.containerd.internal.v1.opt"]
[grpc]
  address = "{socket}"
"""

_PUSHES = 3

# An error of gRPC, which ctr speaks with its daemon and not with the registry: one push of twenty or so.
_BROKEN_OFF = "rpc error: code = Internal desc = unexpected EOF"


class Containerd:
    """A containerd of the tests' own: started when the context is entered, gone when it is left, by its own pid.

    Args:
        tool: The daemon's executable; it needs root.
        folder: A folder for all that it writes.
    """

    def __init__(self, *, tool: Tool, folder: Path) -> None:
        self._tool = tool
        self._folder = folder
        self._sockets: tempfile.TemporaryDirectory[str] | None = None
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        """Where clients reach it; `ServerError` when it is not running."""
        if self._sockets is None:
            raise ServerError("containerd is not running")
        return Path(self._sockets.name) / "s"

    def __enter__(self) -> Self:
        # A socket's path has 108 bytes at most, and the folder of a test may be longer than that.
        self._sockets = tempfile.TemporaryDirectory(prefix="containerd")
        config = self._folder / "config.toml"
        config.write_text(_CONFIG.format(folder=self._folder, socket=self.socket))
        log = self._folder / "containerd.log"
        self._log = log.open("wb")
        command = [str(self._tool.path), f"--config={config}"]
        self._process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=self._log, stderr=subprocess.STDOUT, env=self._tool.env
        )
        end = time.monotonic() + 20
        while not self.socket.exists():
            if self._process.poll() is not None or time.monotonic() > end:
                self.__exit__()
                raise ServerError(f"containerd did not come up\n{log.read_text(errors='replace')}")
            time.sleep(0.02)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._log is not None:
            self._log.close()
        if self._sockets is not None:
            self._sockets.cleanup()
            self._sockets = None


class Ctr(Client):
    """ctr, against a daemon of its own.

    Args:
        tool: As for `Client`.
        home: As for `Client`.
        trust: As for `Client`.
        daemon: The running containerd; its store is the client's.
    """

    def __init__(self, *, tool: Tool, home: Path, trust: Trust, daemon: Containerd) -> None:
        super().__init__(tool=tool, home=home, trust=trust)
        self._daemon = daemon

    def flags(self) -> tuple[str, ...]:
        """Returns the flag that names the daemon."""
        return (f"--address={self._daemon.socket}",)

    def _reach(self, reference: str) -> tuple[str, ...]:
        """The flags that say how a registry is reached: to ctr a loopback address is plain HTTP, unless told else."""
        authority = self._trust.authority
        if authority is None:
            return ("--plain-http",)
        address = reference.partition("/")[0]
        settings = self._home / "hosts" / address / "hosts.toml"
        settings.parent.mkdir(parents=True, exist_ok=True)
        site, trusted = f'"https://{address}"', f'ca = "{authority}"'
        # Once for the host, and once for what is tried after it.
        settings.write_text(f"server = {site}\n{trusted}\n[host.{site}]\n{trusted}\n")
        return (f"--hosts-dir={self._home}/hosts",)

    def push(self, layout: Layout, reference: str) -> None:
        """Pushes what a layout names bit for bit, an index with all its images."""
        archive = self._home / f"{layout.digest.removeprefix('sha256:')}.tar"
        with tarfile.open(archive, "w") as file:
            file.add(layout.path, ".")
        self.run("images", "import", "--all-platforms", "--no-unpack", "--base-name=imported", archive)
        self._push(*self._reach(reference), reference, f"imported:{layout.tag}")

    def _push(self, *arguments: str) -> None:
        """Pushes, and again where the stream between ctr and its own daemon broke off, as now and then it does."""
        for left in reversed(range(_PUSHES)):
            try:
                self.run("images", "push", *arguments)
            except ClientError as error:
                if _BROKEN_OFF not in str(error) or not left:
                    raise
            else:
                return

    def pull(self, reference: str, folder: Path) -> Layout:
        """Pulls what a reference names bit for bit, an index with all its images, and unpacks it.

        Unpacking compares what comes out of a layer with what the image's configuration says.
        """
        self.run("images", "pull", *self._reach(reference), "--snapshotter=native", "--all-platforms", reference)
        archive = self._home / "exported.tar"
        self.run("images", "export", "--all-platforms", "--skip-manifest-json", archive, reference)
        with tarfile.open(archive) as file:
            # An attribute, since Python 3.11.2 doesn't know the argument.
            file.extraction_filter = getattr(tarfile, "data_filter", None)
            file.extractall(folder)
        return Layout.read(folder)

    def fetch(self, reference: str, *flags: str) -> None:
        """Brings an image into the daemon's store, and unpacks nothing."""
        self.run("content", "fetch", *self._reach(reference), *flags, reference)

    def fetch_manifest(self, reference: str) -> bytes:
        """Returns what a reference names, and stores nothing."""
        # The command wants an object and ignores it.
        return self.run("content", "fetch-object", *self._reach(reference), reference, "the-manifest")

    def push_object(self, reference: str, digest: str, media_type: str) -> None:
        """Pushes one blob of the daemon's store."""
        self.run("content", "push-object", *self._reach(reference), reference, digest, media_type)

    def stored(self) -> list[str]:
        """Returns the digests of all that the daemon's store holds."""
        return self.run("content", "list", "--quiet").decode().split()
