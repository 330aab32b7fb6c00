"""Run one server as a child and outlive its owner just long enough to clean up after it; run as a script.

Invariant: when the owner is gone, however it died, the server is ended and its folder is removed.

The owner holds the write end of this process's standard input. A line there means "stop, keep the folder"; its end
without a line means the owner is gone. Standard output tells the server's process id, then its exit status.
`PR_SET_PDEATHSIG` would not do: it fires when the starting *thread* ends, is lost at setuid, and leaves the folder.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import threading

GRACE_S = 10.0


def main() -> None:
    """Run what the JSON object in the first argument says; see `connectrt.dev.process`."""
    order = json.loads(sys.argv[1])
    server = subprocess.Popen(
        order["command"], stdin=subprocess.DEVNULL, stdout=order["stdout"], stderr=order["stderr"],
        user=order["user"], group=order["user"], extra_groups=None if order["user"] is None else [],
        start_new_session=True,
    )
    # Only now: a child inherits what is ignored. The owner alone decides, by standard input; Ctrl-C is not for servers.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    print(server.pid, flush=True)
    threading.Thread(target=lambda: print(server.wait(), flush=True)).start()
    keep_folder = bool(sys.stdin.readline())
    server.send_signal(order["end_signal"])
    try:
        server.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()
    if not keep_folder and order["folder"] is not None:
        shutil.rmtree(order["folder"], ignore_errors=True)


if __name__ == "__main__":
    main()
