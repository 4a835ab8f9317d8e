"""What the author of a storage driver starts from: a package that is whole, works and is certified.

`holdfast drivers new` writes it. `template/` has its files, `DriverPackage` fills them in.
"""

__all__: list[str] = []
