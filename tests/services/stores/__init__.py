"""Real object stores, for the tests of drivers: servers of our own on loopback, and a look behind a driver's back."""
