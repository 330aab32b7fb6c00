"""When a broker counts as away, and what the user is told."""

from __future__ import annotations

import pytest

from connectrt.kafka.outage import Outage

REFUSED = "127.0.0.1:9092/bootstrap: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in CONNECT)"
UNKNOWN_HOST = "kafka:29092/1: Failed to resolve 'kafka:29092': Name or service not known (after 5ms in state CONNECT)"


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outage(clock: Clock) -> Outage:
    return Outage("127.0.0.1:9092", clock)


def test_a_short_outage_is_not_told(outage: Outage, clock: Clock) -> None:
    outage.all_down()
    clock.now += 4.9
    assert outage.error() is None
    outage.over()
    clock.now += 100
    assert outage.error() is None


def test_an_outage_is_suspected_until_a_broker_has_answered(outage: Outage) -> None:
    told = [outage.suspected]
    outage.all_down()
    told.append(outage.suspected)
    outage.over()
    assert [*told, outage.suspected] == [False, True, False]


def test_a_lasting_outage_names_broker_duration_cause_and_cure(outage: Outage, clock: Clock) -> None:
    outage.all_down()
    outage.failed(REFUSED)
    clock.now += 7
    outage.all_down()
    assert str(outage.error()) == (
        "broker 127.0.0.1:9092 cannot be reached since 7 s: Connect to ipv4#127.0.0.1:9092 failed: Connection refused. "
        "Is it running? Else correct bootstrap.servers")


def test_a_call_that_failed_anyway_needs_no_patience(outage: Outage) -> None:
    outage.all_down()
    assert "since 0 s: is it running?" in str(outage.describe())


def test_a_broker_that_sends_its_clients_elsewhere_is_recognised(outage: Outage, clock: Clock) -> None:
    for _ in range(6):
        outage.failed(UNKNOWN_HOST)
        clock.now += 1
    assert outage.error() is None
    assert "it sends its clients on to kafka:29092 (Failed to resolve 'kafka:29092': Name or service not known): " \
           "correct the broker's advertised.listeners" in str(outage.error(joined=False))


def test_failed_attempts_of_long_ago_are_no_outage(outage: Outage, clock: Clock) -> None:
    outage.failed(REFUSED)
    clock.now += 6
    assert outage.error(joined=False) is None
    outage.failed(REFUSED)
    assert outage.error(joined=False) is None
