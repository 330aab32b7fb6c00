"""Servers for a machine with nothing installed: `connectrt start --dev`.

For trying and for tests. Each server ends with this process, however this process ends.
"""

from connectrt.dev.servers import DevServers

__all__ = ["DevServers"]
