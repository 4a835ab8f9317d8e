"""Real clients and a real Go registry against a running `holdfast serve`."""
