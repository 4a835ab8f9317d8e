"""What `holdfast serve` tells the person who started it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import SecretBytes, SecretStr

from holdfast import __version__

if TYPE_CHECKING:
    from holdfast.config import Address
    from holdfast.config.middleware import NamesAndOptions
    from holdfast.storage.options import DriverOptions

__all__ = ["announcement", "socket_announcement", "warning", "whereabouts"]


def announcement(address: Address, where: str, *, tls: bool = False) -> str:
    """Where the registry listens, where its data is, and how to push to it, from this machine."""
    here = address.from_here
    scheme, trust = ("https", "") if tls else ("http", "--dest-tls-verify=false ")
    reach = " (every address of this machine)" if address.is_wildcard else ""
    return "\n".join(
        (
            f"Holdfast {__version__} listens on {scheme}://{_shown(address)}{reach}",
            f"Data:  {where}",
            f"Push:  docker tag IMAGE {here}/NAME:TAG && docker push {here}/NAME:TAG",
            f"   or  skopeo copy {trust}docker-daemon:IMAGE docker://{here}/NAME:TAG",
        )
    )


def socket_announcement(path: Path, where: str) -> str:
    """As `announcement`, for a registry that listens on a unix socket: clients come through a proxy."""
    return f"Holdfast {__version__} listens on {path}\nData:  {where}"


def warning(address: Address, *, tls: bool = False, knows_clients: bool = False) -> str | None:
    """What to know about a registry that others can reach; `None` where only this machine or known clients can.

    Args:
        address: Where it listens.
        tls: Whether connections are encrypted.
        knows_clients: Whether every client must show a certificate that is verified.
    """
    if address.is_loopback or knows_clients:
        return None
    lacks, does = ("no authentication", "asks for one") if tls else ("no authentication and no TLS", "does both")
    return (
        f"{lacks}: whoever reaches this address can read and push."
        f" Put a proxy that {does} in front, or listen on 127.0.0.1."
    )


def whereabouts(driver: str, options: DriverOptions, middleware: NamesAndOptions = ()) -> str:
    """Where a driver keeps its data, as far as its options tell; secrets are left out.

    Args:
        driver: Its name.
        options: Its options.
        middleware: What stands around it, the innermost first; named by the order in which a request passes it.
    """
    through = ", ".join(name for name, _ in reversed(middleware))
    place = _place(driver, options)
    return f"{place}, through {through}" if through else place


def _place(driver: str, options: DriverOptions) -> str:
    root = getattr(options, "rootdirectory", None)
    if driver == "filesystem" and root is not None:
        return str(Path(str(root)).absolute())
    if driver == "inmemory":
        return "memory; it is gone when the registry stops"
    told = {key: getattr(options, key) for key in sorted(options.model_fields_set)}
    open_ones = [f"{key}={value}" for key, value in told.items() if not isinstance(value, SecretStr | SecretBytes)]
    return " ".join((driver, *open_ones))


def _shown(address: Address) -> str:
    return str(address) if address.host else f"0.0.0.0:{address.port}"
