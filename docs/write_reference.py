"""Write docs/config.md from the definitions that parse and validate. `--check` fails if it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

from connectrt.config.reference import markdown
from connectrt.worker.config import SINK, SOURCE, WORKER

PAGE = Path(__file__).with_name("config.md")
INTRODUCTION = """# Keys of workers and connectors

Made from the definitions that also parse, validate and answer REST: `poe docs` writes this page. Kafka Connect's keys
keep their names, types and meaning; those of our own begin with `tracing.` or `task.`. A connector's own keys are
shown by `connectrt plugins NAME`. A connector that does not set a `tracing.` key takes the worker's.
"""


def page() -> str:
    parts = (("Worker", WORKER), ("Sink connectors", SINK), ("Source connectors", SOURCE))
    return INTRODUCTION + "".join(f"\n## {title}\n\n{markdown(definition)}" for title, definition in parts)


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit(f"{PAGE.name} is stale: poe docs")
