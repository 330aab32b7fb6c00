"""Which errors may pass, and which cure each comes with."""

from __future__ import annotations

import pytest

from connectrt.errors import ConnectError, RetriableError
from connectrt.kafka.broker_errors import translate

PLACE = {"topic": "orders", "group": "connect-pg", "servers": "k:9092", "operation": "Read"}


@pytest.mark.parametrize(("name", "kind", "text"), [
    ("UNKNOWN_TOPIC_OR_PART", RetriableError, "topic orders does not exist: create it"),
    ("_TRANSPORT", RetriableError, "told (_TRANSPORT)"),
    ("NOT_COORDINATOR", RetriableError, "told (NOT_COORDINATOR)"),
    ("TOPIC_AUTHORIZATION_FAILED", ConnectError, "access to topic orders is denied: grant this user Read on it"),
    ("GROUP_AUTHORIZATION_FAILED", ConnectError, "consumer group connect-pg is denied"),
    ("_AUTHENTICATION", ConnectError, "k:9092 refuses this client (told): correct sasl.mechanism"),
    ("ILLEGAL_GENERATION", ConnectError, "the group connect-pg has given the partitions to another member"),
    ("_FATAL", ConnectError, "told (_FATAL)"),
])
def test_an_error_says_whether_it_may_pass_and_what_to_do(name: str, kind: type, text: str) -> None:
    error = translate(name, "told", PLACE)
    assert type(error) is kind
    assert text in str(error)


def test_braces_and_missing_places_do_no_harm() -> None:
    assert str(translate("MSG_SIZE_TOO_LARGE", "{x}", {})).startswith("a record for topic ? is larger")
    assert str(translate("_FATAL", "{x} {0}", {})) == "{x} {0} (_FATAL)"
