"""Objects in a container of OpenStack Swift, under the names that Distribution 2 wrote.

    <prefix>/files/docker/registry/v2/...          committed content; of a large one only the manifest
    <prefix>/segments/<3 digits>/<37 digits>/<n>…  the segments of one large object
    <prefix>/files/.uploads~/<path>~               the record of an unfinished write
    <prefix>/files/.uploads~/<path>~<upload>~      the mark of an open upload of parts: its content is the key

A large object is a manifest that names its segments: one by one where the cluster has static large objects (SLO), by
what their names begin with elsewhere (DLO), as Distribution always did. Both are read.

Where to read on: `bucket` is the contract, `_client` sends requests, `_auth` finds out as whom, `_features` is what the
cluster tells of itself, `_large` are manifests and segments, `_uploads` keeps uploads of parts, `_tempurl` makes URLs
for redirects, `_objects` is the wire format.
"""

from holdfast.storage.drivers.swift.driver import SwiftDriver
from holdfast.storage.drivers.swift.options import SwiftOptions

__all__ = ["SwiftDriver", "SwiftOptions"]
