"""The configuration file of Docker Distribution, version 0.1, as typed values.

    import os
    from pathlib import Path
    from holdfast.config import load, unhonoured

    configuration = load(Path("config.yml"), os.environ)
    configuration.http.addr.port
    unhonoured(configuration)  # what it says and this version can't do

Every key of upstream's is known and typed; one that isn't known is an error, never ignored. A registry that runs with
less than its file says is how images end up on the wrong disk, so what this version can't do is refused when serving.

One file per section. `document` reads YAML, `environment` lays `REGISTRY_*` variables over it, `schema` tells the shape
of the file, `diagnosis` what is wrong with one, `file` joins them; `unhonoured` is the table of what can't be done;
`effective` tells each value with where it came from, `reference` lists the keys.
"""

from holdfast.config.address import Address
from holdfast.config.auth import AuthSection
from holdfast.config.configuration import Configuration
from holdfast.config.file import Reading, load, parse, read, read_bytes, read_values
from holdfast.config.health import FileCheck, HealthSection, HTTPCheck, StorageCheck, TCPCheck
from holdfast.config.holdfast import HoldfastSection
from holdfast.config.http import DebugSection, HTTPSection
from holdfast.config.listings import CatalogSection, TagsSection
from holdfast.config.log import LogFormatter, LogHook, LogLevel, LogSection
from holdfast.config.problem import Problem
from holdfast.config.storage import CacheSection, DeleteSection, MaintenanceSection, StorageSection
from holdfast.config.tls import TLSSection
from holdfast.config.unhonoured import Unhonoured, unhonoured
from holdfast.config.validation import ValidationSection

__all__ = [
    "Address",
    "AuthSection",
    "CacheSection",
    "CatalogSection",
    "Configuration",
    "DebugSection",
    "DeleteSection",
    "FileCheck",
    "HTTPCheck",
    "HTTPSection",
    "HealthSection",
    "HoldfastSection",
    "LogFormatter",
    "LogHook",
    "LogLevel",
    "LogSection",
    "MaintenanceSection",
    "Problem",
    "Reading",
    "StorageCheck",
    "StorageSection",
    "TCPCheck",
    "TLSSection",
    "TagsSection",
    "Unhonoured",
    "ValidationSection",
    "load",
    "parse",
    "read",
    "read_bytes",
    "read_values",
    "unhonoured",
]
