"""Hostile requests, as they are on the wire, to the real server: one table.

Each row gets the right refusal, in the spec's form where it is the registry that answers; and whatever the row, nothing
is stored, nothing is logged as an error, nothing is left running, open or reserved, and the next client is served.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from starlette.requests import Request

from holdfast.registry.http.body import content_length
from holdfast.registry.http.errors import CODES, ApiError
from tests.registry.http.hostile import bodies, documents, headers, paths, queries, uploads
from tests.registry.http.hostile.stage import Stage, raised
from tests.registry.http.hostile.wire import Answer, Row, exchange, request
from tests.registry.storages import filesystem, inmemory

pytestmark = pytest.mark.anyio

TABLE = [row for part in (paths, headers, bodies, documents, uploads, queries) for row in part.ROWS]
NEAR_STORAGE = [*paths.SOME, *bodies.ROWS, *documents.ROWS, *uploads.ROWS]
MOST_BYTES = 200_000
"""What an error may take, however much a client sent."""


@pytest.fixture(scope="module")
async def in_memory() -> AsyncIterator[Stage]:
    """A registry that keeps everything in memory."""
    storage = inmemory()
    async with raised(storage) as stage:
        yield stage
    await storage.aclose()


@pytest.fixture(scope="module")
async def on_disk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """A registry on a folder."""
    storage = filesystem(Path(tmp_path_factory.mktemp("data")))
    async with raised(storage) as stage:
        yield stage
    await storage.aclose()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for row in TABLE])
async def test_hostile(in_memory: Stage, capfd: pytest.CaptureFixture[str], row: Row) -> None:
    """Each row of the table is answered as it says; nothing is stored, logged as an error or left behind by it."""
    await assert_withstands(in_memory, row)
    assert ("", "") == capfd.readouterr()


@pytest.mark.parametrize("row", [pytest.param(row, id=row.what) for row in NEAR_STORAGE])
async def test_hostile_to_files(on_disk: Stage, capfd: pytest.CaptureFixture[str], row: Row) -> None:
    """As above, for rows that come near to storage, which here is files."""
    await assert_withstands(on_disk, row)
    assert ("", "") == capfd.readouterr()


async def assert_withstands(stage: Stage, row: Row) -> None:
    """A row is answered, and changes nothing."""
    stage.begin()
    answers = await exchange(stage.port, row.sent, leaves=row.leaves)
    left = await stage.settled()
    stored = await stage.is_unchanged()
    if not stored:
        await stage.restore()

    assert_answered(row, answers)
    assert stored or row.keeps
    assert [] == left
    assert [] == stage.errors()
    assert [200] == [answer.status for answer in await exchange(stage.port, request("GET", "/v2/"))]


def assert_answered(row: Row, answers: list[Answer]) -> None:
    """The one answer is the row's; a client that has left may get any, or none."""
    if row.leaves:
        return
    assert [row.status] == [answer.status for answer in answers], answers
    answer = answers[0]
    assert row.by_server == ("docker-distribution-api-version" not in answer.fields)
    if row.code is not None and not row.sent.startswith(b"HEAD "):
        assert row.code in CODES
        assert row.code == answer.code()
        assert len(answer.body) < MOST_BYTES
    if row.by_server:
        assert b"" == answer.body
    if row.content is not None:
        assert row.content == answer.body


def test_the_table_has_no_row_twice() -> None:
    """Each row says what is wrong in words of its own."""
    assert len(TABLE) == len({row.what for row in TABLE})


@pytest.mark.parametrize("length", ["9" * 5000, "²", "-1", "1_0", " 1", ""])
def test_length_that_no_server_hands_on(length: str) -> None:
    """A length that is no number of bytes is refused also where the server in front doesn't look at it."""
    fields = [(b"content-length", length.encode("latin-1"))]

    with pytest.raises(ApiError, match="SIZE_INVALID"):
        content_length(Request({"type": "http", "headers": fields}))
