"""Objects in a bucket of Google Cloud Storage, over its JSON API.

    <root>/docker/registry/v2/...                     committed content, under the keys that Distribution writes
    <root>/.uploads~/<path>~                          the record of an unfinished write
    <root>/.uploads~/<path>~<upload>~                 the mark of an open upload of parts: its content is the key
    <root>/.uploads~/<path>~<upload>~<number>         its parts, objects until they are composed
    <root>/.uploads~/<path>~<upload>~<level>.<number> groups of parts, while they are being composed

The service's own resumable sessions can't be listed, and take one part at a time; so parts are objects, and an upload
is completed by composing them, at most 32 at once.

Where to read on: `bucket` is the contract, `_client` sends requests, `_credentials` finds out as whom, `_uploads` keeps
uploads of parts, `_signing` makes URLs for redirects, `_objects` is the wire format.
"""

from holdfast.storage.drivers.gcs.driver import GCSDriver
from holdfast.storage.drivers.gcs.options import GCSOptions

__all__ = ["GCSDriver", "GCSOptions"]
