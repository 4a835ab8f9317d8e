"""The checks in the order in which they are made: what others stand on comes first."""

from __future__ import annotations

from typing import Final

from holdfast.checking.check import Check
from holdfast.checking.checks import (
    clock,
    contents,
    deletions,
    listings,
    moves,
    preconditions,
    present,
    redirects,
    sharing,
    uploads,
    visibility,
    writers,
)

__all__ = ["CHECKS", "READ_ONLY_CHECKS"]

_STORE: Final = "choose another store: the registry relies on this, and so would any other"
_CONSISTENT: Final = (
    "choose a store that is consistent: no cache in between, and no replica that lags; the registry would lose images"
)
_CONDITIONS: Final = "see that nothing between us and the store drops the condition; else configure it as not supported"
_LARGE: Final = 4.0

CHECKS: Final = (
    Check(name="reach", what="Reach the store", run=contents.reach),
    Check(name="write", what="Write small files", run=contents.write, needs=("reach",), remedy=_STORE),
    Check(name="read", what="Read them back", run=contents.read, needs=("write",), remedy=_STORE),
    Check(name="overwrite", what="Replace a file", run=contents.overwrite, needs=("write", "read"), remedy=_CONSISTENT),
    Check(name="stat", what="Describe a file and a directory", run=contents.stat, needs=("write",), remedy=_STORE),
    Check(name="absent", what="Tell that nothing is there", run=contents.absent, needs=("read",), remedy=_STORE),
    Check(name="range", what="Read parts of a file", run=contents.ranges, needs=("write",), remedy=_STORE),
    Check(
        name="names",
        what="Keep names apart, and long ones",
        run=contents.names,
        needs=("write", "read"),
        remedy="choose a store whose names have upper and lower case, and 255 bytes: tags differ by case alone",
    ),
    Check(name="list", what="List a directory", run=listings.listing, needs=("write",), remedy=_STORE),
    Check(name="walk", what="Walk a tree in order", run=listings.walk, needs=("write",), remedy=_STORE),
    Check(name="delete", what="Delete a file", run=deletions.delete, needs=("write",), remedy=_CONSISTENT),
    Check(name="delete many", what="Delete many files", run=deletions.delete_many, needs=("write",), remedy=_STORE),
    Check(
        name="delete directory",
        what="Delete a directory, not its namesakes",
        run=deletions.delete_directory,
        needs=("write", "stat"),
        remedy=_STORE,
    ),
    Check(
        name="large write",
        what="Write a large file in parts",
        run=writers.large_write,
        needs=("write",),
        remedy=_STORE,
        patience=_LARGE,
    ),
    Check(
        name="large read",
        what="Read the large file back",
        run=writers.large_read,
        needs=("large write",),
        remedy=_STORE,
        patience=_LARGE,
    ),
    Check(
        name="large move",
        what="Move the large file",
        run=moves.large_move,
        needs=("large write", "large read"),
        remedy=_STORE,
        patience=_LARGE,
    ),
    Check(name="move", what="Move a file over another", run=moves.move, needs=("write", "read"), remedy=_STORE),
    Check(
        name="append",
        what="Continue a write that was closed",
        run=writers.append,
        needs=("write", "read"),
        remedy=_STORE,
    ),
    Check(
        name="resume",
        what="Continue a write by its token",
        run=writers.resume,
        needs=("large write", "large read"),
        capability="write_resume_token",
        without="uploads are looked up before they go on",
        remedy=_STORE,
        patience=_LARGE,
    ),
    Check(
        name="abandoned uploads",
        what="List and abort unfinished writes",
        run=uploads.abandoned,
        needs=("large write",),
        capability="list_uploads",
        without="what an interrupted push leaves isn't found by `holdfast purge-uploads`",
        remedy="set a rule of the store's own that ends unfinished uploads, or configure another profile",
        patience=_LARGE,
    ),
    Check(
        name="share",
        what="See and continue what another registry does",
        run=sharing.share,
        needs=("append",),
        capability="shared",
        without="only the process that serves it sees it, and it ends with that process",
        remedy=_CONSISTENT,
    ),
    Check(
        name="create only",
        what="Create a file that nobody else has",
        run=preconditions.create_only,
        needs=("write", "read"),
        capability="put_create_only",
        without="of two that create the same at once, the last one counts",
        remedy=_CONDITIONS,
    ),
    Check(
        name="match version",
        what="Replace only the version one knows",
        run=preconditions.match_version,
        needs=("write", "read"),
        capability="put_match_version",
        without="of two that replace the same at once, the last one counts",
        remedy=_CONDITIONS,
    ),
    Check(
        name="read at once",
        what="See writes and deletes at once",
        run=visibility.read_at_once,
        needs=("read", "delete"),
        remedy=_CONSISTENT,
    ),
    Check(
        name="listed at once",
        what="See them in lists at once",
        run=visibility.listed_at_once,
        needs=("list", "delete"),
        remedy=_CONSISTENT,
    ),
    Check(
        name="redirect GET",
        what="Send a client there for content",
        run=redirects.redirect_get,
        needs=("write",),
        capability="redirect_get",
        without="all content goes through the registry",
        remedy="let clients in at that address, or set storage.redirect.disable: true",
    ),
    Check(
        name="redirect HEAD",
        what="Send a client there for a size",
        run=redirects.redirect_head,
        needs=("write",),
        capability="redirect_head",
        without="the registry answers HEAD itself",
        remedy="let clients in at that address, or set storage.redirect.disable: true",
    ),
    Check(name="clock", what="Compare clocks", run=clock.clock, needs=("write", "stat")),
)
"""Those that write, in a directory of their own."""

READ_ONLY_CHECKS: Final = (
    Check(name="reach", what="Reach the store", run=contents.reach),
    Check(name="list", what="List the root", run=present.list_present, needs=("reach",), remedy=_STORE),
    Check(name="walk", what="Walk over the first files", run=present.walk_present, needs=("reach",), remedy=_STORE),
    Check(name="absent", what="Tell that nothing is there", run=contents.absent, needs=("reach",), remedy=_STORE),
    Check(name="read", what="Describe and read a file", run=present.read_present, needs=("walk",), remedy=_STORE),
    Check(name="range", what="Read a part of it", run=present.range_present, needs=("read",), remedy=_STORE),
    Check(
        name="abandoned uploads",
        what="Count unfinished writes",
        run=present.uploads_present,
        needs=("reach",),
        capability="list_uploads",
        without="what an interrupted push left can't be found",
    ),
    Check(
        name="redirect GET",
        what="Send a client there for content",
        run=present.redirect_present,
        needs=("read",),
        capability="redirect_get",
        without="all content goes through the registry",
        remedy="let clients in at that address, or set storage.redirect.disable: true",
    ),
)
"""Those that write nothing, and look at what is there."""
