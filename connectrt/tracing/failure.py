"""Tell of errors on spans: status, error.type and events. (OpenTelemetry semantic conventions, recording errors)

Invariant: every span event goes through `span_event`, and no more of an error is told than `tracing.exception.detail`.
"""

from __future__ import annotations

import traceback
from collections.abc import Mapping

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span, StatusCode

from connectrt.errors import TaskCancelledError
from connectrt.tracing.settings import ExceptionDetail

DESCRIPTION_MAX_CHARS = 256


def error_type(error: BaseException) -> str:
    """Name the error's class as `error.type` has it: qualified, but for Python's own."""
    module, name = type(error).__module__, type(error).__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def span_event(span: Span, name: str, attributes: Mapping[str, str | bool | int | float] | None = None) -> None:
    """Add an event to a span; one place, because events of spans are to become log records."""
    span.add_event(name, attributes)


def fail(span: Span, error: BaseException, detail: ExceptionDetail) -> None:
    """Mark a span as failed. A task that was cancelled has not failed: only `connectrt.outcome` says so."""
    if not span.is_recording():
        return
    if isinstance(error, TaskCancelledError):
        span.set_attribute("connectrt.outcome", "cancelled")
        return
    kind = error_type(error)
    exception = {"exception.type": kind}
    description = None
    if detail != "type":
        description = str(error)[:DESCRIPTION_MAX_CHARS]
        exception["exception.message"] = description
    if detail == "full":
        exception["exception.stacktrace"] = "".join(traceback.format_exception(error))
    if not (isinstance(span, ReadableSpan) and "error.type" in (span.attributes or {})):  # the plugin knows better
        span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR, description)
    span_event(span, "exception", exception)
