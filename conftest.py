"""Make the real servers of `tests.servers` fixtures of every test below, those of connectors included."""

pytest_plugins = ["tests.servers.plugin"]
