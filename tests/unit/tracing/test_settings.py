from __future__ import annotations

from connectrt.tracing.settings import TracingSettings


def test_keys_become_fields_and_absent_ones_keep_their_defaults() -> None:
    settings = TracingSettings.from_config({
        "tracing.links.max": 5, "tracing.exception.detail": "full", "tracing.baggage.allow": ["a", "b"],
        "tracing.source.context": "replace", "topics": "orders"})
    assert settings == TracingSettings(
        links_max=5, exception_detail="full", baggage_allow=frozenset({"a", "b"}), source_context="replace")


def test_an_empty_list_is_no_baggage() -> None:
    assert TracingSettings.from_config({"tracing.baggage.allow": None}).baggage_allow == frozenset()
