"""A client of the store alone, as fast as Python's fastest is: what a registry on it could do if it cost nothing.

Runs as a process of its own, as the registries do: `python -m benchmarks.s3.peer`, told by JSON what to ask for.
"""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

import obstore
from obstore.store import S3Store

from benchmarks.wrk import Load

__all__ = ["NAME", "Step", "run_peer"]

NAME = "obstore"

Step: TypeAlias = tuple[Literal["head", "get"], str]
"""A request: what is done, and the key."""


def run_peer(parameters: Mapping[str, Any], steps: Sequence[Step], *, seconds: float, in_flight: int) -> Load:
    """Ask for the same objects again and again.

    Args:
        parameters: The bucket, as the driver takes it.
        steps: The requests that come one after the other, and are counted as one.
        seconds: How long.
        in_flight: How many of those run at once.
    """
    order = {"parameters": dict(parameters), "steps": steps, "seconds": seconds, "in_flight": in_flight}
    command = [sys.executable, "-m", __name__]
    done = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


async def _ask(store: S3Store, steps: Sequence[Step]) -> int:
    size = 0
    for kind, key in steps:
        if kind == "head":
            await obstore.head_async(store, key)
        else:
            async for chunk in (await obstore.get_async(store, key)).stream():
                size += len(chunk)
    return size


async def _run(order: Mapping[str, Any]) -> Load:
    parameters = order["parameters"]
    store = S3Store(
        parameters["bucket"],
        endpoint=parameters["regionendpoint"],
        region=parameters["region"],
        access_key_id=parameters["accesskey"],
        secret_access_key=parameters["secretkey"],
        virtual_hosted_style_request=False,
        client_options={"allow_http": True},
    )
    began = time.perf_counter()
    end = began + order["seconds"]
    requests = received = 0

    async def repeat() -> None:
        nonlocal requests, received
        while time.perf_counter() < end:
            size = await _ask(store, order["steps"])
            received += size  # not in one line with the await: what others add meanwhile would be lost
            requests += 1

    await asyncio.gather(*(repeat() for _ in range(order["in_flight"])))
    elapsed = time.perf_counter() - began
    return Load(requests_per_second=requests / elapsed, bytes_per_second=received / elapsed)


if __name__ == "__main__":
    load = asyncio.run(_run(json.load(sys.stdin)))
    print(json.dumps({"requests_per_second": load.requests_per_second, "bytes_per_second": load.bytes_per_second}))
    sys.stdout.flush()
    # Before Python 3.14, a thread of obstore that is just giving something back aborts an interpreter that ends.
    os._exit(0)
