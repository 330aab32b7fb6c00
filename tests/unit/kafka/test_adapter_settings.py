"""What librdkafka refuses comes back under the keys the user wrote; nothing is connected to."""

from __future__ import annotations

import pytest

from connectrt.errors import ConfigErrors
from connectrt.kafka.adapter import ConfluentClients

UNUSED = {"bootstrap.servers": "127.0.0.1:1"}


def refusal(config: dict[str, str]) -> ConfigErrors:
    with pytest.raises(ConfigErrors) as caught:
        ConfluentClients().producer({**UNUSED, **config}, lambda error, topic: None)
    return caught.value


def test_every_refused_setting_is_told_at_once() -> None:
    faults = refusal({"linger.ms": "soon", "fetch.mxa.bytes": "1", "max.request.size": "3", "acks": "7777"}).faults
    keys = sorted(fault.split(":")[0] for fault in faults)
    assert keys == ["acks", "fetch.mxa.bytes", "linger.ms", "max.request.size"]
    assert 'fetch.mxa.bytes: No such configuration property: "fetch.mxa.bytes"' in faults
    assert not [fault for fault in faults if "queue.buffering" in fault or "message.max" in fault]


def test_settings_that_do_not_fit_together_are_told_in_the_library_s_words() -> None:
    with pytest.raises(ConfigErrors, match=r"`max\.poll\.interval\.ms`must be >= `session\.timeout\.ms`"):
        ConfluentClients().consumer({**UNUSED, "group.id": "g", "session.timeout.ms": "400000"})


def test_a_consumer_without_a_group_is_refused_before_the_library_would_abort_the_process() -> None:
    with pytest.raises(ConfigErrors, match=r"group\.id"):
        ConfluentClients().consumer({**UNUSED, "group.id": ""})


def test_no_secret_stands_in_a_refusal() -> None:
    jaas = 'org.apache.kafka.common.security.plain.PlainLoginModule required username="u" password="s3cr3t";'
    error = refusal({"security.protocol": "SASL_FOO", "sasl.mechanism": "PLAIN", "sasl.jaas.config": jaas})
    [fault] = error.faults
    assert fault == 'security.protocol: Invalid value "SASL_FOO" for configuration property "security.protocol"'
    assert "s3cr3t" not in str(error)
