"""What is wrong with a document, in words: the models' findings with path, place and the nearest known key."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from holdfast.config.configuration import Configuration
from holdfast.config.environment import PREFIX
from holdfast.config.middleware import OFFERS
from holdfast.config.problem import Path, Problem
from holdfast.config.schema import file_keys, model_at, nearest
from holdfast.config.storage import BESIDE_THE_DRIVER
from holdfast.storage import factory, options
from holdfast.storage.errors import ConfigurationError, InvalidParameterError, InvalidStorageDriverError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

    from holdfast.config.document import Document
    from holdfast.config.middleware import Middleware
    from holdfast.storage.offers import Offers

__all__ = ["driver_problems", "middleware_problems", "model_problems", "remarks"]

_REASONS = {
    "missing": "is required",
    "model_type": "needs keys and values below it",
    "model_attributes_type": "needs keys and values below it",
    "dict_type": "needs keys and values below it",
    "tuple_type": "needs a list",
    "list_type": "needs a list",
    "byte_size": "needs a size, such as 5242880 or 5MiB",
    "byte_size_unit": "needs a size, such as 5242880 or 5MiB",
}

_DEPRECATED = {
    ("loglevel",): "is deprecated; write log.level",
    ("storage", "cache", "layerinfo"): "is deprecated; write storage.cache.blobdescriptor",
    ("validation", "enabled"): "is deprecated; validation is on unless validation.disabled is",
    ("redis", "tls", "enabled"): "means nothing, to Distribution either",
    ("compatibility",): "is gone from Distribution since version 3",
    ("reporting",): "is gone from Distribution since version 3",
}


def model_problems(document: Document, error: ValidationError) -> Iterator[Problem]:
    """Tell what the models found, each with its place; never a value, as it can be a secret."""
    for detail in error.errors(include_url=False, include_input=False):
        path: Path = detail["loc"]
        yield Problem(path=path, place=document.locate(path), reason=_reason(document, path, detail))


def driver_problems(document: Document) -> Iterator[Problem]:
    """Let the driver judge its parameters. Which driver it is, is another matter, and not told here.

    The driver's code is imported; the driver isn't made.
    """
    storage = document.content.get("storage")
    drivers = [name for name in storage if name not in BESIDE_THE_DRIVER] if isinstance(storage, dict) else []
    parameters = storage[drivers[0]] if isinstance(storage, dict) and len(drivers) == 1 else None
    if len(drivers) != 1 or not (parameters is None or isinstance(parameters, dict)):
        return
    path: tuple[str, ...] = ("storage", drivers[0])
    given = {key: value for key, value in (parameters or {}).items() if value is not None}
    try:
        options.parse(drivers[0], factory.load(drivers[0]).Options, given)
    except InvalidParameterError as error:
        path = (*path, *error.key.split("."))
        yield Problem(path=path, place=document.locate(path), reason=error.reason)
    except InvalidStorageDriverError as error:
        beside = ", ".join(sorted(BESIDE_THE_DRIVER))
        reason = f"{error} Beside a driver there can be: {beside}."
        yield Problem(path=path, place=document.locate(path), reason=reason)
    except ConfigurationError as error:
        yield Problem(path=path, place=document.locate(path), reason=str(error))


def middleware_problems(document: Document, configuration: Configuration) -> Iterator[Problem]:
    """Let each middleware judge its options; what is disabled isn't looked at.

    Their code is imported; none is made.
    """
    section = configuration.middleware
    layers = {"registry": section.registry, "repository": section.repository, "storage": section.storage}
    for name, entries in layers.items():
        for index, entry in enumerate(entries):
            if not entry.disabled:
                yield from _judged(document, ("middleware", name, index), entry, OFFERS[name])


def _judged(document: Document, path: Path, entry: Middleware, offers: Offers[Any]) -> Iterator[Problem]:
    try:
        offers.chosen(entry.name, entry.given)
    except InvalidParameterError as error:
        path = (*path, "options", *error.key.split("."))
        yield Problem(path=path, place=document.locate(path), reason=error.reason)
    except ConfigurationError as error:
        path = (*path, "name")
        yield Problem(path=path, place=document.locate(path), reason=str(error))


def remarks(document: Document, configuration: Configuration) -> Iterator[Problem]:
    """Tell what is legal and still worth a look: a key that stands twice, is old, or is taken more strictly."""
    yield from document.remarks
    for path, reason in _DEPRECATED.items():
        if path in document.places:
            yield Problem(path=path, place=document.locate(path), reason=reason)
    path = ("http", "tls", "minimumtls")
    if configuration.http.tls.enabled and configuration.http.tls.minimumtls in {"tls1.0", "tls1.1"}:
        yield Problem(path=path, place=document.locate(path), reason="is taken for tls1.2: no older version is spoken")


def _reason(document: Document, path: Path, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "extra_forbidden":
        return _unknown(path)
    if kind == "drivers":
        return detail["msg"] + _drivers(document)
    if kind == "string_type":
        return "needs text" + ("; put it in quotes" if document.locate(path).startswith(PREFIX) else "")
    return _REASONS.get(kind) or detail["msg"].replace("Input should", "input should", 1)


def _unknown(path: Path) -> str:
    *around, key = path
    model = model_at(tuple(around)) or Configuration
    known = list(file_keys(model))
    near = nearest(str(key).lower(), known)
    guess = f"; did you mean {near!r}?" if near else ""
    return f"is unknown{guess} (known: {', '.join(known)})"


def _drivers(document: Document) -> str:
    """Where each of several drivers stands, and what the one that isn't a driver may have been meant for."""
    storage: Any = document.content.get("storage")
    names: Sequence[str] = [name for name in storage if name not in BESIDE_THE_DRIVER]
    places = {name: document.locate(("storage", name)) for name in names}
    text = "".join(f"; {name} is at {place}" for name, place in places.items())
    drivers = {source.name for source in factory.sources()}
    for name, place in places.items():
        near = nearest(name, BESIDE_THE_DRIVER)
        if name not in drivers and near:
            text += f"; did you mean {near!r} by {name!r}?"
        elif place.startswith(PREFIX) and len(names) > 1:
            text += f"; {PREFIX}STORAGE={name} would replace what the file says"
    return text
