"""`kill -9` at any moment loses no offset whose write had returned."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

from connectrt.storage.file import FileOffsetStore

WRITER = """
import sys
from pathlib import Path
from connectrt.storage.file import FileOffsetStore
store = FileOffsetStore(Path(sys.argv[1]))
[known] = store.read("orders", [{"table": "a"}])
number = known["id"] if known else 0
while True:
    number += 1
    store.write("orders", [({"table": "a"}, {"id": number})])
    print(number, flush=True)
"""


def test_a_killed_writer_leaves_the_last_offset_it_committed_or_the_one_under_way(tmp_path: Path) -> None:
    path = tmp_path / "offsets"
    committed = 0
    for _ in range(5):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True)
        assert writer.stdout
        for _ in range(random.randint(1, 40)):
            committed = int(writer.stdout.readline())
        writer.kill()
        committed = max([committed, *map(int, writer.stdout.read().split())])
        writer.stdout.close()
        writer.wait()
        [offset] = FileOffsetStore(path).read("orders", [{"table": "a"}])
        assert offset in ({"id": committed}, {"id": committed + 1})
