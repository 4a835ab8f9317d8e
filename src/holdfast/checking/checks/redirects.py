"""Whether clients that are sent to the store get their content there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from holdfast.checking.errors import BrokenPromiseError

if TYPE_CHECKING:
    from holdfast.checking.trial import Trial

__all__ = ["fetch", "redirect_get", "redirect_head"]

_CONTENT: Final = b"clients get this from the storage itself"
_SECONDS: Final = 20.0
_RANGE: Final = (8, 20)


async def redirect_get(trial: Trial) -> None:
    """Get a file at the URL that clients would be sent to, whole and in part."""
    url = await _signed(trial, "GET")
    answer = await fetch(trial, "GET", url)
    if answer is None:
        return
    trial.demand(answer.content == _CONTENT, "the URL answers with other bytes than the file has")
    first, last = _RANGE
    part = await fetch(trial, "GET", url, headers={"Range": f"bytes={first}-{last}"})
    if part is not None and part.content != _CONTENT[first : last + 1]:
        trial.warn("the URL ignores ranges: clients can't go on with a download that broke off")


async def redirect_head(trial: Trial) -> None:
    """Ask for a file's size at the URL that clients would be sent to."""
    answer = await fetch(trial, "HEAD", await _signed(trial, "HEAD"))
    if answer is not None and answer.headers.get("Content-Length") != str(len(_CONTENT)):
        trial.warn(f"the URL tells another length: {answer.headers.get('Content-Length')}")


async def _signed(trial: Trial, method: str) -> str:
    path = trial.path("file")
    await trial.driver.put_content(path, _CONTENT)
    url = await trial.driver.redirect_url(path, method=method)
    if url is None:
        raise BrokenPromiseError(f"the driver says that it redirects {method}, and tells no URL")
    return url


async def fetch(trial: Trial, method: str, url: str, headers: dict[str, str] | None = None) -> httpx.Response | None:
    """Send a request as a client does; `None`, with a warning, where the host can't be reached from here."""
    parts = urlsplit(url)
    host = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
    try:
        async with httpx.AsyncClient(timeout=_SECONDS, follow_redirects=True) as client:
            answer = await trial.timed(lambda: client.request(method, url, headers=headers))
    except httpx.TransportError as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        trial.warn(f"{host} can't be reached from here ({reason}); clients are sent there, so they must reach it")
        return None
    if answer.status_code not in {200, 206}:
        said = " ".join(answer.text.split())[:500] or None
        refused = answer.status_code in {401, 403}
        raise BrokenPromiseError(
            f"{host} answers {method} with status {answer.status_code}", said=said, refused=refused
        )
    return answer
