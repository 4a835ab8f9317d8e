"""Objects in a bucket of Alibaba Cloud OSS.

Storage paths are keys below `rootdirectory`, as in Distribution; what the core of all object stores keeps besides
is described in `holdfast.storage.drivers._objectstore.keys`.

Where to read on: `options` is what there is to configure, `bucket` the operations, `_client` the SDK, `_transport` what
its requests go by, `_credentials` as whom, `_documents` the XML of requests and answers, `errors` the table of errors.
"""

from holdfast.storage.drivers.oss.driver import OSSDriver
from holdfast.storage.drivers.oss.options import OSSOptions

__all__ = ["OSSDriver", "OSSOptions"]
