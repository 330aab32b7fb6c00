"""Say which HTTP status and text an error becomes. Texts are Kafka Connect's, because clients match on them."""

from __future__ import annotations

import json
from typing import Final

from starlette.responses import Response

from connectrt.errors import AlreadyExistsError, ConfigError, ConfigErrors, ConnectError, NotFoundError, PluginError

#: The first class that fits counts; everything else is 500, as in Java.
STATUS: Final[tuple[tuple[type[Exception], int], ...]] = (
    (NotFoundError, 404),
    (AlreadyExistsError, 409),
    (ConfigError, 400),
    (ConfigErrors, 400),
    (PluginError, 400),
)

#: What Java's web framework says by itself; it sends JSON without a Content-Type.
FRAMEWORK: Final = {404: "Not Found", 405: "Method Not Allowed", 406: "Not Acceptable", 415: "Unsupported Media Type"}


_POINTER: Final = ("You can also find the above list of errors at the endpoint "
                   "`/connector-plugins/{connectorType}/config/validate`")


class BadRequestError(ConnectError):
    """The request contradicts itself."""


class FrameworkError(Exception):
    """The request does not reach any resource: no such path, method or media type."""

    def __init__(self, status: int, *, typed: bool = False) -> None:
        """`typed`: the answer has a Content-Type."""
        super().__init__(f"HTTP {status} {FRAMEWORK[status]}")
        self.status = status
        self.typed = typed


class MalformedRequestError(Exception):
    """The request is written in a way that Java's web server refuses before anything looks at it."""

    def __init__(self, why: str, status: int = 400) -> None:
        super().__init__(why)
        self.status = status


def status_of(error: Exception) -> int:
    if isinstance(error, BadRequestError):
        return 400
    return next((status for kind, status in STATUS if isinstance(error, kind)), 500)


def message_of(error: Exception) -> str:
    if isinstance(error, ConfigErrors):
        return "\n".join([
            f"Connector configuration is invalid and contains the following {len(error.faults)} error(s):",
            *error.faults, _POINTER])
    return str(error) or type(error).__name__


def json_response(content: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    # Half a surrogate pair is a name that JSON can hold and UTF-8 cannot; Java writes a question mark as well.
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return Response(body, status, headers, media_type="application/json")


def error_response(error: Exception) -> Response:
    if isinstance(error, FrameworkError):
        response = json_response({"error_code": error.status, "message": str(error)}, error.status)
        if not error.typed:
            del response.headers["content-type"]
        return response
    status = status_of(error)
    return json_response({"error_code": status, "message": message_of(error)}, status)


def page_response(error: MalformedRequestError, method: str) -> Response:
    """An HTML page for GET, nothing for other methods."""
    if method not in ("GET", "POST"):
        return Response(status_code=error.status)
    title = f"Error {error.status} {error}"
    page = f"<html><head><title>{title}</title></head><body><h2>HTTP {title}</h2></body></html>"
    response = Response(page.encode("latin-1"), error.status)
    response.headers["content-type"] = "text/html;charset=iso-8859-1"
    return response
