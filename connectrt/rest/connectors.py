"""Answer for connectors and their tasks: parse, one call of the herder, render. (spec: Connect REST API)

Invariant: fields that Kafka Connect does not have stand in one object named `connectrt`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from connectrt.errors import NotFoundError
from connectrt.herder.herder import ConnectorInfo, ConnectorStatus, Herder, ItemStatus
from connectrt.rest.bodies import read_config, read_create
from connectrt.rest.bridge import call_herder, herder_of
from connectrt.rest.errors import FrameworkError, json_response
from connectrt.worker.messages import TaskId

_TASK_NUMBER: Final = re.compile(r"[+-]?0*[0-9]{1,10}")
#: Characters that Java leaves as they are in a Location. (RFC 3986: pchar, and the slash)
_UNQUOTED: Final = "/!$&'()*+,;=:@~"

Json = dict[str, object]


async def list_all(request: Request) -> Response:
    herder, expand = herder_of(request), request.query_params.getlist("expand")
    if "expand" not in request.query_params:
        return json_response(list(herder.connectors()))
    found: dict[str, Json] = {}
    for name in herder.connectors():
        entry: Json = {}
        try:
            if "status" in expand:
                entry["status"] = _status(herder, herder.status(name))
            if "info" in expand:
                entry["info"] = _info(herder.connector_info(name))
        except NotFoundError:
            continue  # deleted meanwhile, or without a status yet
        found[name] = entry
    return json_response(found)


async def create(request: Request) -> Response:
    new = await read_create(request)
    result = await call_herder(request, lambda herder: herder.put_connector_config(
        new.name, new.config, new.initial_state, allow_replace=False))
    return json_response(_info(result.info), 201, _location(request, new.name))


async def info(request: Request) -> Response:
    return json_response(_info(herder_of(request).connector_info(_name(request))))


async def config(request: Request) -> Response:
    return json_response(dict(herder_of(request).connector_config(_name(request))))


async def put_config(request: Request) -> Response:
    name = _name(request)
    given = await read_config(request, name)
    result = await call_herder(request, lambda herder: herder.put_connector_config(name, given))
    if result.created:
        return json_response(_info(result.info), 201, _location(request, name))
    return json_response(_info(result.info))


async def status(request: Request) -> Response:
    herder = herder_of(request)
    return json_response(_status(herder, herder.status(_name(request))))


async def restart(request: Request) -> Response:
    name, include_tasks, only_failed = _name(request), _flag(request, "includeTasks"), _flag(request, "onlyFailed")
    planned = await call_herder(request, lambda herder: herder.restart(name, include_tasks, only_failed))
    if include_tasks or only_failed:
        return json_response(_status(herder_of(request), planned), 202)
    return Response(status_code=204)


async def pause(request: Request) -> Response:
    await call_herder(request, lambda herder: herder.pause(_name(request)))
    return Response(status_code=202)


async def resume(request: Request) -> Response:
    await call_herder(request, lambda herder: herder.resume(_name(request)))
    return Response(status_code=202)


async def stop(request: Request) -> Response:
    await call_herder(request, lambda herder: herder.stop(_name(request)))
    return Response(status_code=204)


async def delete(request: Request) -> Response:
    await call_herder(request, lambda herder: herder.delete(_name(request)))
    return Response(status_code=204)


async def tasks(request: Request) -> Response:
    found = herder_of(request).task_configs(_name(request))
    return json_response([{"id": _task_id(task.id), "config": dict(task.config)} for task in found])


async def task_status(request: Request) -> Response:
    herder, task = herder_of(request), _task(request)
    item = herder.task_status(task)
    return json_response({"id": task.number, **_item(item, herder.metrics().get(task, {}))})


async def restart_task(request: Request) -> Response:
    task = _task(request)
    await call_herder(request, lambda herder: herder.restart_task(task))
    return Response(status_code=204)


def _name(request: Request) -> str:
    name: str = request.path_params["connector"]
    return name


def _task(request: Request) -> TaskId:
    text: str = request.path_params["task"]
    if not _TASK_NUMBER.fullmatch(text) or not -2**31 <= int(text) < 2**31:
        raise FrameworkError(404)  # Java: not an int, so no such path
    return TaskId(_name(request), int(text))


def _flag(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() == "true"


def _location(request: Request, name: str) -> dict[str, str]:
    host = request.headers.get("host", "")
    path = quote(f"/connectors/{name}", safe=_UNQUOTED, errors="replace")
    return {"location": f"{request.url.scheme}://{host}{path}"}


def _task_id(task: TaskId) -> Json:
    return {"connector": task.connector, "task": task.number}


def _info(found: ConnectorInfo) -> Json:
    return {"name": found.name, "config": dict(found.config), "tasks": [_task_id(task) for task in found.tasks],
            "type": found.type.value}


def _status(herder: Herder, found: ConnectorStatus) -> Json:
    metrics = herder.metrics()
    return {
        "name": found.name,
        "connector": _item(found.connector, {}),
        "tasks": [{"id": number, **_item(item, metrics.get(TaskId(found.name, number), {}))}
                  for number, item in found.tasks.items()],
        "type": found.type.value,
    }


def _item(item: ItemStatus, metrics: Mapping[str, float]) -> Json:
    shown: Json = {"state": item.state.value, "worker_id": item.worker_id, "version": item.version}
    if item.trace:
        shown["trace"] = item.trace
    ours: Json = {}
    if item.call is not None:
        ours["health"] = "STALLED" if item.call.stalled else "BUSY"
        ours["call"] = {"name": item.call.name, "seconds": round(item.call.seconds, 3)}
    if "task_lag_records" in metrics:
        ours["lag"] = int(metrics["task_lag_records"])
    if ours:
        shown["connectrt"] = ours
    return shown
