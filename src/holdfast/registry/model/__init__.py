"""The nouns of the OCI specifications, as values: they read and check, and touch no storage."""
