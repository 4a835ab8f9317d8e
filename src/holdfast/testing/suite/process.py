"""Another process on the same store."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import anyio.to_thread
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from holdfast.testing.store import Store

__all__ = ["OtherProcess", "other_process"]

_PROGRAM = """
import asyncio, json, sys
from contextlib import aclosing
from holdfast import storage
from holdfast.storage import errors

answers, sys.stdout = sys.stdout, sys.stderr  # what a driver logs is no answer

async def act(driver, writers, op, path, text):
    content = text.encode()
    if op == "put":
        await driver.put_content(path, content)
    elif op == "create":
        await driver.put_content(path, content, precondition=storage.CreateOnly())
    elif op == "get":
        return (await driver.get_content(path)).decode()
    elif op == "delete":
        await driver.delete(path)
    elif op in ("open", "append"):
        writers[path] = await driver.writer(path, append=op == "append")
    elif op == "resume":
        writers[path] = await driver.writer(path, append=True, resume_token=text)
    elif op == "write":
        await writers[path].write(content)
    elif op == "token":
        return writers[path].resume_token
    elif op == "size":
        return writers[path].size
    else:
        await getattr(writers[path], op)()

async def main():
    async with aclosing(storage.create(sys.argv[1], json.loads(sys.argv[2]))) as driver:
        writers = {}
        for line in sys.stdin:
            try:
                answer = {"value": await act(driver, writers, *json.loads(line))}
            except errors.StorageError as error:
                answer = {"error": type(error).__name__}
            print(json.dumps(answer), file=answers, flush=True)

asyncio.run(main())
"""


class OtherProcess:
    """A Python process that has the store open, and does one thing after the other with it."""

    def __init__(self, process: subprocess.Popen[str], stdin: IO[str], stdout: IO[str]) -> None:
        self._process = process
        self._stdin = stdin
        self._stdout = stdout

    async def do(self, op: str, path: str, text: str = "") -> Any:
        """Do something there, and return what it returned or `{"error": the error's class}`."""
        return await anyio.to_thread.run_sync(self._do, op, path, text)

    def kill(self) -> None:
        """End it at once, as `kill -9` does: it closes nothing."""
        self._process.kill()
        self._process.wait()

    def _do(self, op: str, path: str, text: str) -> Any:
        self._stdin.write(json.dumps([op, path, text]) + "\n")
        self._stdin.flush()
        line = self._stdout.readline()
        if not line:
            raise RuntimeError(f"the other process ended with status {self._process.wait()} at {op} {path}")
        answer = json.loads(line)
        return answer if "error" in answer else answer["value"]


@contextmanager
def other_process(store: Store) -> Iterator[OtherProcess]:
    """Start another process on a store; it is killed on leaving."""
    if store.name is None or store.parameters is None:
        pytest.fail("a shared driver's Store needs `name` and `parameters`, so that another process can create it")
    command = [sys.executable, "-c", _PROGRAM, store.name, json.dumps(dict(store.parameters))]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("pipes were asked for")
        other = OtherProcess(process, process.stdin, process.stdout)
        try:
            yield other
        finally:
            other.kill()
