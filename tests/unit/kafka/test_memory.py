"""The broker in memory behaves as Kafka does, and fails when told to."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from itertools import pairwise

import pytest

from connectrt.data.topic import TopicPartition
from connectrt.errors import ConfigErrors, ConnectError, RetriableError
from connectrt.kafka.client import Consumer, Producer
from connectrt.kafka.memory import MemoryBroker
from connectrt.kafka.partitioner import partition_of
from tests.unit.kafka.listener import Listener

T0, T1 = TopicPartition("t", 0), TopicPartition("t", 1)
EAGER = {"group.id": "g"}
COOPERATIVE = {**EAGER, "partition.assignment.strategy": "org.apache.kafka.clients.consumer.CooperativeStickyAssignor"}


@pytest.fixture
def broker() -> MemoryBroker:
    broker = MemoryBroker(partitions=None)
    broker.create_topic("t", 2)
    return broker


def join(broker: MemoryBroker, listener: Listener, config: dict[str, str] = EAGER,
         topics: Sequence[str] | str = ("t",)) -> Consumer:
    consumer = broker.consumer(config)
    consumer.subscribe(topics, listener)
    return consumer


def unexpected(error: Exception, topic: str) -> None:
    raise error


def producer(broker: MemoryBroker) -> Producer:
    return broker.producer({}, unexpected)


def values(consumer: Consumer, count: int = 100) -> list[bytes | None]:
    return [message.value() for message in consumer.consume(count, 0)]


# -- records ------------------------------------------------------------------------------------------------------


def test_a_record_is_consumed_as_it_was_produced(broker: MemoryBroker) -> None:
    headers = [("a", b"1"), ("a", None), ("b", b"")]
    producer(broker).send("t", b"v", b"k", headers, 1, 1234)
    [message] = join(broker, Listener()).consume(10, 0)
    assert (message.topic(), message.partition(), message.offset()) == ("t", 1, 0)
    assert (message.key(), message.value(), message.headers()) == (b"k", b"v", headers)
    assert message.timestamp() == (1, 1234)


def test_tombstones_and_absent_headers_are_none(broker: MemoryBroker) -> None:
    producer(broker).send("t", None, None, [], 0, None)
    [message] = broker.records("t")
    assert (message.key(), message.value(), message.headers()) == (None, None, None)


def test_a_key_is_always_in_the_partition_java_chooses(broker: MemoryBroker) -> None:
    for number in range(20):
        message = broker.append("t", b"", key=b"key-%d" % number)
        assert message.partition() == partition_of(b"key-%d" % number, 2)


def test_records_without_a_key_go_to_each_partition_in_turn(broker: MemoryBroker) -> None:
    assert [broker.append("t", b"").partition() for _ in range(4)] == [0, 1, 0, 1]


def test_consume_returns_at_most_what_was_asked_for_and_every_partition_has_its_turn(broker: MemoryBroker) -> None:
    for number in range(4):
        broker.append("t", b"0-%d" % number, partition=0)
        broker.append("t", b"1-%d" % number, partition=1)
    consumer = join(broker, Listener())
    assert values(consumer, 2) == [b"0-0", b"0-1"]
    assert values(consumer, 3) == [b"1-0", b"1-1", b"1-2"]
    assert values(consumer, 9) == [b"0-2", b"0-3", b"1-3"]


def test_a_topic_that_does_not_exist_is_named_unless_its_first_use_creates_it(broker: MemoryBroker) -> None:
    consumer = join(broker, Listener(), topics=["absent"])
    with pytest.raises(RetriableError, match="topic absent does not exist"):
        consumer.consume(1, 0)
    assert not join(MemoryBroker(), Listener(), topics=["absent"]).consume(1, 0)


def test_a_topic_that_matches_later_is_consumed_too(broker: MemoryBroker) -> None:
    listener = Listener()
    consumer = join(broker, listener, topics="t|new.*")
    consumer.consume(1, 0)
    broker.create_topic("new-1")
    broker.create_topic("old-new-1")
    consumer.consume(1, 0)
    assert consumer.assignment() == {T0, T1, TopicPartition("new-1", 0)}


def test_a_blocked_consume_returns_with_the_first_record(broker: MemoryBroker) -> None:
    consumer = join(broker, Listener())
    consumer.consume(1, 0)
    timer = threading.Timer(0.02, broker.append, ["t", b"late"])
    timer.start()
    assert [message.value() for message in consumer.consume(100, 5)] == [b"late"]
    timer.join()


@pytest.mark.parametrize("delay_s", [0, 0.02])
def test_wake_ends_the_blocked_consume_or_the_next(broker: MemoryBroker, delay_s: float) -> None:
    consumer = join(broker, Listener())
    timer = threading.Timer(delay_s, consumer.wake)
    timer.start()
    if not delay_s:
        timer.join()
    assert not consumer.consume(1, 60)
    timer.join()
    assert not consumer.consume(1, 0.01)


# -- places -------------------------------------------------------------------------------------------------------


def test_consuming_starts_at_the_committed_offset(broker: MemoryBroker) -> None:
    for number in range(3):
        broker.append("t", b"%d" % number, partition=0)
    first = join(broker, Listener())
    first.consume(1, 0)
    first.commit({T0: 1})
    first.close()
    second = join(broker, Listener())
    assert values(second) == [b"1", b"2"]
    assert second.position(T0) == 3


@pytest.mark.parametrize(("reset", "expected"), [("earliest", [b"old", b"new"]), ("latest", [b"new"])])
def test_without_a_committed_offset_the_reset_policy_decides(
        broker: MemoryBroker, reset: str, expected: list[bytes]) -> None:
    broker.append("t", b"old", partition=0)
    consumer = join(broker, Listener(), {**EAGER, "auto.offset.reset": reset})
    before = values(consumer)
    broker.append("t", b"new", partition=0)
    assert before + values(consumer) == expected


def test_without_a_committed_offset_and_a_policy_consuming_fails(broker: MemoryBroker) -> None:
    with pytest.raises(ConnectError, match=r"t-0 has no committed offset and auto\.offset\.reset=none"):
        join(broker, Listener(), {**EAGER, "auto.offset.reset": "none"}).consume(1, 0)


def test_seek_delivers_again_and_beyond_the_end_starts_over(broker: MemoryBroker) -> None:
    broker.append("t", b"a", partition=0)
    broker.append("t", b"b", partition=0)
    consumer = join(broker, Listener())
    assert values(consumer) == [b"a", b"b"]
    consumer.seek(T0, 1)
    assert values(consumer) == [b"b"]
    consumer.seek(T0, 99)
    assert values(consumer) == [b"a", b"b"]


def test_paused_partitions_deliver_nothing_until_resumed(broker: MemoryBroker) -> None:
    broker.append("t", b"a", partition=0)
    broker.append("t", b"b", partition=1)
    consumer = join(broker, Listener())
    consumer.consume(0, 0)
    consumer.pause([T0])
    assert values(consumer) == [b"b"]
    consumer.resume([T0])
    assert values(consumer) == [b"a"]


def test_end_offset_is_the_number_of_records(broker: MemoryBroker) -> None:
    broker.append("t", b"a", partition=0)
    consumer = join(broker, Listener())
    assert (consumer.end_offset(T0), consumer.end_offset(T1, cached=True)) == (1, 0)


def test_places_of_partitions_that_are_not_assigned_are_refused(broker: MemoryBroker) -> None:
    consumer = join(broker, Listener())
    with pytest.raises(ConnectError, match="t-0 is not assigned"):
        consumer.seek(T0, 0)


def test_a_consumer_needs_a_group(broker: MemoryBroker) -> None:
    with pytest.raises(ConfigErrors, match=r"group\.id"):
        broker.consumer({})


# -- groups -------------------------------------------------------------------------------------------------------


def test_an_eager_rebalance_takes_all_before_it_gives(broker: MemoryBroker) -> None:
    one, two = Listener(), Listener()
    first = join(broker, one)
    first.consume(1, 0)
    second = join(broker, two)
    second.consume(1, 0)
    assert not second.assignment()
    first.consume(1, 0)
    second.consume(1, 0)
    assert one.events == [("assigned", ["t-0", "t-1"]), ("revoked", ["t-0", "t-1"]), ("assigned", ["t-0"])]
    assert two.events == [("assigned", ["t-1"])]


def test_a_cooperative_rebalance_moves_only_what_changes_hands(broker: MemoryBroker) -> None:
    one, two = Listener(), Listener()
    first = join(broker, one, COOPERATIVE)
    first.consume(1, 0)
    second = join(broker, two, COOPERATIVE)
    second.consume(1, 0)
    first.consume(1, 0)
    second.consume(1, 0)
    second.close()
    first.consume(1, 0)
    assert one.events == [("assigned", ["t-0", "t-1"]), ("revoked", ["t-1"]), ("assigned", ["t-1"])]
    assert two.events == [("assigned", ["t-1"]), ("revoked", ["t-1"])]


def test_offsets_committed_while_partitions_are_revoked_are_where_the_next_owner_starts(broker: MemoryBroker) -> None:
    for number in range(3):
        broker.append("t", b"%d" % number, partition=1)
    first: list[Consumer] = []
    listener = Listener(lambda event: first[0].commit({T1: 2}) if event == "revoked" else None)
    first.append(join(broker, listener))
    first[0].consume(2, 0)
    second = join(broker, Listener())
    first[0].consume(1, 0)
    assert values(second) == [b"2"]


def test_what_a_listener_raises_comes_out_of_consume_and_the_rebalance_goes_on(broker: MemoryBroker) -> None:
    def fail(event: str) -> None:
        if event == "revoked":
            raise ConnectError("close failed")

    first = join(broker, Listener(fail))
    first.consume(1, 0)
    second = join(broker, Listener())
    with pytest.raises(ConnectError, match="close failed"):
        first.consume(1, 0)
    first.consume(1, 0)
    second.consume(1, 0)
    assert first.assignment() == {T0}
    assert second.assignment() == {T1}


def test_a_lost_session_is_told_and_cannot_commit(broker: MemoryBroker) -> None:
    listener = Listener()
    consumer = join(broker, listener)
    consumer.consume(1, 0)
    broker.expire("g")
    with pytest.raises(ConnectError, match="t-0 not committed: the group has given them to another member"):
        consumer.commit({T0: 1})
    consumer.consume(1, 0)
    assert listener.events == [("assigned", ["t-0", "t-1"]), ("lost", ["t-0", "t-1"]), ("assigned", ["t-0", "t-1"])]


def test_closing_revokes_what_is_owned_once(broker: MemoryBroker) -> None:
    listener = Listener()
    consumer = join(broker, listener)
    consumer.consume(1, 0)
    consumer.close()
    consumer.close()
    assert listener.events[1:] == [("revoked", ["t-0", "t-1"])]


def test_threads_of_one_group_share_all_records_without_loss(broker: MemoryBroker) -> None:
    wanted = {b"%d" % number for number in range(400)}
    seen: list[bytes | None] = []

    def work() -> None:
        owner: list[Consumer] = []
        offsets: dict[TopicPartition, int] = {}
        listener = Listener(lambda event: owner[0].commit(offsets) if event == "revoked" else offsets.clear())
        owner.append(join(broker, listener))
        while len(set(seen)) < len(wanted):
            for message in owner[0].consume(7, 0.01):
                seen.append(message.value())
                offsets[TopicPartition(message.topic(), message.partition())] = message.offset() + 1
        owner[0].close()

    threads = [threading.Thread(target=work) for _ in range(3)]
    for thread in threads:
        thread.start()
    for value in wanted:
        broker.append("t", value)
    for thread in threads:
        thread.join()
    assert sorted(each for each in seen if each) == sorted(wanted)
    places = {TopicPartition(each.topic(), each.partition()): each.offset() + 1 for each in broker.records("t")}
    assert broker.committed("g") == places


# -- commits and deliveries ---------------------------------------------------------------------------------------


def test_commit_callbacks_come_inside_consume_in_the_order_of_the_calls(broker: MemoryBroker) -> None:
    told: list[str] = []
    consumer = join(broker, Listener())
    consumer.consume(1, 0)
    consumer.commit_async({T0: 1}, lambda error: told.append(f"first {error}"))
    broker.refuse_commits(ConnectError("no"))
    consumer.commit_async({T0: 2}, lambda error: told.append(f"second {error}"))
    assert told == []
    consumer.consume(1, 0)
    assert told == ["first None", "second no"]
    broker.refuse_commits(None)
    consumer.commit({T1: 3})
    assert broker.committed("g") == {T0: 1, T1: 3}


def test_while_the_broker_is_away_calls_raise_and_what_is_sent_waits(broker: MemoryBroker) -> None:
    consumer, sender, admin = join(broker, Listener()), producer(broker), broker.admin({})
    consumer.consume(1, 0)
    broker.go_away()
    sender.send("t", b"v", None, None, 0, None)
    for call in (lambda: consumer.consume(1, 0), lambda: consumer.commit({T0: 0}), lambda: consumer.end_offset(T0),
                 admin.cluster_id):
        with pytest.raises(RetriableError):
            call()
    assert (sender.flush(0), sender.outstanding(), broker.records("t")) == (1, 1, [])
    broker.come_back()
    assert (sender.flush(0), sender.outstanding()) == (0, 0)
    assert values(consumer) == [b"v"]


def test_each_record_is_acknowledged_inside_poll_or_flush(broker: MemoryBroker) -> None:
    told: list[tuple[Exception | None, int, int]] = []
    sender = broker.producer({}, unexpected, report_each=True)
    for _ in range(2):
        sender.send("t", b"v", None, None, 1, None, lambda *report: told.append(report))
    assert told == []
    sender.poll()
    assert told == [(None, 1, 0), (None, 1, 1)]


def test_a_failed_delivery_is_told_where_it_was_asked_for(broker: MemoryBroker) -> None:
    told: list[str] = []
    silent = broker.producer({}, lambda error, topic: told.append(f"{topic}: {error}"))
    broker.fail_next_delivery(ConnectError("too large"))
    silent.send("t", b"v", None, None, 0, None)
    silent.send("t", b"v", None, None, 0, None)
    silent.send("t", b"v", None, None, 7, None)
    silent.send("absent", b"v", None, None, None, None)
    assert silent.outstanding() == 3
    assert silent.flush(0) == 0
    assert told[0] == "t: too large"
    assert "none is number 7" in told[1]
    assert told[2].startswith("absent: topic absent does not exist")
    assert len(broker.records("t")) == 1

    each = broker.producer({}, unexpected, report_each=True)
    broker.fail_next_delivery(ConnectError("too large"))
    each.send("t", b"v", None, None, 0, None, lambda error, partition, offset: told.append(f"{error} {partition}"))
    each.poll()
    assert told[-1] == "too large -1"


def test_acks_of_a_producer_that_reports_failures_only_are_refused(broker: MemoryBroker) -> None:
    with pytest.raises(ValueError, match="report_each"):
        producer(broker).send("t", b"v", None, None, 0, None, lambda error, partition, offset: None)


def test_a_closed_producer_drops_what_the_broker_never_took(broker: MemoryBroker) -> None:
    sender = producer(broker)
    broker.go_away()
    sender.send("t", b"v", None, None, 0, None)
    sender.close(0)
    broker.come_back()
    assert broker.records("t") == []


def test_admin_describes_and_creates_topics(broker: MemoryBroker) -> None:
    admin = broker.admin({})
    assert admin.create_topic("n", 3, 1, {}) is True
    assert admin.create_topic("n", 3, 1, {}) is False
    admin.create_topic("d", -1, -1, {})
    found = admin.describe_topics(["n", "d", "absent"])
    assert {name: topic.partitions for name, topic in found.items()} == {"n": 3, "d": 1}


def test_offsets_are_in_order_within_each_partition(broker: MemoryBroker) -> None:
    for number in range(50):
        broker.append("t", b"", key=b"%d" % number)
    consumer = join(broker, Listener())
    messages = consumer.consume(100, 0)
    for partition in (0, 1):
        offsets = [each.offset() for each in messages if each.partition() == partition]
        assert all(later == earlier + 1 for earlier, later in pairwise(offsets))
