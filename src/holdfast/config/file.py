"""From a file and variables to a `Configuration`: read, lay over, validate, ask the driver about its parameters."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from pydantic import ValidationError

from holdfast.config.configuration import Configuration
from holdfast.config.diagnosis import driver_problems, middleware_problems, model_problems, remarks
from holdfast.config.document import MAX_BYTES, Document, Value, read_document
from holdfast.config.environment import lay_over
from holdfast.config.problem import in_one_line
from holdfast.storage.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from holdfast.config.problem import Problem

__all__ = ["Reading", "load", "parse", "read", "read_bytes", "read_values"]

_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What came of reading a configuration, right or wrong.

    Attributes:
        document: The file with the variables laid over it, and where everything stands.
        configuration: The typed values; `None` where the models found something wrong.
        problems: All that is wrong; the configuration can be used only where there is nothing.
        remarks: What is legal and still worth a look.
    """

    document: Document
    configuration: Configuration | None
    problems: tuple[Problem, ...]
    remarks: tuple[Problem, ...]

    def usable(self) -> Configuration:
        """Return the configuration.

        Raises:
            ConfigurationError: Something is wrong; one line, the first problem and how many more there are.
        """
        if self.configuration is None or self.problems:
            raise in_one_line(self.problems)
        return self.configuration


def load(path: Path, environment: Mapping[str, str] = _NO_VARIABLES) -> Configuration:
    """Read a configuration file, and lay `REGISTRY_*` variables over it.

    The storage driver's code is imported and its parameters are checked; the driver isn't made. What this version
    can't honour is typed like the rest: ask `unhonoured`.

    Args:
        path: The file.
        environment: Where variables are taken from, such as `os.environ`; none by default.

    Raises:
        ConfigurationError: The file can't be read, isn't YAML, or says something that isn't understood. One line, with
            the file, line and column, or the variable.
    """
    return read(path, environment).usable()


def parse(
    data: bytes,
    environment: Mapping[str, str] = _NO_VARIABLES,
    *,
    source: str = "configuration",
    check_driver: bool = True,
) -> Configuration:
    """Read a configuration from bytes; `source` names them in messages.

    Args:
        data: The YAML text.
        environment: As for `load`.
        source: What the text is called in messages.
        check_driver: Whether the driver and the middleware must be installed and judge their parameters. Without
            that, they are taken as they are.

    Raises:
        ConfigurationError: As `load` does.
    """
    return read_bytes(data, environment, source=source, check_driver=check_driver).usable()


def read(path: Path, environment: Mapping[str, str] = _NO_VARIABLES) -> Reading:
    """Read a configuration file as `load` does, and tell all that is wrong.

    Raises:
        ConfigurationError: The file can't be read, or isn't YAML.
    """
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise ConfigurationError(f"the configuration file {path} can't be read: {reason}") from error
    return read_bytes(data, environment, source=str(path))


def read_bytes(
    data: bytes,
    environment: Mapping[str, str] = _NO_VARIABLES,
    *,
    source: str = "configuration",
    check_driver: bool = True,
) -> Reading:
    """Read a configuration as `parse` does, and tell all that is wrong.

    Raises:
        ConfigurationError: It isn't YAML.
    """
    return _reading(read_document(data, source), environment, check_driver=check_driver)


def read_values(content: dict[str, Value], environment: Mapping[str, str], *, source: str) -> Reading:
    """Read a configuration that isn't in a file: values as one would have them; `source` names them in messages."""
    return _reading(Document(source=source, content=content, places={}), environment, check_driver=True)


def _reading(file: Document, environment: Mapping[str, str], *, check_driver: bool) -> Reading:
    document, problems = lay_over(file, environment)
    configuration = None
    try:
        configuration = Configuration.model_validate(document.content)
    except ValidationError as error:  # pydantic's own text repeats the values, secrets included
        problems.extend(model_problems(document, error))
    if check_driver:
        problems.extend(driver_problems(document))
        if configuration is not None:
            problems.extend(middleware_problems(document, configuration))
    return Reading(
        document=document,
        configuration=configuration,
        problems=tuple(problems),
        remarks=() if configuration is None else tuple(remarks(document, configuration)),
    )
