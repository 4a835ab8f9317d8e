"""Any storage driver as a filesystem of fsspec, and so of pandas, pyarrow, dask and whatever else takes one.

    import fsspec

    options = {"driver": "filesystem", "parameters": {"rootdirectory": "/var/lib/registry"}}
    with fsspec.open("holdfast://reports/march.csv", "w", **options) as file:
        file.write("...")

The protocol `holdfast` is known to fsspec once this package is installed together with fsspec (`holdfast[fsspec]`).

The other direction, a driver over a filesystem of fsspec, is `holdfast.storage.drivers.fsspec`.
"""

from holdfast.fsspec._filesystem import HoldfastFileSystem

__all__ = ["HoldfastFileSystem"]
