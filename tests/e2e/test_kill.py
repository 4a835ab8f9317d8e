"""`kill -9` at random moments of concurrent pushes."""

import os
import random
from pathlib import Path

import anyio
import httpx
import pytest
from anyio import to_thread

from tests.services.holdfast_server import HoldfastServer
from tests.services.pusher import MANIFEST_TYPE, Acknowledged, Image, Pusher, make_image, sha256
from tests.services.server import Server

pytestmark = [pytest.mark.anyio, pytest.mark.e2e]

_KILLS = 30
_PUSHERS = 3
_REPOSITORIES = ("kill/a", "kill/a-b")
_SIZES = (2_000, 70_000, 400_000, 2_000_000)


class _Onslaught:
    """Pushes until the server dies, and checks afterwards that it remembers what it said."""

    def __init__(self, server: Server, chance: random.Random) -> None:
        self._server = server
        self._chance = chance
        self._record = Acknowledged()
        self._verified_blobs: set[tuple[str, str]] = set()
        self._verified_tags: dict[tuple[str, str], str] = {}
        self._interrupted: list[Image] = []
        self.pushed = 0

    async def push_until_killed(self, after: float) -> None:
        """Starts concurrent pushes, and kills the server that many seconds later."""
        async with self._client() as client, anyio.create_task_group() as pushes:
            for number in range(_PUSHERS):
                pushes.start_soon(self._push_on, client, number)
            await anyio.sleep(after)
            self._server.kill()

    async def check(self) -> None:
        """Checks what was acknowledged since the last check, resumes what was cut off, and pushes it again."""
        async with self._client() as client:
            for repository, digest in sorted(self._record.blobs - self._verified_blobs):
                await self._check_blob(client, repository, digest)
            await self._check_lists(client)
            pusher = Pusher(client, self._chance, self._record)
            while self._record.uploads:
                await pusher.resume(self._record.uploads.pop())
            while self._interrupted:
                await pusher.push(self._interrupted.pop())
            for repository, digest in sorted(self._record.blobs - self._verified_blobs):
                await self._check_blob(client, repository, digest)
        self._verified_blobs |= self._record.blobs

    async def check_everything(self) -> None:
        """Checks all that was ever acknowledged."""
        self._verified_blobs.clear()
        self._verified_tags.clear()
        await self.check()
        async with self._client() as client:
            for repository, digest in sorted(self._record.manifests):
                answer = await client.get(f"/v2/{repository}/manifests/{digest}")

                assert (200, digest) == (answer.status_code, sha256(answer.content))

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(base_url=self._server.url, timeout=30, headers={"accept": MANIFEST_TYPE})

    async def _push_on(self, client: httpx.AsyncClient, number: int) -> None:
        chance = random.Random(self._chance.random())
        pusher = Pusher(client, chance, self._record)
        while True:
            self.pushed += 1
            sizes = tuple(chance.choices(_SIZES, k=2))
            # Some tags are new, one per pusher moves.
            tag = chance.choice((f"moving-{number}", f"t-{self.pushed}"))
            image = make_image(chance, repository=chance.choice(_REPOSITORIES), tag=tag, sizes=sizes)
            try:
                await pusher.push(image)
            except httpx.TransportError:
                self._interrupted.append(image)
                return

    async def _check_blob(self, client: httpx.AsyncClient, repository: str, digest: str) -> None:
        answer = await client.get(f"/v2/{repository}/blobs/{digest}")

        assert (200, digest) == (answer.status_code, sha256(answer.content)), f"{repository} {answer.text[:500]}"

    async def _check_lists(self, client: httpx.AsyncClient) -> None:
        """What is listed was pushed, what was acknowledged is listed, every tag names one of the manifests it may."""
        record = self._record
        catalog = set((await client.get("/v2/_catalog")).raise_for_status().json()["repositories"])

        assert {repository for repository, _ in record.tags} <= catalog <= set(_REPOSITORIES)

        for repository in catalog:
            answer = await client.get(f"/v2/{repository}/tags/list")
            # A repository that has blobs and no manifest yet may be listed; it has no tags then.
            listed = set(answer.json()["tags"] or []) if answer.status_code == httpx.codes.OK else set()
            acknowledged = {tag for name, tag in record.tags if name == repository}
            attempted = {tag for name, tag in record.attempted if name == repository}

            assert acknowledged <= listed <= acknowledged | attempted

            for tag in sorted(listed):
                await self._check_tag(client, repository, tag)

    async def _check_tag(self, client: httpx.AsyncClient, repository: str, tag: str) -> None:
        key = (repository, tag)
        acknowledged, attempted = self._record.tags.get(key), self._record.attempted.get(key)
        if attempted is None and acknowledged == self._verified_tags.get(key):
            return
        manifest = await client.get(f"/v2/{repository}/manifests/{tag}")
        digest = sha256(manifest.content)

        assert manifest.status_code == httpx.codes.OK, f"{repository}:{tag} {manifest.text}"
        assert digest in {acknowledged, attempted}

        self._verified_tags[key] = digest


@pytest.mark.timeout(300)
async def test_nothing_acknowledged_is_lost(root: Path, scratch: Path) -> None:
    """After each of many kills all that was acknowledged verifies, uploads go on, and the same images can be pushed."""
    seed = int(os.environ.get("HOLDFAST_KILL_SEED", random.SystemRandom().getrandbits(32)))
    print(f"to repeat these kills: HOLDFAST_KILL_SEED={seed}")
    chance = random.Random(seed)
    server = HoldfastServer(root=root, scratch=scratch)
    with server:
        onslaught = _Onslaught(server, chance)
        for _ in range(_KILLS):
            await onslaught.push_until_killed(after=chance.uniform(0.02, 0.8))
            await to_thread.run_sync(server.start)
            await onslaught.check()
        await onslaught.check_everything()

    assert onslaught.pushed > _KILLS
