"""The drivers that come with Holdfast. Each is found by its entry point, as a stranger's is; import none from here."""

__all__: list[str] = []
