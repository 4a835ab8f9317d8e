"""Real servers, clients and images for the tests: nothing here is a test."""
