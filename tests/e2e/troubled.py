"""Registries whose store fails, and clients that come again when they are told to."""

import hashlib
import random
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import anyio
import httpx
from anyio import to_thread

from tests.services.alternating import AlternatingProxy
from tests.services.fault_proxy import FaultProxy
from tests.services.holdfast_server import HOLDFAST, HoldfastServer
from tests.services.pusher import (
    MANIFEST_TYPE,
    Acknowledged,
    Image,
    Pusher,
    UnexpectedAnswerError,
    Way,
    make_image,
    sha256,
)
from tests.services.stores.s3 import S3Bucket

__all__ = ["Crowd", "Stage", "staged"]

MIB = 1024 * 1024
_PUSHERS = 4
_TRIES = 40
_SIZES = (0, 2_000, 400_000, MIB + 1, 6 * MIB)

# The command, less patient with the store than anybody would want it to be.
_HASTY = """
from holdfast.cli.main import main
from holdfast.storage.drivers._objectstore import retrying
from holdfast.storage.drivers.s3 import _client, _fast
retrying._FIRST_PAUSE = 0.002
_client.READ_SECONDS = _fast.READ_SECONDS = 1
main()
"""


class _HastyServer(HoldfastServer):
    """A process that soon tries again, and soon takes silence for an error."""

    def command(self) -> list[str]:
        """Returns the command line."""
        return [sys.executable, "-c", _HASTY, *super().command()[1:]]


class Stage:
    """Processes, a proxy before them if they are several, the proxy behind them, and the bucket behind that.

    Attributes:
        proxy: The proxy that injects faults.
        bucket: The bucket.
        server: One of the processes.
        url: Where clients ask.
    """

    def __init__(self, proxy: FaultProxy, bucket: S3Bucket, server: HoldfastServer, url: str) -> None:
        self.proxy = proxy
        self.bucket = bucket
        self.server = server
        self.url = url

    def client(self) -> httpx.AsyncClient:
        """Returns a client of the registry."""
        return httpx.AsyncClient(base_url=self.url, timeout=100, headers={"accept": MANIFEST_TYPE})

    def purge(self) -> str:
        """Has the command throw away all uploads, and returns what it printed."""
        config = self.server.scratch / f"{self.server.name}-{self.server.port}.yml"
        command = [str(HOLDFAST), "purge-uploads", str(config), "--older-than", "0s"]
        done = subprocess.run(command, capture_output=True, check=False, text=True, timeout=60)

        assert (0, "") == (done.returncode, done.stderr), done.stdout

        return done.stdout

    def check_bucket(self) -> None:
        """Checks that no content is another one than its digest says, and that no upload has left anything."""
        keys = self.bucket.keys()
        for key in keys:
            if "/blobs/sha256/" in key:
                assert key.split("/")[-2] == hashlib.sha256(self.bucket.get(key)).hexdigest(), key

        assert [] == [key for key in keys if "/_uploads/" in key or ".uploads~" in key]
        assert [] == self.bucket.uploads()


@asynccontextmanager
async def staged(bucket: S3Bucket, scratch: Path, root: Path, *, count: int = 1) -> AsyncIterator[Stage]:
    """Starts so many processes on an empty bucket, whose store doesn't fail yet."""
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(FaultProxy(bucket.service.endpoint, retry_after=0, pause=0.005))
        parameters = bucket.parameters(regionendpoint=proxy.url, profile="ceph", chunksize=5 * MIB)
        # Clients are to be served by the registry itself, and not sent to the proxy.
        config: Mapping[str, Mapping[str, object]] = {
            "storage": {"redirect": {"disable": True}},
            "http": {"secret": "what all know"},
        }
        servers = [
            _HastyServer(root=root, scratch=scratch, config=config, driver={"s3": parameters}) for _ in range(count)
        ]
        for server in servers:
            await to_thread.run_sync(server.start)
            stack.callback(server.kill)
        url = servers[0].url
        if count > 1:
            alternating = AlternatingProxy([server.address for server in servers])
            url = (await stack.enter_async_context(alternating)).url
        yield Stage(proxy, bucket, servers[0], url)


