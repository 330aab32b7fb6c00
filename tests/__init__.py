"""Tests of connectrt; `unit` needs nothing, `integration` and `e2e` need the servers of `tests.servers`."""
