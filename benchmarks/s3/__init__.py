"""Holdfast and docker-registry on the same bucket of a real object store, and what a client of the store alone does."""
