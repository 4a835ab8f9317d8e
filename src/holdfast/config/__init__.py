"""The configuration file of Docker Distribution, version 0.1, as typed values.

    from pathlib import Path
    from holdfast.config import load

    configuration = load(Path("config.yml"))
    configuration.http.addr.port

What is honoured, and what of upstream's file isn't yet, is on the reference page of the configuration. A
key that isn't honoured is an error, never ignored: a registry that runs with less than its file says is
how images end up on the wrong disk.

One file per section; `document` reads YAML, `file` joins the two, `reference` lists the keys.
"""

from holdfast.config.address import Address
from holdfast.config.configuration import Configuration
from holdfast.config.file import load, parse
from holdfast.config.http import HTTPSection
from holdfast.config.log import LogLevel, LogSection
from holdfast.config.storage import DeleteSection, StorageSection

__all__ = [
    "Address",
    "Configuration",
    "DeleteSection",
    "HTTPSection",
    "LogLevel",
    "LogSection",
    "StorageSection",
    "load",
    "parse",
]
