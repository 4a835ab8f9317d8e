"""What the drivers of object stores share; each brings a `Bucket`."""
