"""`holdfast serve` as a process."""

import http.client
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from .server import Server, uncredentialed

__all__ = ["HOLDFAST", "HoldfastServer", "ServedTLS"]

HOLDFAST = Path(sys.executable).with_name("holdfast")
"""The command, as it is installed beside the Python that runs the tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedTLS:
    """The files that a server with TLS is started with.

    Attributes:
        certificate: Its certificate, in PEM form, for `127.0.0.1`.
        key: The certificate's key.
        authority: What clients trust.
        further: Other keys of `http.tls`.
    """

    certificate: Path
    key: Path
    authority: Path
    further: Mapping[str, object] | None = None

    def section(self) -> dict[str, object]:
        """Returns `http.tls` of the configuration file."""
        return {"certificate": str(self.certificate), "key": str(self.key), **(self.further or {})}


class HoldfastServer(Server):
    """Holdfast on a data folder: by command-line options, or by a configuration file when one is given.

    Args:
        root: The data folder.
        scratch: As for `Server`.
        port: As for `Server`.
        config: What the configuration file says beyond the filesystem storage and the address; sections named here
            are laid over those.
        tls: What it serves TLS with; plain HTTP when not given.
        driver: The driver and its parameters, as the section `storage` names them; the filesystem when not given.
    """

    name = "holdfast"

    def __init__(
        self,
        *,
        root: Path,
        scratch: Path,
        port: int | None = None,
        config: Mapping[str, Mapping[str, object]] | None = None,
        tls: ServedTLS | None = None,
        driver: Mapping[str, Mapping[str, object]] | None = None,
    ) -> None:
        super().__init__(root=root, scratch=scratch, port=port)
        if tls is not None:
            config = {**(config or {}), "http": {"tls": tls.section(), **(config or {}).get("http", {})}}
        if driver is not None:
            config = config or {}
        self._config = config
        self._driver = driver or {"filesystem": {"rootdirectory": str(root)}}
        self._tls = tls

    @property
    def url(self) -> str:
        """The base URL, without a slash at its end."""
        return super().url if self._tls is None else f"https://{self.address}"

    def connection(self) -> http.client.HTTPConnection:
        """Returns a new connection, not yet open, to ask whether the server is up."""
        if self._tls is None:
            return super().connection()
        context = ssl.create_default_context(cafile=self._tls.authority)
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=2, context=context)

    def command(self) -> list[str]:
        """Returns the command line, having written the configuration file it names, if any."""
        if self._config is None:
            return [str(HOLDFAST), "serve", "--root", str(self.root), "--addr", self.address]
        config: dict[str, object] = {
            "version": 0.1,
            **self._config,
            "storage": {**self._driver, **self._config.get("storage", {})},
            "http": {"addr": self.address, **self._config.get("http", {})},
        }
        path = self.scratch / f"{self.name}-{self.port}.yml"
        path.write_text(yaml.safe_dump(config))
        return [str(HOLDFAST), "serve", str(path)]

    def environment(self) -> dict[str, str]:
        """Returns our environment without what would configure the registry behind the test's back."""
        return uncredentialed(os.environ)
