"""Fuzzing: inputs nobody thought of, for a bounded time. `make fuzz`, or `python -m fuzz --help`."""
