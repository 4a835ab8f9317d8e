"""What the SDK's way of HTTP needs, so that no request is repeated behind our back, or waits to be sent."""

from __future__ import annotations

from typing import Any

from aiobotocore.httpsession import AIOHTTPSession

__all__ = ["SingleAttempts", "attach_sending"]


class SingleAttempts(AIOHTTPSession):  # type: ignore[misc]  # it has no types
    """Sends each request once.

    aiohttp sends a `PUT` or `DELETE` again by itself when its connection breaks. Then nobody knows that the first one
    may have been executed, and a write under a condition fails on what it has written itself.
    """

    async def _get_session(self, proxy_url: str | None) -> Any:
        session = await super()._get_session(proxy_url)
        session._retry_connection = False  # noqa: SLF001 - there is no other way; aiohttp's test client goes it, too
        return session


def attach_sending(events: Any) -> None:
    """Have an SDK's client send content without asking first.

    To ask (`Expect: 100-continue`) takes a round trip for each object and part, and where the connection breaks while
    it waits, aiohttp leaves an error behind that nobody takes.
    """
    events.register_last("before-call.s3", _ask_nothing)


def _ask_nothing(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)
