"""Real servers for tests, on free ports of this machine, gone when the test run is gone."""
