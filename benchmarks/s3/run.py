"""The measurements on a bucket."""

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from benchmarks.content import MANIFEST_TYPE, REPOSITORY, TAG, Content, make_content, seed
from benchmarks.push import Framing, Noise, push
from benchmarks.result import Result
from benchmarks.run import blob_file, rotated
from benchmarks.s3 import peer
from benchmarks.s3.crowd import REPOSITORIES, TAGGED, TAGS, put_crowd
from benchmarks.wrk import CONNECTIONS, run_wrk
from tests.services.go_registry import GoRegistry
from tests.services.holdfast_server import HoldfastServer
from tests.services.server import Server
from tests.services.stores.ceph import Ceph, CephPrograms
from tests.services.tools import Tool

__all__ = ["PEERS", "Plan", "Tools", "measure"]

PEERS = (GoRegistry.name, peer.NAME)

_MB = 1_000_000
_SHARE = 0.7
"""What of the store's own rate a download is to reach."""

_LARGE_SECONDS = 8
"""At least so long for large downloads: of 64 MiB each, all connections together have a gigabyte on its way."""

_LOGS: dict[str, object] = {"level": "error", "accesslog": {"disabled": True}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """The programs of others that a run needs."""

    docker_registry: Tool
    wrk: Tool
    ceph: CephPrograms


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is measured.

    Attributes:
        repetitions: Rounds; each measures everybody once.
        seconds: Of load per server, work and round.
        push_size: Bytes of a pushed blob, a multiple of 1 MiB.
        tags: How many tags are listed.
        repositories: How many repositories are listed.
    """

    repetitions: int = 3
    seconds: int = 3
    push_size: int = 512 << 20
    tags: int = TAGS
    repositories: int = REPOSITORIES


@dataclass(frozen=True, slots=True, kw_only=True)
class _Get:
    """One kind of download: from a registry, and what of the store's objects it takes."""

    result: Result
    path: str
    steps: Sequence[peer.Step]
    accept: str = "*/*"


def measure(folder: Path, tools: Tools, plan: Plan, console: Console) -> list[Result]:
    """Measures everything, one server under load at a time.

    Args:
        folder: An empty folder for the store's data; some gigabytes are written to it.
        tools: The programs.
        plan: How much to measure.
        console: Told what is going on.
    """
    store_folder = folder / "ceph"
    store_folder.mkdir()
    with Ceph(store_folder, programs=tools.ceph) as store:
        parameters = store.service.new_bucket().parameters()
        content = make_content()
        with _registries(folder, tools, parameters) as registries:
            console.print("filling the bucket")
            seed(registries[0], content)
            put_crowd(parameters, content.manifest, tags=plan.tags, repositories=plan.repositories)
            return [
                *_measure_gets(registries, parameters, _gets(content), plan, console, wrk=tools.wrk),
                *_measure_lists(registries, plan, console),
                *_measure_pushes(registries, Noise(folder / "noise", plan.push_size), plan, console),
            ]


@contextmanager
def _registries(folder: Path, tools: Tools, parameters: dict[str, Any]) -> Iterator[list[Server]]:
    """Both registries on the same bucket."""
    scratch = folder / "scratch"
    scratch.mkdir()
    ours = HoldfastServer(
        root=folder, scratch=scratch, driver={"s3": {**parameters, "profile": "ceph"}}, config=_CONFIG
    )
    theirs = GoRegistry(
        tool=tools.docker_registry,
        root=folder,
        scratch=scratch,
        driver={"s3": {**parameters, "secure": False, "v4auth": True}},
        further={"catalog": {"maxentries": _CATALOG}},
    )
    with ours, theirs:
        yield [ours, theirs]


_CATALOG = 5000
"""More repositories than there are."""

_CONFIG: dict[str, dict[str, object]] = {
    "log": _LOGS,
    "storage": {"redirect": {"disable": True}, "delete": {"enabled": True}},
    "catalog": {"maxentries": _CATALOG},
}


def _gets(content: Content) -> list[_Get]:
    manifest, blob, large = content.digest("manifest"), content.digest("4 KiB"), content.digest("64 MiB")
    repository = f"docker/registry/v2/repositories/{REPOSITORY}"
    manifests = f"/v2/{REPOSITORY}/manifests"

    def link(kind: str, digest: str) -> str:
        return f"{repository}/{kind}/{digest.replace(':', '/')}/link"

    return [
        _Get(
            result=Result(name="GET manifest by tag", unit="requests/s", ratios={PEERS[0]: 3, PEERS[1]: _SHARE}),
            path=f"{manifests}/{TAG}",
            steps=[("get", f"{repository}/_manifests/tags/{TAG}/current/link")],
            accept=MANIFEST_TYPE,
        ),
        _Get(
            result=Result(name="GET manifest by digest", unit="requests/s", ratios={PEERS[0]: 2, PEERS[1]: _SHARE}),
            path=f"{manifests}/{manifest}",
            steps=[("head", link("_manifests/revisions", manifest))],
            accept=MANIFEST_TYPE,
        ),
        _Get(
            result=Result(name="GET blob 4 KiB", unit="requests/s", ratios={PEERS[0]: 2, PEERS[1]: _SHARE}),
            path=f"/v2/{REPOSITORY}/blobs/{blob}",
            steps=[("head", link("_layers", blob)), ("get", blob_file(blob))],
        ),
        _Get(
            result=Result(name="GET blob 64 MiB", unit="MB/s", ratios={PEERS[0]: 1, PEERS[1]: _SHARE}),
            path=f"/v2/{REPOSITORY}/blobs/{large}",
            steps=[("head", link("_layers", large)), ("get", blob_file(large))],
        ),
    ]


def _measure_gets(
    registries: list[Server], parameters: dict[str, Any], gets: list[_Get], plan: Plan, console: Console, *, wrk: Tool
) -> list[Result]:
    for repetition in range(plan.repetitions):
        console.print(f"downloads, round {repetition + 1} of {plan.repetitions}")
        for get in gets:
            in_bytes = get.result.unit == "MB/s"
            seconds = max(plan.seconds, _LARGE_SECONDS) if in_bytes else plan.seconds
            for server in rotated(registries, repetition):
                url = f"{server.url}{get.path}"
                load = run_wrk(wrk, url, accept=get.accept, seconds=seconds, scratch=server.scratch)
                get.result.add(server.name, load.bytes_per_second / _MB if in_bytes else load.requests_per_second)
            load = peer.run_peer(parameters, get.steps, seconds=seconds, in_flight=CONNECTIONS)
            get.result.add(peer.NAME, load.bytes_per_second / _MB if in_bytes else load.requests_per_second)
    return [get.result for get in gets]


def _measure_lists(registries: list[Server], plan: Plan, console: Console) -> list[Result]:
    """Whole lists, asked for by as many clients as everything else; and, for whoever is alone, one after the other."""
    lists = {
        f"list of {plan.tags:,} tags": (f"/v2/{TAGGED}/tags/list", "tags", plan.tags),
        f"catalog of {plan.repositories:,} repositories": (
            f"/v2/_catalog?n={_CATALOG}",
            "repositories",
            plan.repositories,
        ),
    }
    results: list[Result] = []
    for name, (path, kind, expected) in lists.items():
        many = Result(name=name, unit="requests/s", ratios={PEERS[0]: 5})
        alone = Result(name=f"{name}, one client", unit="requests/s")
        for repetition in range(plan.repetitions):
            console.print(f"{name}, round {repetition + 1} of {plan.repetitions}")
            for server in rotated(registries, repetition):
                with httpx.Client(base_url=server.url, timeout=300) as client:  # made here: it takes longer than a list
                    alone.add(server.name, 1 / _list(client, path, kind, expected))
                    many.add(server.name, _list_together(client, path, kind, expected))
        results += [many, alone]
    return results


def _list_together(client: httpx.Client, path: str, kind: str, expected: int) -> float:
    """The lists per second that clients get who ask all at once, twice; with wrk, some wouldn't be done in its time."""
    began = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as clients:
        asked = [clients.submit(client.get, path) for _ in range(2 * CONNECTIONS)]
        answers = [one.result() for one in asked]
    elapsed = time.perf_counter() - began
    for answer in answers:  # reading them takes as long as getting them: not while others are timed
        _check_list(answer, kind, expected)
    return len(asked) / elapsed


def _list(client: httpx.Client, path: str, kind: str, expected: int) -> float:
    """The seconds that a whole list takes; raises as `_check_list`."""
    began = time.perf_counter()
    answer = client.get(path)
    elapsed = time.perf_counter() - began
    _check_list(answer, kind, expected)
    return elapsed


def _check_list(answer: httpx.Response, kind: str, expected: int) -> None:
    """`AssertionError` where it isn't as long as it is."""
    found = answer.raise_for_status().json()[kind]
    if len(found) < expected:
        msg = f"{answer.url} listed {len(found)} {kind} instead of {expected}"
        raise AssertionError(msg)


def _measure_pushes(registries: list[Server], noise: Noise, plan: Plan, console: Console) -> list[Result]:
    name = f"push of {noise.size >> 20} MiB"
    results = {
        Framing.CHUNKED: Result(name=f"{name}, chunked", unit="MB/s", ratios={PEERS[0]: 2.5}),
        Framing.LENGTH: Result(name=f"{name}, length known", unit="MB/s", ratios={PEERS[0]: 2.5}),
    }
    for repetition in range(plan.repetitions):
        console.print(f"pushes, round {repetition + 1} of {plan.repetitions}")
        for framing, result in results.items():
            for server in rotated(registries, repetition):
                seconds = push(server, "bench/push", noise.variant(), framing)
                result.add(server.name, noise.size / seconds / _MB)
    return list(results.values())
