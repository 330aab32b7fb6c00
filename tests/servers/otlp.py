"""Receive traces over OTLP/HTTP, as any tracing backend does; run as a script it serves a process of its own.

Invariant: what was answered with 200 is kept. Bodies are decoded when they are asked for, so that receiving costs
next to nothing while something else is measured.
"""

from __future__ import annotations

import gzip
import json
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span


@dataclass(frozen=True)
class ReceivedLink:
    trace_id: str
    span_id: str
    attributes: Mapping[str, object]


@dataclass(frozen=True)
class ReceivedSpan:
    """One span as a backend sees it; ids in hexadecimal, times in ns since the epoch, no parent = ""."""

    name: str
    kind: str  #: INTERNAL, SERVER, CLIENT, PRODUCER, CONSUMER
    trace_id: str
    span_id: str
    parent_id: str
    start_ns: int
    end_ns: int
    attributes: Mapping[str, object]
    links: tuple[ReceivedLink, ...]
    dropped_links: int
    events: tuple[str, ...]
    status: str  #: UNSET, OK, ERROR
    status_text: str
    resource: Mapping[str, object]
    scope: str


class OtlpReceiver:
    """Serves http://127.0.0.1:port on a thread of its own from here to `close`. Any thread."""

    def __init__(self, port: int = 0) -> None:
        self._bodies: list[bytes] = []
        self._decoded: list[ReceivedSpan] = []
        self._decoded_bodies = 0
        self._arrived = threading.Condition()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="otlp-receiver")
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def spans(self) -> list[ReceivedSpan]:
        """All spans so far, in the order of their arrival."""
        with self._arrived:
            for body in self._bodies[self._decoded_bodies:]:
                self._decoded.extend(decode(body))
            self._decoded_bodies = len(self._bodies)
            return list(self._decoded)

    def counts(self) -> dict[str, int]:
        """How many spans and links came; cheaper than `spans` when there are millions."""
        with self._arrived:
            spans = [span for body in self._bodies for span in _spans(ExportTraceServiceRequest.FromString(body))]
            return {"spans": len(spans), "links": sum(len(span.links) for span in spans)}

    def wait_for(self, enough: Callable[[list[ReceivedSpan]], bool], timeout_s: float = 10) -> list[ReceivedSpan]:
        """Return all spans once `enough(spans)`; raise TimeoutError naming those that came."""
        with self._arrived:
            if self._arrived.wait_for(lambda: enough(self.spans()), timeout_s):
                return self.spans()
        raise TimeoutError(f"within {timeout_s:g} s came only {sorted(span.name for span in self.spans())}")

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _take(self, body: bytes) -> None:
        with self._arrived:
            self._bodies.append(body)
            self._arrived.notify_all()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path == "/v1/traces":
                    receiver._take(gzip.decompress(body) if self.headers["Content-Encoding"] == "gzip" else body)
                self._answer(b"", "application/x-protobuf")

            def do_GET(self) -> None:
                """Counts, for whoever runs this in another process."""
                self._answer(json.dumps(receiver.counts()).encode(), "application/json")

            def _answer(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:
                """The test's output is no place for an access log."""

        return Handler


def decode(body: bytes) -> Iterable[ReceivedSpan]:
    """Read the spans of one ExportTraceServiceRequest. Raises DecodeError for anything else."""
    for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield _received(span, resource, scope_spans.scope.name)


def _spans(request: ExportTraceServiceRequest) -> list[Span]:
    return [
        span for resource_spans in request.resource_spans for scope_spans in resource_spans.scope_spans
        for span in scope_spans.spans
    ]


def _received(span: Span, resource: Mapping[str, object], scope: str) -> ReceivedSpan:
    return ReceivedSpan(
        name=span.name,
        kind=Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex(),
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        attributes=_attributes(span.attributes),
        links=tuple(
            ReceivedLink(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes)) for link in span.links
        ),
        dropped_links=span.dropped_links_count,
        events=tuple(event.name for event in span.events),
        status=("UNSET", "OK", "ERROR")[span.status.code],
        status_text=span.status.message,
        resource=resource,
        scope=scope,
    )


def _attributes(pairs: Iterable[KeyValue]) -> dict[str, object]:
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(item) for item in value.array_value.values]
    return None if kind is None else getattr(value, kind)


if __name__ == "__main__":
    served = OtlpReceiver(int(sys.argv[1]))
    print(served.endpoint, flush=True)
    sys.stdin.read()  # until whoever started this is done or gone
    served.close()
