"""Answer for the worker itself: what it is, whether it is well, what it has counted."""

from __future__ import annotations

import os
import platform
import resource
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import metadata

from starlette.requests import Request
from starlette.responses import Response

from connectrt.errors import NotFoundError
from connectrt.herder.herder import ConnectorStatus, Herder
from connectrt.metrics.render import CONTENT_TYPE, Labels, render
from connectrt.rest.bridge import HEALTH_TIMEOUT_S, RequestTimedOutError, call_herder, herder_of
from connectrt.rest.errors import json_response
from connectrt.worker.messages import State

_UNHEALTHY = "Worker was unable to handle this request and may be unable to handle other requests."


async def root(request: Request) -> Response:
    cluster = await call_herder(request, lambda herder: herder.kafka_cluster_id())
    return json_response({"version": _version(), "commit": "unknown", "kafka_cluster_id": cluster})


async def health(request: Request) -> Response:
    try:
        found = await call_herder(request, lambda herder: herder.health(), HEALTH_TIMEOUT_S)
    except RequestTimedOutError:
        return json_response({"status": "unhealthy", "message": _UNHEALTHY}, 500)
    if found.ready:
        return json_response({"status": "healthy", "message": found.message})
    return json_response({"status": "starting", "message": found.message}, 503)


async def metrics(request: Request) -> Response:
    return Response(render(_series(herder_of(request))), headers={"content-type": CONTENT_TYPE})


def _series(herder: Herder) -> Iterator[tuple[Labels, Mapping[str, float]]]:
    yield {}, {**herder.worker_metrics(), **_process()}
    yield {"version": _version(), "python_version": platform.python_version()}, {"build_info": 1}
    for name in herder.connectors():
        try:
            yield from _connector_series(name, herder.status(name), herder.connector_config(name))
        except NotFoundError:
            continue  # deleted meanwhile, or without a status yet
    for task, values in herder.metrics().items():
        yield {"connector": task.connector, "task": str(task.number)}, values


def _connector_series(name: str, status: ConnectorStatus,
                      config: Mapping[str, str]) -> Iterator[tuple[Labels, Mapping[str, float]]]:
    connector = {"connector": name}
    texts = {"status": status.connector.state.lower(), "connector_type": status.type.value,
             "connector_class": config["connector.class"], "connector_version": status.connector.version or "unknown"}
    for text, value in texts.items():
        yield {**connector, text: value}, {text: 1}
    states = [task.state for task in status.tasks.values()]
    counted = ("running", "paused", "failed", "unassigned", "restarting")
    yield connector, {"connector_total_task_count": len(states), "connector_destroyed_task_count": 0,
                      **{f"connector_{state}_task_count": states.count(State(state.upper())) for state in counted}}
    for number, task in status.tasks.items():
        labels = {**connector, "task": str(number)}
        yield {**labels, "status": task.state.lower()}, {"task_status": 1}
        yield labels, {"task_stalled": task.call is not None and task.call.stalled,
                       "task_call_seconds": task.call.seconds if task.call is not None else 0}


@cache
def _version() -> str:
    try:
        return metadata.version("connectrt")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from its sources


def _process() -> dict[str, float]:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    values = {"process_cpu_seconds_total": usage.ru_utime + usage.ru_stime}
    if sys.platform == "linux":
        with open("/proc/self/statm") as statm:
            values["process_resident_memory_bytes"] = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return values
