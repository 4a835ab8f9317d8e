"""The servers themselves: they come up, several at once, leave nothing behind, and say why they don't."""

import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.services.server import ServerError, free_port
from tests.services.stores.azurite import AzuriteService
from tests.services.stores.bucket import FreshBucket
from tests.services.stores.exchange import StoreError
from tests.services.stores.fake_gcs import FakeGcsService
from tests.services.stores.process import StoreProcess, StoreServer, run_to_end
from tests.services.stores.required import (
    require_azurite,
    require_ceph,
    require_fake_gcs,
    require_moto,
    require_swift,
)
from tests.services.stores.s3 import S3Service
from tests.services.stores.swift_container import SwiftService

_Make = Callable[[Path], StoreServer[Any]]

_SERVERS: dict[str, _Make] = {
    "azurite": require_azurite,
    # The same daemons, and quicker to come up.
    "ceph": partial(require_ceph, in_memory=True),
    "fake_gcs": require_fake_gcs,
    "moto": require_moto,
    "swift": require_swift,
}


def _fresh_bucket(service: S3Service | AzuriteService | FakeGcsService | SwiftService) -> FreshBucket:
    return service.new_bucket()


@pytest.mark.parametrize("name", _SERVERS)
def test_comes_up_twice_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    """Two servers of a kind run at once, know nothing of each other, and are gone afterwards, children and all."""
    with ExitStack() as stack:
        first, second = (stack.enter_context(_SERVERS[name](tmp_path / side)) for side in ("first", "second"))
        buckets = [_fresh_bucket(server.service) for server in (first, second)]
        buckets[0].put("a", b"of the first")
        with pytest.raises(StoreError):
            buckets[1].get("a")
        pids = [*first.pids, *second.pids]
        children = [child.pid for pid in pids for child in psutil.Process(pid).children(recursive=True)]

        assert all(psutil.pid_exists(pid) for pid in pids)

    assert [] == [pid for pid in (*pids, *children) if psutil.pid_exists(pid)]


@pytest.mark.parametrize("name", ["ceph", "fake_gcs"])
def test_failed_start_says_why(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the last process of a store can't run, the error has its words, and no process is left."""
    started: list[int] = []
    server = _SERVERS[name](tmp_path)
    run = server.run

    def spoil(process: StoreProcess, *, deadline: float = 60) -> None:
        if process.name in {"ceph-mon", "ceph-osd"}:
            run(process, deadline=deadline)
            started.append(process.pid)
            return
        script = "import sys; print('out of patience', file=sys.stderr); sys.exit(3)"
        run(StoreProcess(name="spoilt", command=[sys.executable, "-c", script], folder=tmp_path, ready=lambda: False))

    monkeypatch.setattr(server, "run", spoil)
    with pytest.raises(ServerError, match=r"(?s)spoilt ended with status 3.*out of patience"):
        server.start()

    assert [] == server.pids
    assert [] == [pid for pid in started if psutil.pid_exists(pid)]


class _Listener(StoreServer[int]):
    """A store that only listens: first on a port that it is told, then on free ones."""

    name = "listener"

    def __init__(self, folder: Path, *, port: int | None = None) -> None:
        super().__init__(folder)
        self._ports = [] if port is None else [port]

    def launch(self, folder: Path) -> int:
        """Starts it."""
        port = self._ports.pop() if self._ports else free_port()
        script = f"import socket, time\ns = socket.create_server(('127.0.0.1', {port}))\ntime.sleep(60)"
        self.run(StoreProcess(name="listener", command=[sys.executable, "-c", script], folder=folder, port=port))
        return port


def test_taken_port_is_left_to_its_owner(tmp_path: Path) -> None:
    """A port that is somebody else's by the time of the start is not taken for the store's: it starts on another."""
    with (
        socket.create_server(("127.0.0.1", 0)) as owner,
        _Listener(tmp_path, port=owner.getsockname()[1]) as server,
    ):
        assert owner.getsockname()[1] != server.service


def test_death_during_the_session_is_told(tmp_path: Path) -> None:
    """A process that ended by itself is no clean stop."""
    server = _Listener(tmp_path)
    server.start()
    psutil.Process(server.pids[0]).kill()
    psutil.Process(server.pids[0]).wait()
    with pytest.raises(ServerError, match="listener has ended by itself"):
        server.stop()

    assert [] == server.pids


def test_nothing_is_left_of_a_killed_run(tmp_path: Path) -> None:
    """Where the process that started a store is killed, the store ends too."""
    script = """
import sys, time
from pathlib import Path
import psutil
from tests.services.stores.process import StoreProcess
ready = lambda: psutil.Process(process.pid).name() == "sleep"
process = StoreProcess(name="store", command=["sleep", "60"], folder=Path(sys.argv[1]), ready=ready)
process.start()
print(process.pid, flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", script, tmp_path], stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        store = psutil.Process(int(run.stdout.readline()))
        run.kill()

    store.wait(timeout=10)

    assert not store.is_running()


def test_failed_preparation_says_why() -> None:
    """A command that prepares a store, and fails or isn't there, is named with what it printed."""
    with pytest.raises(ServerError, match=r"(?s)status 2.*no such thing"):
        run_to_end(["sh", "-c", "echo no such thing >&2; exit 2"])
    with pytest.raises(ServerError, match="/no/such/program"):
        run_to_end(["/no/such/program"])
