"""A registry that runs as a process of its own."""

import http.client
import random
import signal
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

__all__ = ["Server", "ServerError", "free_port", "uncredentialed"]

_PORTS = range(12_000, 32_000)
"""Above those of services, below those that Linux gives to connections (ip_local_port_range)."""

_DRAW = random.SystemRandom()
_drawn: set[int] = set()

_CREDENTIALS = ("AWS_", "AZURE_", "GOOGLE_", "REGISTRY_")


class ServerError(Exception):
    """The process did not come up, or did not end; the message carries what it printed."""


def free_port() -> int:
    """Returns a loopback port that nobody listened on a moment ago, each time another one.

    Not one that the kernel chooses: from the same ports it takes one for each connection that is made, and so between
    this and the server's start. Groups of tests run side by side; that two of them draw the same is unlikely.
    """
    while True:
        port = _DRAW.choice(_PORTS)
        if port not in _drawn:
            _drawn.add(port)
            with socket.socket() as listener, suppress(OSError):
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", port))
                return port


def uncredentialed(environment: Mapping[str, str]) -> dict[str, str]:
    """Returns an environment without what would configure a registry or its store behind the test's back."""
    return {key: value for key, value in environment.items() if not key.startswith(_CREDENTIALS)}


class Server(ABC):
    """A server process: started when the context is entered, gone when it is left, by its own pid.

    The port stays the same over restarts, so that the location of an upload means the same thing afterwards.

    Args:
        root: The data folder; the server may share it with nobody while it runs.
        scratch: A folder for its configuration and its output.
        port: A loopback port; a free one when not given.
    """

    name: str
    ready_path = "/v2/"

    def __init__(self, *, root: Path, scratch: Path, port: int | None = None) -> None:
        self.root = root
        self.scratch = scratch
        self.port = free_port() if port is None else port
        self._log_path = scratch / f"{self.name}-{self.port}.log"
        self._log: IO[bytes] | None = None
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """Returns the command line; called once per start."""

    def environment(self) -> dict[str, str] | None:
        """Returns the process's whole environment, None for ours."""
        return None

    @property
    def address(self) -> str:
        """The `host:port` that clients use."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return f"http://{self.address}"

    @property
    def pid(self) -> int:
        """The process id; `ServerError` when it is not running."""
        return self._running().pid

    def output(self) -> str:
        """Returns everything printed so far, by all runs of this server, both streams."""
        return self._log_path.read_text(errors="replace") if self._log_path.exists() else ""

    def start(self, *, deadline: float = 20) -> None:
        """Starts the process and waits until it answers.

        Raises:
            ServerError: it ended, or did not answer within `deadline` seconds (then it is killed).
        """
        if self._process is not None:
            msg = f"{self.name} runs already"
            raise ServerError(msg)
        self.scratch.mkdir(parents=True, exist_ok=True)
        self._log = self._log_path.open("ab")
        try:
            self._process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=subprocess.STDOUT,
                env=self.environment(),
            )
            self._wait_until_ready(self._process, deadline)
        except BaseException:
            self.kill()
            raise

    def terminate(self) -> None:
        """Sends SIGTERM and returns at once."""
        self._running().send_signal(signal.SIGTERM)

    def wait(self, *, timeout: float = 30) -> int:
        """Waits for the process to end and returns its exit status.

        Raises:
            ServerError: it did not end within `timeout` seconds (then it is killed).
        """
        process = self._running()
        try:
            status = process.wait(timeout)
        except subprocess.TimeoutExpired as exc:
            self.kill()
            msg = f"{self.name} did not end within {timeout} s of being asked to\n{self.output()}"
            raise ServerError(msg) from exc
        self._forget()
        return status

    def stop(self, *, timeout: float = 30) -> int:
        """Sends SIGTERM, waits for the end, and returns the exit status; 0 when it is not running."""
        if self._process is None:
            return 0
        self.terminate()
        return self.wait(timeout=timeout)

    def kill(self) -> None:
        """Ends the process with SIGKILL and reaps it; nothing when it is not running."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._forget()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            msg = f"{self.name} is not running"
            raise ServerError(msg)
        return self._process

    def _forget(self) -> None:
        self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None

    def _wait_until_ready(self, process: subprocess.Popen[bytes], deadline: float) -> None:
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if process.poll() is not None:
                msg = f"{self.name} ended with status {process.returncode} before it answered\n{self.output()}"
                raise ServerError(msg)
            if self._answers():
                return
            time.sleep(0.02)
        msg = f"{self.name} did not answer {self.url}{self.ready_path} within {deadline} s\n{self.output()}"
        raise ServerError(msg)

    def connection(self) -> http.client.HTTPConnection:
        """Returns a new connection, not yet open, to ask whether the server is up."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)

    def _answers(self) -> bool:
        connection = self.connection()
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            # Not listening yet, or listening and not serving yet: asked again until the deadline.
            return False
        finally:
            connection.close()