class Crowd:
    """Clients that push and pull.

    Attributes:
        images: What was pushed.
        refusals: How often each status came, that says that the store fails.
        resumed: How many uploads went on after a refusal.
        whole: How many pulls came to their end.
        broken: How many broke off.
    """

    def __init__(self, stage: Stage, seed: int) -> None:
        self._stage = stage
        self._seed = seed
        self.images: list[Image] = []
        self.refusals: Counter[int] = Counter()
        self.resumed = 0
        self.whole = 0
        self.broken = 0

    async def work(self, count: int) -> None:
        """Has several clients push and pull so many images each, at once."""
        async with anyio.create_task_group() as group:
            for number in range(_PUSHERS):
                group.start_soon(self._work, number, count)

    async def check(self) -> None:
        """Checks that all that was pushed is served, and can be pushed again."""
        async with self._stage.client() as client:
            for image in self.images:
                for content in (image.config, *image.layers):
                    await _assert_served(client, f"/v2/{image.repository}/blobs/{sha256(content)}", content)
                await _assert_served(client, f"/v2/{image.repository}/manifests/{image.tag}", image.manifest)
            for image in self.images:
                pusher = Pusher(client, random.Random(self._seed), Acknowledged())
                for content in (image.config, *image.layers):
                    await pusher.push_blob(image.repository, content, Way.CHUNKED)
                await pusher.push_manifest(image)

    async def _work(self, number: int, count: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        async with self._stage.client() as client:
            for turn in range(count):
                sizes = tuple(chance.choices(_SIZES, weights=(1, 4, 3, 2, 1), k=2))
                image = make_image(chance, repository=f"faults/{number % 2}", tag=f"t-{number}-{turn}", sizes=sizes)
                self.images.append(image)
                if chance.random() < 0.5:
                    for content in (image.config, *image.layers):
                        await self._push_in_chunks(client, image.repository, content, chance)
                await self._push(client, image, chance)
                for content in (image.config, *image.layers):
                    await self._pull(client, f"/v2/{image.repository}/blobs/{sha256(content)}", content)
                await self._pull(client, f"/v2/{image.repository}/manifests/{image.tag}", image.manifest)

    # Pushing --------------------------------------------------------------------------------------

    async def _push(self, client: httpx.AsyncClient, image: Image, chance: random.Random) -> None:
        pusher = Pusher(client, chance, Acknowledged())
        for _ in range(_TRIES):
            try:
                await pusher.push(image)
            except UnexpectedAnswerError as error:
                self._note(error.answer)
            else:
                return
        raise AssertionError(f"{_TRIES} tries weren't enough")

    async def _push_in_chunks(
        self, client: httpx.AsyncClient, repository: str, content: bytes, chance: random.Random
    ) -> None:
        """Pushes a blob in chunks, and after each refusal goes on from where the registry says that it is."""
        for _ in range(_TRIES):
            begun = await self._ask(client, 202, "POST", f"/v2/{repository}/blobs/uploads/")
            location = await self._send(client, str(begun.headers["location"]), content, chance)
            if location is None:
                continue
            url = httpx.URL(location).copy_merge_params({"digest": sha256(content)})
            if (await self._ask(client, 201, "PUT", str(url), 404)).status_code == httpx.codes.CREATED:
                return
            # An upload that was being finished may be gone. Then its blob is there, or has to be pushed anew.
            path = f"/v2/{repository}/blobs/{sha256(content)}"
            if (await self._ask(client, 200, "HEAD", path, 404)).status_code == httpx.codes.OK:
                return
        raise AssertionError(f"{_TRIES} tries weren't enough")

    async def _send(
        self, client: httpx.AsyncClient, location: str, content: bytes, chance: random.Random
    ) -> str | None:
        """Sends all chunks, and returns where the upload is finished; None if it is gone before anything came of it."""
        acknowledged = sent = 0
        while acknowledged < len(content):
            # One byte and none are told alike: `0-0`.
            end = min(len(content), acknowledged + chance.randint(2, len(content)))
            sent = max(sent, end)
            headers = {"content-range": f"{acknowledged}-{end - 1}"}
            answer = await client.patch(location, content=content[acknowledged:end], headers=headers)
            if answer.status_code == httpx.codes.ACCEPTED:
                assert end == _offset(answer)
            else:
                self._note(answer)
                self.resumed += 1
                answer = await self._ask(client, 204, "GET", location, *(() if acknowledged else (404,)))
                if answer.status_code == httpx.codes.NOT_FOUND:
                    return None
                assert acknowledged <= _offset(answer) <= sent, "what was acknowledged is lost"
            location, acknowledged = str(answer.headers["location"]), _offset(answer)
        return location

    # Asking ---------------------------------------------------------------------------------------

    async def _pull(self, client: httpx.AsyncClient, path: str, content: bytes) -> None:
        """Pulls what was acknowledged: it comes whole, or breaks off, or the store is said to fail."""
        try:
            answer = await client.get(path)
        except (httpx.RemoteProtocolError, httpx.ReadError):
            self.broken += 1
            return
        if answer.status_code != httpx.codes.OK:
            self._note(answer)
            return
        assert sha256(content) == sha256(answer.content), path
        self.whole += 1

    async def _ask(self, client: httpx.AsyncClient, status: int, method: str, url: str, *others: int) -> httpx.Response:
        """Sends a request until the answer isn't that the store fails; it has to be one of the statuses."""
        for _ in range(_TRIES):
            answer = await client.request(method, url)
            if answer.status_code in {status, *others}:
                return answer
            self._note(answer)
        raise AssertionError(f"{_TRIES} tries weren't enough")

    def _note(self, answer: httpx.Response) -> None:
        told = {name: answer.headers.get(name) for name in ("range", "retry-after")}
        asked = answer.request.headers.get("content-range")
        assert answer.status_code in {429, 503}, (
            f"{answer.request.method} {answer.url} {asked}: {answer.status_code} {told}"
        )
        assert int(answer.headers["retry-after"]) > 0
        self.refusals[answer.status_code] += 1


async def _assert_served(client: httpx.AsyncClient, path: str, content: bytes) -> None:
    answer = await client.get(path)

    assert (200, sha256(content)) == (answer.status_code, sha256(answer.content)), path


def _offset(answer: httpx.Response) -> int:
    """How many bytes an upload has; `0-0` is what one has that has none."""
    last = int(answer.headers["range"].rpartition("-")[2])
    return last + 1 if last else 0
