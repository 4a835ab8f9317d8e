"""Objects of Amazon S3, or of a store that speaks its protocol.

Storage paths are keys below `rootdirectory`, as in Distribution; what the core of all object stores keeps besides
is described in `holdfast.storage.drivers._objectstore.keys`.

Where to read on: `options` is what there is to configure, `profiles.toml` what the stores of different vendors can
do, `bucket` the operations, `_client` the SDK and its credentials, `_reads` the fast way to read, `errors` the table
of errors.
"""

from holdfast.storage.drivers.s3.driver import S3Driver
from holdfast.storage.drivers.s3.options import S3Options

__all__ = ["S3Driver", "S3Options"]
