"""Blobs of an Azure storage account, below one root of one container.

    <root>docker/registry/v2/...      committed files, at the names that Distribution gives them
    <root>.uploads~/<path>~           unfinished writes; their parts are uncommitted blocks at the file's own name
    <path>~s<id>                      parts of a write to a name at which an append blob is

Where to read on: `bucket` is what the service does for us, `_service` sends all requests, `_uploads` says how blocks
become uploads, `_copying` how blobs are copied, `_access` and `_signing` as whom, and `errors` what goes wrong.
"""

from holdfast.storage.drivers.azure.driver import AzureDriver
from holdfast.storage.drivers.azure.options import AzureOptions

__all__ = ["AzureDriver", "AzureOptions"]
