"""The server processes of a store: started together, ended together."""

import re
import shutil
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Generic, Self, TypeVar

import psutil

from tests.services.server import Server, ServerError, free_port

__all__ = ["StoreProcess", "StoreServer", "run_to_end"]

ServiceT = TypeVar("ServiceT")

# A port that was free a moment ago may be somebody else's by now.
_STARTS = 3
_PORT_TAKEN = re.compile(r"address (is )?(already )?in use|EADDRINUSE|Errno 98", re.IGNORECASE)

# Ends the process with ours, should a test run be killed.
_SETPRIV = shutil.which("setpriv")


class StoreProcess(Server):
    """One process of a store.

    Args:
        name: What it is called in messages.
        command: Its command line.
        folder: Where its output goes.
        port: What it listens on, None for one that nobody has to reach.
        ready: Whether it answers as it should; called until it does, once it listens.
        environment: Its whole environment, None for ours.
        grace: How many seconds it may take to end, before it is killed: its data is thrown away.
    """

    ready_path = "/"

    def __init__(
        self,
        *,
        name: str,
        command: Sequence[str | Path],
        folder: Path,
        port: int | None = None,
        ready: Callable[[], bool] = lambda: True,
        environment: Mapping[str, str] | None = None,
        grace: float = 5,
    ) -> None:
        self.name = name
        super().__init__(root=folder, scratch=folder, port=port)
        self._listens = port is not None
        self._command = [str(word) for word in command]
        self._ready = ready
        self._environment = environment
        self._grace = grace

    def command(self) -> list[str]:
        """Returns the command line."""
        return [*([_SETPRIV, "--pdeathsig=KILL"] if _SETPRIV else []), *self._command]

    def environment(self) -> dict[str, str] | None:
        """Returns the process's whole environment, None for ours."""
        return None if self._environment is None else dict(self._environment)

    def ended(self) -> bool:
        """Whether it has ended by itself."""
        return self._running().poll() is not None

    def reap(self) -> None:
        """Waits until it has ended, after `terminate`, and kills it if that takes too long."""
        process = self._running()
        try:
            process.wait(self._grace)
        except subprocess.TimeoutExpired:
            process.kill()
        self.wait()

    def _answers(self) -> bool:
        try:
            return self._is_listening() and self._ready()
        except OSError:
            return False

    def _is_listening(self) -> bool:
        """Whether it is this process that has the port: somebody else's server may answer there, too."""
        if not self._listens:
            return True
        try:
            sockets = psutil.Process(self.pid).net_connections("tcp")
        except psutil.NoSuchProcess:
            return False
        return any(one.status == psutil.CONN_LISTEN and one.laddr.port == self.port for one in sockets)


class StoreServer(ABC, Generic[ServiceT]):
    """A store's processes: all started when the context is entered, all gone when it is left, by their own pids.

    Args:
        folder: A folder for all that they write.
    """

    name: ClassVar[str]

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._processes: list[StoreProcess] = []
        self._service: ServiceT | None = None

    @abstractmethod
    def launch(self, folder: Path) -> ServiceT:
        """Starts the processes in an empty folder, by `run`, and returns what they serve.

        Raises:
            ServerError: One did not come up; what was started is ended by the caller.
        """

    @property
    def service(self) -> ServiceT:
        """What is served; `ServerError` when it is not running."""
        if self._service is None:
            msg = f"{self.name} is not running"
            raise ServerError(msg)
        return self._service

    @property
    def pids(self) -> list[int]:
        """The ids of the running processes."""
        return [process.pid for process in self._processes]

    def run(self, process: StoreProcess, *, deadline: float = 60) -> None:
        """Starts one process more and waits until it answers.

        Raises:
            ServerError: It ended, or did not answer within `deadline` seconds; the message has what it printed.
        """
        process.start(deadline=deadline)
        self._processes.append(process)

    def start(self) -> None:
        """Starts the processes and waits until all answer.

        Raises:
            ServerError: One did not; the message has what it printed, and none is left.
        """
        for attempt in range(1, _STARTS + 1):
            folder = self._folder / f"{self.name}-{attempt}-{free_port()}"
            folder.mkdir(parents=True)
            try:
                self._service = self.launch(folder)
            except ServerError as error:
                # What one process complains of may be the end of another.
                story = "\n".join([str(error), *self._ended()])
                self._end()
                if attempt == _STARTS or not _PORT_TAKEN.search(story):
                    raise ServerError(story) from error
            except BaseException:
                self._end()
                raise
            else:
                return

    def stop(self) -> None:
        """Ends the processes; nothing when none runs.

        Raises:
            ServerError: One had ended by itself, while it was needed.
        """
        ended = self._ended()
        self._end()
        if ended:
            raise ServerError("\n".join(ended))

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ended(self) -> list[str]:
        ended = [process for process in self._processes if process.ended()]
        return [f"{process.name} has ended by itself\n{process.output()}" for process in ended]

    def _end(self) -> None:
        self._service = None
        for process in reversed(self._processes):
            process.terminate()
        while self._processes:
            self._processes.pop().reap()


def run_to_end(
    command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None, timeout: float = 60
) -> str:
    """Runs a command that prepares a store, and returns what it printed.

    Raises:
        ServerError: It failed, or took too long; the message has what it printed.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
            env=environment,
            timeout=timeout,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        msg = f"{words[0]}: {error}"
        raise ServerError(msg) from error
    if done.returncode:
        msg = f"{' '.join(words)} ended with status {done.returncode}\n{done.stdout}"
        raise ServerError(msg)
    return done.stdout
