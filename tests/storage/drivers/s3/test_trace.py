from contextlib import aclosing

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from holdfast.storage.drivers.s3 import S3Options
from holdfast.storage.drivers.s3.bucket import S3Bucket
from holdfast.storage.errors import StorageError
from tests.storage.drivers.s3.fake_web import Request, error, fake_web

pytestmark = pytest.mark.anyio

_BY_SDK = {"method", "url", "status", "ms"}
_FAST = {"method", "key", "outcome", "ms"}


def _answer(request: Request) -> web.Response:
    if request.method != "GET":
        return error("AccessDenied", 403)
    headers = {"ETag": '"1"', "Last-Modified": "Wed, 25 Nov 2026 02:02:43 GMT"}
    return web.Response(body=b"content of mine", headers=headers)


@pytest.mark.parametrize(
    ("level", "told"),
    [
        ("off", []),
        ("debug", [_BY_SDK, _FAST]),
        ("debugwithsigning", [_BY_SDK | {"credential", "headers"}, _FAST]),
        ("debugwithhttpbody", [_BY_SDK | {"document"}, _FAST]),
        ("debugwithrequesterrors", [_BY_SDK | {"error", "message"}, _FAST]),
        ("debugwithrequestretries", [_BY_SDK, _FAST]),
        ("debugwitheventstreambody", [_BY_SDK, _FAST]),
    ],
)
async def test_requests_in_the_log(level: str, told: list[set[str]]) -> None:
    """Each request is a line with what was asked for; never a secret, a signature or content."""
    async with fake_web() as store:
        store.answer = _answer
        parameters = store.parameters(loglevel=level, secretkey="hush", sessiontoken="hush-hush")
        async with aclosing(S3Bucket(S3Options(**parameters))) as bucket:
            with capture_logs() as lines:
                with pytest.raises(StorageError):
                    await bucket.put("a", b"content of mine")
                await bucket.get("a")
        signatures = [request.headers["Authorization"].rpartition("=")[2] for request in store.requests]

    assert told == [line.keys() - {"event", "log_level"} for line in lines]
    for secret in ("hush", "content of mine", *signatures):
        assert secret not in str(lines)
