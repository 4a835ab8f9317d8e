"""A registry with a little in it, served by the real server, and everything that must not change there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid5

import anyio
import structlog
from structlog.typing import EventDict

from holdfast.registry.http.routes import Application
from holdfast.registry.store.upload_state import UploadState, seal
from holdfast.storage.errors import PathNotFoundError
from tests.registry.client import NAME, Client, digest_of, make_image, make_index
from tests.registry.http.hostile.wire import exchange, request
from tests.registry.serving import running
from tests.registry.storages import SECRET, Storage

__all__ = ["BLOB", "DIGEST", "IMAGE", "INDEX", "OPEN_UUID", "Stage", "open_location", "raised", "sealed", "uuid_of"]

IMAGE = make_image()
INDEX = make_index([IMAGE])
BLOB = IMAGE.blobs[1]
DIGEST = digest_of(BLOB)
OPEN_UUID = "01234567-89ab-cdef-0123-456789abcdef"
_BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
_ARRIVED = b"arrived before"


def uuid_of(what: str) -> str:
    """An upload of its own for everything: one that nothing is stored of."""
    return str(uuid5(NAMESPACE_URL, what))


def sealed(uuid: str, *, name: str = NAME, secret: str = SECRET, **state: Any) -> str:
    """An upload's state, as the registry signs it."""
    chosen: dict[str, Any] = {"started": _BEGUN} | state
    return seal(UploadState(name=name, uuid=uuid, **chosen), secret.encode())


def open_location(**state: Any) -> str:
    """The location of the one upload that is open."""
    chosen = {"stored": True} | state
    return f"/v2/{NAME}/blobs/uploads/{OPEN_UUID}?_state={sealed(OPEN_UUID, **chosen)}"


class Stage:
    """What rows of the table are played on.

    Attributes:
        port: Where the server listens.
        app: What it serves.
        storage: What is stored.
        logged: What was logged.
        failed: What asyncio had to report, as no task did.
    """

    def __init__(self, port: int, app: Application, storage: Storage) -> None:
        self.port = port
        self.app = app
        self.storage = storage
        self.logged: list[EventDict] = []
        self.failed: list[dict[str, Any]] = []
        self.stored: dict[str, bytes] = {}
        self._unfinished: list[str] = []
        self._tasks: set[asyncio.Task[Any]] = set()
        self._files: dict[str, str] = {}

    async def remember(self) -> None:
        """Remember what is stored, once the server has what it needs to run."""
        await exchange(self.port, request("GET", "/v2/"))
        self.stored = await self.storage.files()
        self._unfinished = await self.storage.uploads()

    def begin(self) -> None:
        """Remember what is open and running, and begin to look."""
        self.logged.clear()
        self.failed.clear()
        self._tasks = asyncio.all_tasks()
        self._files = _open_files()

    async def restore(self) -> None:
        """Remove what was stored meanwhile, or take what can't be removed for what there is."""
        for path in {*await self.storage.files(), *await self.storage.uploads()} - {*self.stored, *self._unfinished}:
            with contextlib.suppress(PathNotFoundError):
                await self.storage.remove(path.removesuffix("/data").removesuffix("/startedat"))
        if not await self.is_unchanged():
            await self.remember()

    async def is_unchanged(self) -> bool:
        """Whether storage has what was remembered."""
        return self.stored == await self.storage.files() and self._unfinished == await self.storage.uploads()

    async def settled(self) -> list[str]:
        """What is left of requests that are over, once nothing changes any more: nothing, if all is well."""
        with anyio.move_on_after(5):
            while self._left():  # noqa: ASYNC110 - see below
                # There is no event of a connection's end in a client's reach.
                await asyncio.sleep(0.002)
        return self._left()

    def errors(self) -> list[object]:
        """What was logged as an error, with or without a traceback."""
        bad = [entry for entry in self.logged if entry["log_level"] in {"error", "critical"} or "exc_info" in entry]
        return [*bad, *self.failed]

    def _new_files(self) -> list[str]:
        """What is open in addition; the same number of files is none, whichever they are."""
        now = _open_files()
        return sorted(now[number] for number in now.keys() - self._files.keys()) if len(now) > len(self._files) else []

    def _left(self) -> list[str]:
        budget = self.app._registry.budget
        return [
            *(f"task: {task}" for task in asyncio.all_tasks() - self._tasks if task is not asyncio.current_task()),
            *(f"file: {name}" for name in self._new_files()),
            *([f"memory: {budget.total - budget._left} bytes"] if budget._left != budget.total else []),
            *(f"lock: {uuid}" for uuid in self.app._registry.uploads._locks._locks),
        ]


def _open_files() -> dict[str, str]:
    """What this process has open, by number."""
    found = {}
    for path in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # what this very listing had open, or closed meanwhile
            found[path.name] = str(path.readlink())
    return found


@contextlib.asynccontextmanager
async def raised(storage: Storage) -> AsyncIterator[Stage]:
    """A stage: a repository with an image, an index, a blob and an open upload; deleting is allowed."""
    async with storage.app() as app, running(app) as server:
        async with Client(app) as client:
            await client.push_image(IMAGE, "latest")
            await client.push_image(INDEX, "multi")
            begun = await client.patch(open_location(stored=False), _ARRIVED)
            assert 202 == begun.status_code
            # The first question for referrers makes their index.
            assert 200 == (await client.request("GET", f"/v2/{NAME}/referrers/{IMAGE.digest}")).status_code
        stage = Stage(server.port, app, storage)
        with _watched(stage):
            await stage.remember()
            yield stage


@contextlib.contextmanager
def _watched(stage: Stage) -> Any:
    """Let a stage see what is logged, and what fails where nobody waits for it."""

    def keep(_logger: object, level: str, event: EventDict) -> EventDict:
        stage.logged.append({**event, "log_level": "error" if level == "exception" else level})
        raise structlog.DropEvent

    loop = asyncio.get_running_loop()
    handler = loop.get_exception_handler()
    before = structlog.get_config()
    loop.set_exception_handler(lambda _loop, context: stage.failed.append(context))
    structlog.configure(processors=[keep])
    try:
        yield
    finally:
        structlog.configure(**before)
        loop.set_exception_handler(handler)
