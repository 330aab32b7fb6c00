"""Hold the `tracing.*` keys of one connector, parsed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Self, cast

Mode = Literal["off", "batch+links"]
Overflow = Literal["spread", "spans", "first"]
ExceptionDetail = Literal["type", "type+message", "full"]
SourceContext = Literal["continue", "preserve", "replace", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingSettings:
    """What one connector's config says about tracing; a field is named like its key, with underscores."""

    mode: Mode = "batch+links"
    #: Links per span; the default is every record of any usual batch, and OTEL_SPAN_LINK_COUNT_LIMIT lowers it.
    links_max: int = 5000
    links_overflow: Overflow = "spread"
    links_unsampled: bool = False  #: also link contexts whose sampled bit is 0
    links_attributes: bool = True  #: offset (and topic, partition where they differ) on links
    batch_sampler: Literal["linked", "root"] = "linked"
    commit_spans: bool = True
    retry_spans: bool = True  #: attempt spans, made only after a failure
    source_context: SourceContext = "continue"
    source_inject: Literal["always", "sampled"] = "always"
    baggage_allow: frozenset[str] = frozenset()  #: baggage keys that may be forwarded
    exception_detail: ExceptionDetail = "type+message"

    @classmethod
    def from_config(cls, config: Mapping[str, object]) -> Self:
        """Take the values that ConfigDef has parsed; a key that is not there keeps its default."""
        fields = {name: config[key] for name, key in _KEYS.items() if key in config}
        if "baggage_allow" in fields:
            fields["baggage_allow"] = frozenset(cast("list[str]", fields["baggage_allow"] or []))
        return cls(**fields)  # type: ignore[arg-type]  # the values were checked by ConfigDef


#: Field -> config key: `links_max` -> `tracing.links.max`.
_KEYS = {name: "tracing." + name.replace("_", ".") for name in TracingSettings.__dataclass_fields__}
