from __future__ import annotations

import pytest

from connectrt.tracing.semconv import Conventions, wants_old_names


@pytest.mark.parametrize(("bootstrap", "server"), [
    ("kafka-1:9092, kafka-2:9093", {"server.address": "kafka-1", "server.port": 9092}),
    (" SASL_SSL://broker:19092", {"server.address": "broker", "server.port": 19092}),
    ("[::1]:9092", {"server.address": "::1", "server.port": 9092}),
    ("nonsense", {}), ("", {}), ("host:port", {})])
def test_the_server_is_the_first_bootstrap_broker(bootstrap: str, server: dict[str, object]) -> None:
    _, attributes = Conventions("c", 0, bootstrap).send("orders", 1)
    assert {key: value for key, value in attributes.items() if key.startswith("server.")} == server


@pytest.mark.parametrize(("value", "wanted"), [
    ("", False), ("messaging", False), ("messaging/dup", True), ("http , messaging/dup,messaging", True)])
def test_dup_wins_over_new_only(value: str, wanted: bool) -> None:
    assert wants_old_names({"OTEL_SEMCONV_STABILITY_OPT_IN": value}) is wanted
