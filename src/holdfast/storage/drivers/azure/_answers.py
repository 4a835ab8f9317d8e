"""What requests and answers say of blobs: headers and documents, to and fro."""

from __future__ import annotations

from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import unquote
from xml.etree import ElementTree as ET

from azure.storage.blob import UserDelegationKey

from holdfast.storage.driver import MatchVersion
from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
from holdfast.storage.errors import UnexpectedStorageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from holdfast.storage.driver import Precondition

__all__ = [
    "BLOCK_BLOB",
    "Listed",
    "Listing",
    "block_list",
    "described",
    "headers_for",
    "if_match",
    "read_blocks",
    "read_delegation_key",
    "read_listing",
    "told_version",
]

BLOCK_BLOB: Final = "BlockBlob"
"""The type of all that we write; Distribution has written append blobs, too."""


class Listed(NamedTuple):
    """A blob of a listing.

    Attributes:
        info: What is known of it.
        type: Its type.
    """

    info: ObjectInfo
    type: str


class Listing(NamedTuple):
    """A page of a listing.

    Attributes:
        blobs: The blobs.
        prefixes: The common prefixes.
        marker: Where the next page begins; `None` at the end.
    """

    blobs: list[Listed]
    prefixes: list[str]
    marker: str | None


def headers_for(precondition: Precondition | None) -> dict[str, str]:
    """The headers that make a write conditional."""
    if precondition is None:
        return {}
    return if_match(precondition.version) if isinstance(precondition, MatchVersion) else {"If-None-Match": "*"}


def if_match(version: str) -> dict[str, str]:
    """The header for one version only."""
    return {"If-Match": f'"{version}"'}


def told_version(headers: Mapping[str, str]) -> str | None:
    """The version in an answer, without the quotes, which a listing leaves out."""
    return headers.get("ETag", "").strip('"') or None


def described(key: str, headers: Mapping[str, str]) -> ObjectInfo:
    """The blob that an answer is about; its size is that of the whole, also where a range was sent."""
    range_of = headers.get("Content-Range", "").rpartition("/")[2]
    modified = headers.get("Last-Modified")
    return ObjectInfo(
        key=key,
        size=int(range_of or headers.get("Content-Length", "0")),
        modified=parsedate_to_datetime(modified) if modified else None,
        version=told_version(headers),
    )


def read_listing(document: bytes) -> Listing:
    """Read a page of a listing (https://learn.microsoft.com/rest/api/storageservices/list-blobs)."""
    root = _parse(document)
    return Listing(
        blobs=[_listed(element) for element in root.iterfind("Blobs/Blob")],
        prefixes=[_name(element) for element in root.iterfind("Blobs/BlobPrefix")],
        marker=root.findtext("NextMarker") or None,
    )


def read_blocks(document: bytes) -> dict[str, int]:
    """Read a list of uncommitted blocks: their ids as they are on the wire, each with its size in bytes."""
    blocks = _parse(document).iterfind("UncommittedBlocks/Block")
    return {block.findtext("Name", ""): int(block.findtext("Size", "0")) for block in blocks}


def block_list(block_ids: Iterable[str]) -> bytes:
    """Write the document that makes uncommitted blocks a blob."""
    root = ET.Element("BlockList")
    for block_id in block_ids:
        ET.SubElement(root, "Uncommitted").text = block_id
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document


def read_delegation_key(document: bytes) -> UserDelegationKey:
    """Read a key that the service gave our identity to sign with."""
    root = _parse(document)
    key = UserDelegationKey()  # type: ignore[no-untyped-call] # the SDK leaves its constructor without types
    key.signed_oid = root.findtext("SignedOid")
    key.signed_tid = root.findtext("SignedTid")
    key.signed_start = root.findtext("SignedStart")
    key.signed_expiry = root.findtext("SignedExpiry")
    key.signed_service = root.findtext("SignedService")
    key.signed_version = root.findtext("SignedVersion")
    key.value = root.findtext("Value")
    return key


def _parse(document: bytes) -> ET.Element:
    try:
        return ET.fromstring(document)  # noqa: S314 # from the account we trust with our content
    except ET.ParseError as error:
        raise UnexpectedStorageError("the service's answer can't be understood") from error


def _listed(element: ET.Element) -> Listed:
    properties = element.find("Properties")
    if properties is None:
        raise UnexpectedStorageError("the service lists a blob without its properties")
    modified = properties.findtext("Last-Modified")
    info = ObjectInfo(
        key=_name(element),
        size=int(properties.findtext("Content-Length") or 0),
        modified=parsedate_to_datetime(modified) if modified else None,
        version=properties.findtext("Etag", "").strip('"') or None,
    )
    return Listed(info, properties.findtext("BlobType", BLOCK_BLOB))


def _name(element: ET.Element) -> str:
    """A name; one with characters that XML can't have is escaped as in a URL."""
    name = element.find("Name")
    if name is None or name.text is None:
        raise UnexpectedStorageError("the service lists a blob without its name")
    return unquote(name.text) if name.get("Encoded") == "true" else name.text
