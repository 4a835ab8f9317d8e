"""Serving, from the first connection to the last."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NoReturn

import anyio
import structlog

from holdfast.registry.server.listener import address_of, listening
from holdfast.registry.server.material import load
from holdfast.registry.server.running import RunningServer
from holdfast.registry.server.stopping import stop_signals
from holdfast.registry.server.tls import TLSError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp

    from holdfast.registry.server.options import ServerOptions
    from holdfast.registry.server.tls import TLSOptions

__all__ = ["serve"]

_log = structlog.get_logger(__name__)


async def serve(
    app: ASGIApp,
    options: ServerOptions,
    *,
    on_listening: Callable[[str], None],
    on_stopping: Callable[[], None] | None = None,
    lifespan: AbstractAsyncContextManager[object] | None = None,
) -> None:
    """Serves `app` until SIGTERM or SIGINT, then drains and returns.

    The first signal stops the listening and lets running requests finish within `drain_timeout`; then their tasks are
    cancelled (who has not answered yet answers 503) and get `cleanup_timeout`; then every connection is closed.
    After the first signal both signals have the kernel's meaning again: a second one ends the process at once.
    Cancelling the call stops it in the same way with a `drain_timeout` of 0. With TLS, SIGHUP reads the certificate
    and its key anew; connections that are open stay, and finish what they are at.

    A socket that systemd hands over is listened on instead of what the options say.

    Must run in the main thread, where Python delivers signals. The application gets no ASGI lifespan messages.

    Args:
        app: the ASGI application; called for HTTP requests only.
        options: where to listen, and how to stop.
        on_listening: called once, with the real `host:port` or the unix socket's path, when connections are accepted.
        on_stopping: called once, when a signal asked for the stop and before the draining.
        lifespan: entered after the socket is bound and before the first request, left after the last one.

    Raises:
        TLSError: the certificate, its key or a client CA can't be used; raised before anything else.
        ListenError: the address can't be listened on; raised before `lifespan` is entered.
        ServerFailedError: the server ended by itself.
    """
    material = None if options.tls is None else await load(options.tls)
    async with listening(options, activated=True) as listener, lifespan or contextlib.nullcontext():
        server = RunningServer(app, listener, options)
        renewals = asyncio.Event()
        with stop_signals(None if options.tls is None else renewals.set) as stop:
            on_listening(address_of(listener))
            server.start(material)
            drain_timeout = 0.0
            try:
                await _serve_until(stop, server, renewals, options.tls)
                if on_stopping is not None:
                    on_stopping()
                drain_timeout = options.drain_timeout
            finally:
                with anyio.CancelScope(shield=True):
                    await server.shut_down(drain=drain_timeout, cleanup=options.cleanup_timeout)


async def _serve_until(
    stop: asyncio.Event, server: RunningServer, renewals: asyncio.Event, tls: TLSOptions | None
) -> None:
    """Wait for the stop, and give the server another certificate when that is asked for."""
    tasks = {asyncio.create_task(stop.wait(), name="stop signal"), asyncio.create_task(server.failed(), name="failure")}
    if tls is not None:
        tasks.add(asyncio.create_task(_renew(server, renewals, tls), name="certificate renewal"))
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def _renew(server: RunningServer, renewals: asyncio.Event, tls: TLSOptions) -> NoReturn:
    while True:
        await renewals.wait()
        renewals.clear()
        try:
            material = await load(tls)
        except TLSError as error:
            _log.error("the new certificate can't be used, the old one stays", reason=str(error))
        else:
            server.start(material)
            _log.info("certificate renewed", certificate=str(tls.certificate), expires=material.expires.isoformat())
