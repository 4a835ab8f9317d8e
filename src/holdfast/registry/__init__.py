"""An OCI registry on `holdfast.storage`: Distribution's storage layout, its clients, its configuration file.

`model` reads the specifications' nouns, `store` keeps them in storage, `http` speaks of them to clients, `app`
puts these together, `server` serves the result.
"""
