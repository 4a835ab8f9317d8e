"""The command line: `holdfast serve`, `holdfast drivers`."""
