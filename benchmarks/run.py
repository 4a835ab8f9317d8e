"""The measurements themselves."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from benchmarks.content import BLOB_SIZES, MANIFEST_TYPE, REPOSITORY, TAG, Content, make_content, seed
from benchmarks.memory import peak, reset_peak, resident
from benchmarks.nginx import Nginx
from benchmarks.push import Framing, Noise, push, push_many
from benchmarks.result import Result
from benchmarks.wrk import run_wrk
from tests.services.go_registry import GoRegistry
from tests.services.holdfast_server import HoldfastServer
from tests.services.server import Server
from tests.services.tools import Tool

__all__ = ["Plan", "Tools", "blob_file", "measure", "rotated"]

_MB = 1_000_000
_GO = GoRegistry.name

_QUIET = {"level": "error", "accesslog": {"disabled": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs of others that a run needs."""

    docker_registry: Tool
    nginx: Tool
    wrk: Tool


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        repetitions: Rounds; each round measures every server once, so that a slow minute of the machine hits all alike.
        seconds: Of load per server, work and round.
        push_size: Bytes of a pushed blob, a multiple of 1 MiB.
        pushers: Concurrent pushes while memory is watched.
        logs: Whether both registries log what they log by default, each request included; errors alone when not.
    """

    repetitions: int = 11
    seconds: int = 1
    push_size: int = 512 << 20
    pushers: int = 8
    logs: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Get:
    """One kind of download: where, and what it should reach."""

    result: Result
    path: str
    file: str
    accept: str = "*/*"

    def url(self, server: Server) -> str:
        """The URL at a registry, or of the file that a registry keeps for it."""
        return server.url + (self.file if server.name == "nginx" else self.path)


def measure(folder: Path, tools: Tools, plan: Plan, console: Console) -> list[Result]:
    """Measures everything, one server under load at a time.

    Args:
        folder: An empty folder for the data of all servers; a few gigabytes are written to it.
        tools: The programs.
        plan: How much to measure.
        console: Told what is going on.
    """
    content = make_content()
    noise = Noise(folder / "noise", plan.push_size)
    with _servers(folder, tools, content, logs=plan.logs) as servers:
        results = _measure_gets(servers, content, tools.wrk, plan, console)
        registries = [server for server in servers if server.name != "nginx"]
        results.extend(_measure_pushes(registries, noise, plan, console))
        results.append(_measure_memory(registries, noise, plan, console))
    return results


@contextmanager
def _servers(folder: Path, tools: Tools, content: Content, *, logs: bool) -> Iterator[list[Server]]:
    """All servers, started and with the same content; nginx serves the files of the Go registry."""
    scratch = folder / "scratch"
    ours, theirs = folder / "holdfast", folder / "docker-registry"
    for path in (scratch, ours, theirs):
        path.mkdir()
    servers: list[Server] = [
        HoldfastServer(root=ours, scratch=scratch, config={} if logs else {"log": _QUIET}),
        GoRegistry(tool=tools.docker_registry, root=theirs, scratch=scratch, logs=logs),
        Nginx(tool=tools.nginx, root=theirs, scratch=scratch),
    ]
    with ExitStack() as stack:
        for server in servers:
            stack.enter_context(server)
            if server.name != "nginx":
                seed(server, content)
        os.sync()
        yield servers


def _gets(content: Content) -> list[_Get]:
    manifests = f"/v2/{REPOSITORY}/manifests"
    gets = [
        _Get(
            result=Result(name=f"GET manifest by {kind}", unit="requests/s", ratios={_GO: 10}),
            path=f"{manifests}/{reference}",
            file="/" + blob_file(content.digest("manifest")),
            accept=MANIFEST_TYPE,
        )
        for kind, reference in (("tag", TAG), ("digest", content.digest("manifest")))
    ]
    blobs: list[Result] = [
        Result(name="GET blob 4 KiB", unit="requests/s", ratios={_GO: 12}),
        Result(name="GET blob 1 MiB", unit="MB/s", ratios={_GO: 2}),
        Result(name="GET blob 64 MiB", unit="MB/s", ratios={_GO: 1}),
    ]
    for name, result in zip(BLOB_SIZES, blobs, strict=True):
        path = f"/v2/{REPOSITORY}/blobs/{content.digest(name)}"
        gets.append(_Get(result=result, path=path, file="/" + blob_file(content.digest(name))))
    return gets


def _measure_gets(servers: list[Server], content: Content, wrk: Tool, plan: Plan, console: Console) -> list[Result]:
    gets = _gets(content)
    for repetition in range(plan.repetitions):
        console.print(f"downloads, round {repetition + 1} of {plan.repetitions}")
        for get in gets:
            for server in rotated(servers, repetition):
                load = run_wrk(wrk, get.url(server), accept=get.accept, seconds=plan.seconds, scratch=server.scratch)
                in_bytes = get.result.unit == "MB/s"
                get.result.add(server.name, load.bytes_per_second / _MB if in_bytes else load.requests_per_second)
    return [get.result for get in gets]


def _measure_pushes(registries: list[Server], noise: Noise, plan: Plan, console: Console) -> list[Result]:
    name = f"push of {noise.size >> 20} MiB"
    results = {
        Framing.CHUNKED: Result(name=f"{name}, chunked", unit="MB/s", ratios={_GO: 2.5}),
        Framing.LENGTH: Result(name=f"{name}, length known", unit="MB/s", ratios={_GO: 2.5}),
    }
    for repetition in range(plan.repetitions):
        console.print(f"pushes, round {repetition + 1} of {plan.repetitions}")
        for framing, result in results.items():
            for server in rotated(registries, repetition):
                blob = noise.variant()
                _claim_memory(server.scratch / "memory", 2 * noise.size)
                seconds = push(server, "bench/push", blob, framing)
                result.add(server.name, noise.size / seconds / _MB)
                # What one leaves to be written to the disk must not slow down the next.
                (server.root / blob_file(blob.digest)).unlink()
                os.sync()
    return list(results.values())


def _claim_memory(path: Path, size: int) -> None:
    """Make sure that a push finds memory for the disk's cache, and some to spare, that was in use just before.

    A virtual machine gives memory that it doesn't use back to its host, and waits a second for 512 MiB when it needs
    them again: whichever registry comes first after a pause would pay for that.
    """
    piece = bytes(1 << 20)
    with path.open("wb", buffering=0) as file:
        for _ in range(size >> 20):
            file.write(piece)
    path.unlink()


def _measure_memory(registries: list[Server], noise: Noise, plan: Plan, console: Console) -> Result:
    """Each server is started anew, so that idle means idle."""
    name = f"memory above idle in {plan.pushers} pushes of {noise.size >> 20} MiB"
    result = Result(name=name, unit="MB", limit=250)
    for server in registries:
        console.print(f"memory of {server.name}")
        server.stop()
        server.start()
        idle = resident(server.pid)
        reset_peak(server.pid)
        push_many(server, "bench/memory", [noise.variant() for _ in range(plan.pushers)])
        result.add(server.name, (peak(server.pid) - idle) / _MB)
        os.sync()
    return result


def blob_file(digest: str) -> str:
    """Where both registries keep a blob, below their root."""
    algorithm, hexadecimal = digest.split(":")
    return f"docker/registry/v2/blobs/{algorithm}/{hexadecimal[:2]}/{hexadecimal}/data"


def rotated(servers: list[Server], by: int) -> list[Server]:
    """The servers beginning with another one each round: none is always the one after the slowest."""
    turn = by % len(servers)
    return servers[turn:] + servers[:turn]
