"""Set up logging for one process: one line per event on standard error, for people or as JSON.

A message is constant; what varies stands in `extra` and is printed after it (`records=500`), or as keys of the JSON
object. The task or connector whose code logs comes from a context variable.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from typing import Any, TextIO

#: Kafka Connect's names of levels (Log4j) and what they are here.
LEVELS = {"TRACE": logging.DEBUG, "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARN": logging.WARNING,
          "WARNING": logging.WARNING, "ERROR": logging.ERROR, "FATAL": logging.CRITICAL, "OFF": logging.CRITICAL + 1}
FORMATS = ("text", "json")

# What every LogRecord has; all else came from `extra`.
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def set_up_logging(level: str, form: str) -> None:
    """Send the root logger's records at or above `level` (a name in LEVELS) to standard error."""
    handler = _StandardError()
    handler.setFormatter(JsonFormatter() if form == "json" else TextFormatter())
    logging.root.handlers = [handler]
    logging.root.setLevel(LEVELS[level])
    # Below WARNING the libraries tell of every connection; that is of use only to those who asked for everything.
    for library in ("asyncio", "opentelemetry", "urllib3", "uvicorn"):
        logging.getLogger(library).setLevel(logging.DEBUG if level == "TRACE" else max(LEVELS[level], logging.WARNING))


class TextFormatter(logging.Formatter):
    """`23:00:00.123 INFO  pg-sink-0: offsets committed records=500 took_s=0.004`"""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%H:%M:%S", time.localtime(record.created))
        item = f"{item}: " if (item := _item(record)) else ""
        extras = "".join(f" {name}={_text(value)}" for name, value in _extras(record).items() if name != "action")
        line = f"{at}.{int(record.msecs):03d} {record.levelname:<7} {item}{record.getMessage()}{extras}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object per line; times are UTC."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        fields: dict[str, object] = {"time": f"{at}.{int(record.msecs):03d}Z", "level": record.levelname,
                                     "logger": record.name, "message": record.getMessage()}
        if item := _item(record):
            fields["item"] = item
        fields |= {name: value for name, value in _extras(record).items() if name not in fields}
        if record.exc_info:
            fields["exception"] = self.formatException(record.exc_info)
        return json.dumps(fields, default=str)


class _StandardError(logging.StreamHandler[TextIO]):
    """Writes to what sys.stderr is now: a live view on the terminal replaces it for its time."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None: ...


def _item(record: logging.LogRecord) -> str | None:
    from connectrt.worker.runner import current_item

    return current_item.get()


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _STANDARD}


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    return repr(text) if " " in text or not text else text
