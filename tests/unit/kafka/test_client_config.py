"""Java's client settings become librdkafka's, or are named with the cure."""

from __future__ import annotations

import logging

import pytest

from connectrt.errors import ConfigErrors
from connectrt.kafka.client_config import Client, java_key, metadata_max_age_s, translate

GROUP = {"group.id": "connect-orders"}


def changed(client: Client, config: dict[str, str]) -> dict[str, str]:
    """What a config adds to or changes in the defaults."""
    base = GROUP if client is Client.CONSUMER else {}
    plain = translate(client, base)
    return {key: value for key, value in translate(client, {**base, **config}).items() if plain.get(key) != value}


@pytest.mark.parametrize(("client", "given", "expected"), [
    (Client.CONSUMER, {"fetch.max.wait.ms": "20"}, {"fetch.wait.max.ms": "20"}),
    (Client.CONSUMER, {"max.partition.fetch.bytes": "5"}, {"max.partition.fetch.bytes": "5"}),
    (Client.CONSUMER, {"max.poll.records": "5", "max.poll.interval.ms": "7"}, {"max.poll.interval.ms": "7"}),
    (Client.CONSUMER, {"auto.offset.reset": "none"}, {"auto.offset.reset": "error"}),
    (Client.CONSUMER, {"auto.offset.reset": " latest "}, {"auto.offset.reset": "latest"}),
    (Client.CONSUMER, {"isolation.level": "read_committed"}, {"isolation.level": "read_committed"}),
    (Client.CONSUMER, {"client.rack": ""}, {}),
    (Client.CONSUMER, {"metadata.max.age.ms": "1000"}, {"topic.metadata.refresh.interval.ms": "1000"}),
    (Client.CONSUMER, {"partition.assignment.strategy": "org.apache.kafka.clients.consumer.RoundRobinAssignor"},
     {"partition.assignment.strategy": "roundrobin"}),
    (Client.CONSUMER, {"partition.assignment.strategy": "cooperative-sticky"},
     {"partition.assignment.strategy": "cooperative-sticky"}),
    (Client.PRODUCER, {"max.request.size": "10485760"}, {"message.max.bytes": "10485760"}),
    (Client.PRODUCER, {"buffer.memory": "1048576"}, {"queue.buffering.max.kbytes": "1024"}),
    (Client.PRODUCER, {"buffer.memory": "1"}, {"queue.buffering.max.kbytes": "1"}),
    (Client.PRODUCER, {"linger.ms": "1", "batch.size": "16384"}, {"linger.ms": "1", "batch.size": "16384"}),
    (Client.PRODUCER, {"compression.type": "zstd", "compression.zstd.level": "5", "compression.lz4.level": "9"},
     {"compression.type": "zstd", "compression.level": "5"}),
    (Client.PRODUCER, {"partitioner.class": "org.apache.kafka.clients.producer.RoundRobinPartitioner"},
     {"partitioner": "random"}),
    (Client.PRODUCER, {"partitioner.ignore.keys": "true"}, {"partitioner": "random"}),
    (Client.PRODUCER, {"delivery.timeout.ms": "9"}, {"delivery.timeout.ms": "9"}),
    (Client.ADMIN, {"request.timeout.ms": "600000"}, {"socket.timeout.ms": "300000"}),
    (Client.ADMIN, {"bootstrap.servers": "a:1 , b:2"}, {"bootstrap.servers": "a:1,b:2"}),
    (Client.ADMIN, {"receive.buffer.bytes": "7", "send.buffer.bytes": "8"},
     {"socket.receive.buffer.bytes": "7", "socket.send.buffer.bytes": "8"}),
    (Client.ADMIN, {"ssl.endpoint.identification.algorithm": ""}, {"ssl.endpoint.identification.algorithm": "none"}),
    (Client.ADMIN, {"ssl.truststore.certificates": "PEM"}, {"ssl.ca.pem": "PEM"}),
    (Client.ADMIN, {"ssl.keystore.key": "K", "ssl.keystore.certificate.chain": "C", "ssl.key.password": "p"},
     {"ssl.key.pem": "K", "ssl.certificate.pem": "C", "ssl.key.password": "p"}),
    (Client.ADMIN, {"ssl.cipher.suites": "ECDHE-RSA-AES128-GCM-SHA256,ECDHE-RSA-AES256-GCM-SHA384"},
     {"ssl.cipher.suites": "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384"}),
    (Client.ADMIN, {"client.dns.lookup": "use_all_dns_ips"}, {"client.dns.lookup": "use_all_dns_ips"}),
    (Client.ADMIN, {"some.future.key": "x"}, {"some.future.key": "x"}),
])
def test_a_setting_keeps_its_meaning(client: Client, given: dict[str, str], expected: dict[str, str]) -> None:
    assert changed(client, given) == expected


