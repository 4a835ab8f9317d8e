"""From a file to a `Configuration`: read, refuse what isn't honoured, validate, ask the driver about its parameters."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from holdfast.config import upstream
from holdfast.config.configuration import Configuration
from holdfast.config.document import MAX_BYTES, Document, Value, read_document
from holdfast.config.storage import BESIDE_THE_DRIVER
from holdfast.storage import factory, options
from holdfast.storage.errors import ConfigurationError, InvalidParameterError, InvalidStorageDriverError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydantic_core import ErrorDetails

__all__ = ["load", "parse"]


def load(path: Path) -> Configuration:
    """Read a configuration file.

    The storage driver's code is imported and its parameters are checked; the driver isn't made.

    Raises:
        ConfigurationError: The file can't be read, isn't YAML, or says something that isn't understood or honoured.
            One line, with the file, and the line and column where there is one.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"the configuration file {path} can't be read: {reason}") from error
    return parse(data, source=str(path))


def parse(data: bytes, *, source: str = "configuration") -> Configuration:
    """Read a configuration from bytes; `source` names them in messages.

    Raises:
        ConfigurationError: As `load` does.
    """
    document = read_document(data, source)
    _refuse_unsupported(document)
    try:
        configuration = Configuration.model_validate(document.content)
    except ValidationError as error:
        raise _first_problem(document, error) from None  # pydantic's own text repeats the values, secrets included
    _check_parameters(document, configuration)
    return configuration


def _refuse_unsupported(document: Document) -> None:
    found = sorted(_unsupported(document.content), key=lambda path: document.places.get(path, (0, 0)))
    if not found:
        return
    path, *others = found
    remedy = upstream.INSTEAD.get(path, "take it out to serve without it")
    more = f" (the same holds for {', '.join(_dotted(other) for other in others)})" if others else ""
    raise _problem(document, path, f"not supported by this version of Holdfast; {remedy}{more}")


def _unsupported(content: dict[str, Value]) -> Iterator[tuple[str, ...]]:
    for section, keys in upstream.KEYS.items():
        value: Value = content
        for part in section:
            value = value.get(part) if isinstance(value, dict) else None
        if isinstance(value, dict):
            unsupported = keys - _honoured(section)
            yield from ((*section, key) for key in value if key in unsupported)


def _honoured(section: tuple[str, ...]) -> set[str]:
    model: type[BaseModel] = Configuration
    for part in section:
        annotation = model.model_fields[part].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return set()
        model = annotation
    return set(model.model_fields)


def _first_problem(document: Document, error: ValidationError) -> ConfigurationError:
    detail = error.errors(include_url=False, include_input=False)[0]
    return _problem(document, detail["loc"], _reason(detail))


def _reason(detail: ErrorDetails) -> str:
    if detail["type"] == "missing":
        return "is required"
    if detail["type"] == "extra_forbidden":
        return _unknown(detail["loc"])
    if detail["type"] in {"model_type", "model_attributes_type"}:
        return "needs keys and values below it"
    return detail["msg"][:1].lower() + detail["msg"][1:]


def _unknown(path: tuple[str | int, ...]) -> str:
    *around, key = (str(part) for part in path)
    known = sorted(_honoured(tuple(around)) & upstream.KEYS.get(tuple(around), frozenset()))
    near = difflib.get_close_matches(key.lower(), known, n=1)
    guess = f"; did you mean {near[0]!r}?" if near else ""
    return f"is unknown{guess} (known: {', '.join(known)})"


def _check_parameters(document: Document, configuration: Configuration) -> None:
    """Let the driver judge its parameters now, while the place in the file is known."""
    storage = configuration.storage
    try:
        options.parse(storage.driver, factory.load(storage.driver).Options, storage.parameters)
    except InvalidParameterError as error:
        raise _problem(document, ("storage", storage.driver, *error.key.split(".")), error.reason) from error
    except InvalidStorageDriverError as error:
        beside = ", ".join(sorted(_honoured(("storage",)) & BESIDE_THE_DRIVER))
        reason = f"{error} Beside a driver there can be: {beside}."
        raise _problem(document, ("storage", storage.driver), reason) from error
    except ConfigurationError as error:
        raise _problem(document, ("storage", storage.driver), str(error)) from error


def _problem(document: Document, path: tuple[Any, ...], reason: str) -> ConfigurationError:
    return ConfigurationError(f"{document.locate(path)}: {_dotted(path)}: {reason}")


def _dotted(path: tuple[Any, ...]) -> str:
    return ".".join(str(part) for part in path) or "the file"
