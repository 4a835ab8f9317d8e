"""Measures Holdfast against Debian's docker-registry and against nginx, side by side: `python -m benchmarks`."""
