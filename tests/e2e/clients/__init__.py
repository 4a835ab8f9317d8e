"""Every client of a registry that runs here, on plain HTTP and on TLS."""
