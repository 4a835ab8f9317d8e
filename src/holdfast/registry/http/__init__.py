"""The registry's HTTP interface: one module per noun, one table of routes, one table of errors."""
