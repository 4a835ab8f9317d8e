"""The checks, one noun per module; `holdfast.checking.table` has them in order."""
