"""Files in any service of Apache OpenDAL.

Where to read on: `backend` is the adapter, `_services` says what is known of the services beside what they say
themselves, `errors` is the table. The driver itself is that of all bridges, `holdfast.storage.drivers._bridge`.
"""

from holdfast.storage.drivers.opendal.driver import OpendalDriver
from holdfast.storage.drivers.opendal.options import OpendalOptions

__all__ = ["OpendalDriver", "OpendalOptions"]
