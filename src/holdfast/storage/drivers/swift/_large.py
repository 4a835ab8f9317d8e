"""Large objects: manifests, and the segments that they are made of.

Static ones (SLO) name each segment, with its size and MD5, and the cluster checks them when the manifest is written:
https://docs.openstack.org/swift/latest/overview_large_objects.html#static-large-objects

Dynamic ones (DLO), all that Distribution writes, are whatever is listed with a prefix at the moment of reading; so a
listing that lags makes them shorter for a while. Ours tell in their metadata how long they are.

Segments belong to one manifest. While that is moved there are two for a moment, or for good, if we are killed then; so
each tells of the other, and who deletes the one that was moved away doesn't delete the segments of the other.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import unquote

import msgspec

from holdfast.storage.drivers.swift._objects import CONTENT_TYPE, described, quoted
from holdfast.storage.drivers.swift._waiting import Looking
from holdfast.storage.drivers.swift.errors import translated
from holdfast.storage.errors import PathNotFoundError, StorageUnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from holdfast.storage.drivers._objectstore.bucket import ObjectInfo
    from holdfast.storage.drivers.swift._client import SwiftClient
    from holdfast.storage.drivers.swift._objects import Entry

__all__ = ["LAGGING", "Large", "Larges", "Segment", "is_large", "lagging"]

_META: Final = "X-Object-Meta-Holdfast-"
_SIZE, _MOVED_TO, _MOVED_FROM = f"{_META}Size", f"{_META}Moved-To", f"{_META}Moved-From"
_DYNAMIC: Final = "X-Object-Manifest"

_OURS: Final = re.compile(r"[0-9a-f]{3}/[0-9a-f]{37}")
"""Where segments are, below `segments/`: a SHA-1 in two pieces."""

_BETWEEN: Final = "/manifest-"
"""What the names of manifests between go on with, after the place of the segments."""

LAGGING: Final = "the segments of a large object don't show in the cluster's listings yet"


class Segment(NamedTuple):
    """A piece of a large object.

    Attributes:
        container: Where it is.
        name: Its name there.
        size: Its bytes.
        etag: Its MD5; of a manifest within a manifest that of others.
        range: Where only a part of it counts, as manifests of others may have it.
        is_manifest: Whether it is a large object itself.
    """

    container: str
    name: str
    size: int
    etag: str
    range: str | None = None
    is_manifest: bool = False


class Large(NamedTuple):
    """A large object.

    Attributes:
        key: Where its manifest is.
        size: Its bytes.
        dynamic: The header that says what the names of its segments begin with; `None` of a static one.
        segments: Its segments; of a dynamic one only those that are known already.
        moved_to: Where its manifest was being moved to; empty for nowhere.
        moved_from: Where its manifest was moved from; empty for nowhere.
    """

    key: str
    size: int
    dynamic: str | None
    segments: tuple[Segment, ...]
    moved_to: str
    moved_from: str

    def shares(self, other: Large | None) -> bool:
        """Whether another one is made of the same segments."""
        if other is None:
            return False
        if self.dynamic is not None or other.dynamic is not None:
            return self.dynamic == other.dynamic
        return bool({segment[:2] for segment in self.segments} & {segment[:2] for segment in other.segments})


class _Line(msgspec.Struct, rename={"size": "bytes", "etag": "hash"}):
    name: str = ""  # content that is in the manifest itself has none
    size: int = 0
    etag: str = ""
    range: str | None = None
    sub_slo: bool = False


_lines = msgspec.json.Decoder(list[_Line])


def is_large(headers: Mapping[str, str]) -> bool:
    """Whether the headers of an answer are those of a large object."""
    return _DYNAMIC in headers or headers.get("X-Static-Large-Object", "").lower() == "true"


class Larges:
    """The large objects of a container.

    Args:
        client: Sends requests.
        root: What the names of our segments begin with, ending in a slash.
    """

    def __init__(self, client: SwiftClient, root: str) -> None:
        self._client = client
        self._root = root

    def prefix(self, upload_id: str) -> str:
        """What the names of an upload's segments begin with, as upstream has it: without a slash at the end."""
        return f"{self._root}{upload_id[:3]}/{upload_id[3:]}"

    def upload_of(self, large: Large) -> str | None:
        """The upload that a large object was made by; `None` where it isn't in our place."""
        names = [self._place(large.dynamic)] if large.dynamic else [segment.name for segment in large.segments[:1]]
        for name in names:
            inner = name.removeprefix(self._root)
            if name.startswith(self._root) and _OURS.match(inner):
                return inner[:41].replace("/", "")
        return None

    async def find(self, key: str) -> Large | None:
        """Return the large object at a key; `None` where nothing is, or another object."""
        try:
            return await self.read(key, await self._client.head(key))
        except PathNotFoundError:
            return None

    async def read(self, key: str, headers: Mapping[str, str]) -> Large | None:
        """Return the large object at a key of which the headers are known; `None` where it isn't large."""
        if not is_large(headers):
            return None
        dynamic = headers.get(_DYNAMIC)
        segments = () if dynamic is not None else await self._lines(key)
        size = self.described(key, headers).size
        moved_to, moved_from = (unquote(headers.get(name, "")) for name in (_MOVED_TO, _MOVED_FROM))
        return Large(key, size, dynamic, segments, moved_to, moved_from)

    @staticmethod
    def described(key: str, headers: Mapping[str, str]) -> ObjectInfo:
        """Describe an object; of a dynamic one of ours with the size that it was committed with."""
        info = described(key, headers)
        told = headers.get(_SIZE, "")
        if _DYNAMIC in headers and told.isdecimal():
            return msgspec.structs.replace(info, size=int(told))
        return info

    async def is_lagging(self, headers: Mapping[str, str], size: int) -> bool:
        """Whether some segments of a large object can't show in the listing that its size was told by."""
        if _DYNAMIC not in headers:
            return False
        if told := headers.get(_SIZE):
            return told.isdecimal() and int(told) != size
        # Upstream's numbers them from 1. It makes some without any, too.
        place = self._place(headers[_DYNAMIC])
        return size == 0 and bool(place) and await self._is_there(f"{place}/{1:016}")

    async def owned(self, large: Large) -> list[str]:
        """The names of the segments, and of manifests between, that are to be deleted with a large object.

        None of those that aren't in our place, and none that another manifest has taken over.
        """
        if large.moved_to and large.shares(await self.find(large.moved_to)):
            return []
        if large.dynamic is not None:
            place = self._place(large.dynamic)
            if not (place.startswith(self._root) and _OURS.match(place[len(self._root) :])):
                return []
            return await self._listed(place, large.size)
        return await self._static(large.segments)

    async def whole_segments(self, large: Large) -> list[Segment] | None:
        """The segments of an object, if each can be copied by itself; those of manifests between among them.

        Raises:
            StorageUnavailableError: Some of a dynamic object don't show.
        """
        if large.dynamic is None:
            segments = await self._flat(large.segments)
            return None if any(segment.range is not None for segment in segments) else segments
        place = self._place(large.dynamic)
        if not place:
            return None
        looking = Looking()
        while await looking.again():
            entries = await self._client.list_all(place)
            if sum(entry.bytes for entry in entries) == large.size:
                return [Segment(self._client.container, entry.name, entry.bytes, entry.etag) for entry in entries]
        raise lagging()

    async def segments_of(self, headers: Mapping[str, str]) -> list[Entry]:
        """What is listed of the segments of a dynamic object of ours or upstream's; nothing of any other.

        Args:
            headers: Those of an answer about it.
        """
        place = self._place(headers.get(_DYNAMIC))
        return await self._client.list_all(place) if place else []

    async def listed(self, upload_id: str) -> dict[str, Entry]:
        """The segments of an upload as they are listed now, by name."""
        return {entry.name: entry for entry in await self._client.list_all(f"{self.prefix(upload_id)}/")}

    async def write_static(
        self, key: str, segments: Sequence[Segment], headers: Mapping[str, str], upload_id: str | None = None
    ) -> None:
        """Write a manifest of segments; more than it may have are put into manifests between, beside the segments."""
        most = (await self._client.features()).max_segments
        level = 0
        while len(segments) > most and upload_id is not None:
            between: list[Segment] = []
            for start in range(0, len(segments), most):
                group = segments[start : start + most]
                name = f"{self.prefix(upload_id)}{_BETWEEN}{level}-{len(between):05}"
                await self._put_static(name, group, {})
                size = sum(segment.size for segment in group)
                between.append(Segment(self._client.container, name, size, "", is_manifest=True))
            segments, level = between, level + 1
        await self._put_static(key, segments, headers)

    async def write_dynamic(self, key: str, dynamic: str, headers: Mapping[str, str]) -> None:
        """Write a manifest of all that has a prefix."""
        await self._client.put(key, headers={"Content-Type": CONTENT_TYPE, _DYNAMIC: dynamic, **headers})

    @staticmethod
    def is_between(name: str) -> bool:
        """Whether it is the name of a manifest between, not of a segment."""
        return _BETWEEN in name

    def dynamic(self, upload_id: str) -> str:
        """How a dynamic manifest names the segments of an upload."""
        return quoted(f"{self._client.container}/{self.prefix(upload_id)}")

    @staticmethod
    def sized(size: int) -> dict[str, str]:
        """The header of a manifest that says how long the object is."""
        return {_SIZE: str(size)}

    async def note_move(self, large: Large, target: str) -> None:
        """Note at a manifest where it is moved to, before anything is there."""
        headers = {_MOVED_TO: quoted(target), **self.sized(large.size)}
        if large.dynamic is not None:  # otherwise it would be none any more
            headers[_DYNAMIC] = large.dynamic
        await self._client.call("POST", large.key, headers=headers)

    async def repeat(self, large: Large, target: str) -> None:
        """Write the same manifest somewhere else."""
        headers = {_MOVED_FROM: quoted(large.key), **self.sized(large.size)}
        if large.dynamic is not None:
            await self.write_dynamic(target, large.dynamic, headers)
        else:
            await self._put_static(target, large.segments, headers)

    def _place(self, dynamic: str | None) -> str:
        """What the names of a dynamic object's segments begin with; empty for those of another container."""
        container, _, prefix = unquote(dynamic or "").partition("/")
        return prefix if container == self._client.container else ""

    async def _is_there(self, name: str) -> bool:
        try:
            await self._client.head(name)
        except PathNotFoundError:
            return False
        return True

    async def _lines(self, key: str) -> tuple[Segment, ...]:
        answer = await self._client.call("GET", key, params={"multipart-manifest": "get"})
        with translated():
            lines = _lines.decode(answer.content)
        parts = [(line.name.lstrip("/").partition("/"), line) for line in lines]
        return tuple(
            Segment(container, name, line.size, line.etag, line.range, line.sub_slo)
            for (container, _, name), line in parts
        )

    async def _flat(self, segments: Sequence[Segment]) -> list[Segment]:
        found: list[Segment] = []
        for segment in segments:
            is_ours = segment.is_manifest and segment.range is None and segment.container == self._client.container
            found += await self._flat(await self._lines(segment.name)) if is_ours else [segment]
        return found

    async def _static(self, segments: Sequence[Segment]) -> list[str]:
        names: list[str] = []
        for segment in segments:
            inner = segment.name[len(self._root) :]
            is_ours = segment.name.startswith(self._root) and _OURS.match(inner)
            if segment.container != self._client.container or not is_ours:
                continue
            if segment.is_manifest:
                try:
                    names += await self._static(await self._lines(segment.name))
                except PathNotFoundError:  # an earlier attempt to delete all this has come so far
                    continue
            names.append(segment.name)
        return names

    async def _listed(self, place: str, size: int) -> list[str]:
        """The segments of a dynamic object, waited for as far as its size tells of more."""
        names: list[str] = []
        looking = Looking()
        while await looking.again():
            entries = await self._client.list_all(f"{place}/")
            names = [entry.name for entry in entries]
            if sum(entry.bytes for entry in entries) >= size:
                break
        known = set(names)
        number = 1
        while (name := f"{place}/{number:016}") in known or (bool(known) and await self._is_there(name)):
            names += [] if name in known else [name]
            number += 1
        return names

    async def _put_static(self, key: str, segments: Sequence[Segment], headers: Mapping[str, str]) -> None:
        lines: list[dict[str, Any]] = []
        for segment in segments:
            line: dict[str, Any] = {"path": f"/{segment.container}/{segment.name}", "size_bytes": segment.size}
            if segment.etag and not segment.is_manifest:
                line["etag"] = segment.etag
            if segment.range is not None:
                line["range"] = segment.range
            lines.append(line)
        body = msgspec.json.encode(lines)
        await self._client.put(
            key, body, params={"multipart-manifest": "put"}, headers={"Content-Type": CONTENT_TYPE, **headers}
        )


def lagging() -> StorageUnavailableError:
    """What is told where waiting was in vain."""
    return StorageUnavailableError(LAGGING)
