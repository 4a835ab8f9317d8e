"""What keeps a registry's storage in order, beside the requests: purging of uploads, the read-only switch."""
