"""Define the keys of the datagen connector."""

from __future__ import annotations

from collections.abc import Mapping

from connectrt.sdk import ConfigDef, ConfigError, ConfigType, Importance, at_least, between, if_given, key, non_empty
from connectrt_datagen.fields import TYPES, check_fields, parse_fields, usage
from connectrt_datagen.quickstarts import QUICKSTARTS

_HIGH, _LOW = Importance.HIGH, Importance.LOW


def _check_quickstart(name: str, value: object) -> None:
    if value is not None and value not in QUICKSTARTS:
        raise ConfigError(name, value, f"there is no such quickstart here; there are: {', '.join(QUICKSTARTS)}. "
                                       "For any other shape write its fields in `fields`")


CONFIG = ConfigDef(
    key("kafka.topic", ConfigType.STRING, None, valid=if_given(non_empty()), importance=_HIGH,
        doc="Topic the records go to. `topic` means the same."),
    key("topic", ConfigType.STRING, None, valid=if_given(non_empty()), importance=_LOW, doc="Short for kafka.topic."),
    key("fields", ConfigType.STRING, None, valid=check_fields, importance=_HIGH,
        doc="What a record holds: `name:type` or `name:type(arguments)`, separated by commas. Types: "
            + ", ".join(f"`{usage(name)}`" for name in TYPES) + "."),
    key("quickstart", ConfigType.STRING, None, valid=_check_quickstart, importance=_HIGH,
        doc=f"A built-in list of fields in place of `fields`: {', '.join(QUICKSTARTS)}."),
    key("key.field", ConfigType.STRING, None,
        doc="The field whose value is the record's key. Default: that of the quickstart, or the first of `fields`."),
    key("rate", ConfigType.DOUBLE, 0, valid=at_least(0), importance=_HIGH,
        doc="Records per second and task; 0 = as fast as possible."),
    key("max.interval", ConfigType.LONG, 0, valid=at_least(0),
        doc="Pause before each record for a random share of this many milliseconds. In place of `rate`."),
    key("iterations", ConfigType.LONG, -1, valid=at_least(-1), importance=_HIGH,
        doc="Records per task, then the source has ended; -1 = endless."),
    key("batch.size", ConfigType.INT, 500, valid=between(1, 100_000), doc="Most records per poll."),
    key("keys", ConfigType.INT, 0, valid=between(0, 10_000_000),
        doc="How many different keys there are: each record's key field has the value it has in one of the first "
            "`keys` records of task 0. 0 = every record has its own."),
    key("key.skew", ConfigType.DOUBLE, 0, valid=between(0, 10),
        doc="Zipf exponent of the choice among `keys`; 0 = all equally often, 1 = the second comes half as "
            "often as the first."),
    key("tombstone.ratio", ConfigType.DOUBLE, 0, valid=between(0, 1), importance=_LOW,
        doc="Share of records with a key and no value."),
    key("error.ratio", ConfigType.DOUBLE, 0, valid=between(0, 1), importance=_LOW,
        doc="Share of records that have the text `poison` in place of their fields: converters take it, "
            "tables do not."),
    key("schema.change.every", ConfigType.LONG, 0, valid=at_least(0), importance=_LOW,
        doc="Add one more optional field (`extra_1`, `extra_2`, ...) after every so many records of a task; "
            "0 = never."),
    key("payload.bytes", ConfigType.INT, 0, valid=between(0, 10_000_000), importance=_LOW,
        doc="Length of an additional text field `payload`; 0 = none."),
    key("random.seed", ConfigType.LONG, None,
        doc="Same seed, same records, whatever tasks.max is and however often the task is restarted. Default: chosen "
            "at the first start and kept in the source offset."),
    key("schemas", ConfigType.BOOLEAN, False,
        doc="true: records carry a schema (for JsonConverter with schemas, Avro, ...); false: plain maps."),
    key("trace.roots", ConfigType.BOOLEAN, False,
        doc="true: every record comes with the context of a trace of its own, as if an upstream service had sent it."),
    key("trace.sampled.ratio", ConfigType.DOUBLE, 1, valid=between(0, 1),
        doc="Share of those traces that are sampled, decided by trace id as OpenTelemetry's ratio sampler does."),
)


def check_together(config: Mapping[str, str]) -> dict[str, list[str]]:
    """Return the faults that lie between keys: key -> messages."""
    faults: dict[str, list[str]] = {}
    given = {name for name, text in config.items() if text}
    if not given & {"kafka.topic", "topic"}:
        faults["kafka.topic"] = ['Missing required configuration "kafka.topic" which has no default value.']
    if {"kafka.topic", "topic"} <= given and config["kafka.topic"].strip() != config["topic"].strip():
        faults["topic"] = ["kafka.topic names another topic; keep one of the two"]
    if len(given & {"fields", "quickstart"}) != 1:
        faults["fields"] = [f"set either fields or quickstart ({', '.join(QUICKSTARTS)})"]
    elif fault := _key_field_fault(config):
        faults["key.field"] = [fault]
    if _is_positive(config.get("rate")) and _is_positive(config.get("max.interval")):
        faults["max.interval"] = ["rate is set too; keep one of the two"]
    return faults


def shape(config: Mapping[str, object]) -> tuple[str, str]:
    """Return the text of the fields and the name of the key field. Raises ConfigError if there is no such field."""
    quickstart = QUICKSTARTS.get(str(config.get("quickstart")))
    text = quickstart.fields if quickstart else str(config["fields"])
    names = [field.name for field in parse_fields(text)]
    key_field = config.get("key.field") or (quickstart.key if quickstart else names[0])
    if key_field not in names:
        raise ConfigError("key.field", key_field, f"there is no such field; there are: {', '.join(names)}")
    return text, str(key_field)


def _key_field_fault(config: Mapping[str, str]) -> str | None:
    try:
        shape(config)
    except ConfigError as error:
        return str(error) if error.key == "key.field" else None  # the others are reported under their own key
    except KeyError:
        return None
    return None


def _is_positive(text: str | None) -> bool:
    try:
        return float(text or 0) > 0
    except ValueError:
        return False
