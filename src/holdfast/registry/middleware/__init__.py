"""Middleware around the registry and around each repository, by name; none is part of Holdfast.

Around the registry: `factory(app, options)` returns an ASGI application that may answer itself, or hand requests on to
the one that it was given. A package offers it by an entry point:

    [project.entry-points."holdfast.registry_middleware"]
    greeting = "holdfast_greeting:Greeting"

Around each repository: `factory(options)` returns what is awaited in place of every operation on a repository, with
the operation and what carries it out. It may refuse, by raising `holdfast.registry.http.errors.ApiError`, look at the
response or change its header fields; a response's content is sent afterwards.

    class Readers:
        class Options(DriverOptions): ...

        def __init__(self, options: Options) -> None: ...

        async def __call__(self, operation: Operation, proceed: Proceed) -> Response:
            if operation.method not in {"GET", "HEAD"}:
                raise ApiError("DENIED")
            return await proceed()

    [project.entry-points."holdfast.repository_middleware"]
    readers = "holdfast_readers:Readers"

Of several the first is the innermost. Around the storage there is `holdfast.storage.middleware`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from holdfast.storage.offers import Offers

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp

    from holdfast.storage.options import DriverOptions

__all__ = [
    "REGISTRY",
    "REPOSITORY",
    "Operation",
    "Proceed",
    "RegistryMiddlewareFactory",
    "RepositoryMiddleware",
    "RepositoryMiddlewareFactory",
    "around_registry",
    "carried_out",
    "repository_middleware",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What a client asks of a repository.

    Attributes:
        repository: The repository's name.
        endpoint: What it is about, as in `holdfast.registry.http.endpoints`: `manifest`, `blob`, `blob_upload`,
            `blob_upload_chunk`, `tags`, `referrers` or `repository`.
        method: The HTTP method.
        reference: The tag, digest or upload that it is about, as the client wrote it; empty where there is none.
        request: The request, for its header fields. Its body belongs to who carries the operation out.
    """

    repository: str
    endpoint: str
    method: str
    reference: str
    request: Request


Proceed: TypeAlias = "Callable[[], Awaitable[Response]]"
"""Carries the operation out, and returns the response; called once at most."""


class RepositoryMiddleware(Protocol):
    """What stands around the operations on each repository."""

    async def __call__(self, operation: Operation, proceed: Proceed, /) -> Response:
        """Answer for an operation, most often by `await proceed()`.

        Raises:
            ApiError: It is refused.
        """


class RepositoryMiddlewareFactory(Protocol):
    """What is registered under a name in `REPOSITORY`: a class, or anything shaped like it."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What the middleware takes."""

    def __call__(self, options: Any, /) -> RepositoryMiddleware:
        """Make it, for all repositories."""


class RegistryMiddlewareFactory(Protocol):
    """What is registered under a name in `REGISTRY`: a class, or anything shaped like it."""

    @property
    def Options(self) -> type[DriverOptions]:  # noqa: N802 - a class attribute that holds a class
        """What the middleware takes."""

    def __call__(self, app: ASGIApp, options: Any, /) -> ASGIApp:
        """Put it around an application; only HTTP requests reach it."""


REGISTRY: Offers[RegistryMiddlewareFactory] = Offers(kind="registry middleware", group="holdfast.registry_middleware")
"""Middleware around the registry, by name."""

REPOSITORY: Offers[RepositoryMiddlewareFactory] = Offers(
    kind="repository middleware", group="holdfast.repository_middleware"
)
"""Middleware around each repository, by name."""


def around_registry(app: ASGIApp, middleware: Iterable[tuple[str, Mapping[str, Any]]]) -> ASGIApp:
    """Put middleware around an application, by name and options; the first is the innermost.

    Raises:
        ConfigurationError: A name or an option is wrong.
    """
    for name, parameters in middleware:
        factory, options = REGISTRY.chosen(name, parameters)
        app = factory(app, options)
    return app


def repository_middleware(middleware: Iterable[tuple[str, Mapping[str, Any]]]) -> tuple[RepositoryMiddleware, ...]:
    """Make what stands around repositories, by name and options.

    Raises:
        ConfigurationError: A name or an option is wrong.
    """
    chosen = [REPOSITORY.chosen(name, parameters) for name, parameters in middleware]
    return tuple(factory(options) for factory, options in chosen)


async def carried_out(operation: Operation, proceed: Proceed, around: Iterable[RepositoryMiddleware]) -> Response:
    """Carry an operation out with middleware around it, the first one innermost."""
    for middleware in around:
        proceed = partial(middleware, operation, proceed)
    return await proceed()