def test_java_may_list_both_kinds_of_assignors_and_stays_eager() -> None:
    java_default = ("class org.apache.kafka.clients.consumer.RangeAssignor,"
                    "class org.apache.kafka.clients.consumer.CooperativeStickyAssignor")
    assert changed(Client.CONSUMER, {"partition.assignment.strategy": java_default}) == {
        "partition.assignment.strategy": "range"}


@pytest.mark.parametrize("key", ["enable.auto.commit", "enable.auto.offset.store"])
def test_offsets_are_committed_by_the_runtime_whatever_the_config_says(key: str) -> None:
    assert translate(Client.CONSUMER, {**GROUP, key: "true"})[key] == "false"


def test_defaults_are_java_s_where_the_libraries_differ() -> None:
    producer = translate(Client.PRODUCER, {})
    assert (producer["partitioner"], producer["acks"]) == ("murmur2_random", "all")
    assert producer["enable.idempotence"] == "true"
    consumer = translate(Client.CONSUMER, GROUP)
    assert consumer["isolation.level"] == "read_uncommitted"
    assert consumer["allow.auto.create.topics"] == "true"


def test_java_s_inner_workings_are_ignored_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "connectrt.kafka"):
        found = changed(Client.PRODUCER, {
            "interceptor.classes": "x.Y", "metric.reporters": "x.Z", "confluent.monitoring.interceptor.topic": "t",
            "key.serializer": "x.ByteArraySerializer"})
    assert found == {}
    assert [record.getMessage().partition(": ")[2] for record in caplog.records] == [
        "confluent.monitoring.interceptor.topic, interceptor.classes, metric.reporters"]


@pytest.mark.parametrize("given", [{"acks": "1"}, {"retries": "0"}, {"max.in.flight.requests.per.connection": "6"}])
def test_settings_that_rule_idempotence_out_turn_it_off_as_in_java(
        given: dict[str, str], caplog: pytest.LogCaptureFixture) -> None:
    assert changed(Client.PRODUCER, {"enable.idempotence": "true", **given}) == {**given, "enable.idempotence": "false"}
    assert "enable.idempotence is off" in caplog.text


def test_all_faults_are_reported_together_under_the_keys_the_user_wrote() -> None:
    with pytest.raises(ConfigErrors) as caught:
        translate(Client.CONSUMER, {
            "client.id": "connector-consumer-orders-0", "auto.offset.reset": "by_duration:PT1H",
            "partition.assignment.strategy": "com.example.MyAssignor", "ssl.cipher.suites": "TLS_RSA_WITH_AES_128_GCM",
            "sasl.mechanism": "AWS_MSK_IAM", "request.timeout.ms": "x"})
    keys = ["auto.offset.reset", "partition.assignment.strategy", "ssl.cipher.suites", "request.timeout.ms",
            "sasl.mechanism", "group.id"]
    assert len(caught.value.faults) == len(keys)
    assert all(key in fault for key, fault in zip(keys, caught.value.faults, strict=True))
    title = "The settings of the consumer connector-consumer-orders-0 are invalid (6 errors)"
    assert str(caught.value).startswith(title)


@pytest.mark.parametrize("given", [{"partitioner.class": "com.example.Mine"}, {"buffer.memory": "32MB"}])
def test_a_producer_setting_that_cannot_be_honoured_is_refused(given: dict[str, str]) -> None:
    with pytest.raises(ConfigErrors, match=next(iter(given))):
        translate(Client.PRODUCER, given)


@pytest.mark.parametrize(("name", "given", "expected"), [
    ("queue.buffering.max.ms", "linger.ms", "linger.ms"),
    ("message.max.bytes", "max.request.size", "max.request.size"),
    ("message.max.bytes", "message.max.bytes", "message.max.bytes"),
    ("fetch.wait.max.ms", "fetch.max.wait.ms", "fetch.max.wait.ms"),
])
def test_the_library_s_name_leads_back_to_the_key_the_user_wrote(name: str, given: str, expected: str) -> None:
    assert java_key(name, {given: "1"}) == expected


def test_topics_are_looked_for_as_often_as_metadata_is_refreshed() -> None:
    assert metadata_max_age_s(translate(Client.CONSUMER, GROUP)) == 300
    assert metadata_max_age_s(translate(Client.CONSUMER, {**GROUP, "metadata.max.age.ms": "500"})) == 0.5
