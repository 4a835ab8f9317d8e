"""A container registry whose storage is pluggable, and the storage-driver toolkit under it.

- `holdfast.storage`: the storage driver API, its drivers and their factory;
- `holdfast.testing`: the certification suite that any driver is run through;
- `holdfast.registry`: an OCI registry on that API.
"""

__version__ = "0.1.0"
