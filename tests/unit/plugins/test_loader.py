"""A name means one class or is refused with the cure."""

from __future__ import annotations

import pytest

from connectrt.errors import PluginError
from connectrt.plugins import hints
from connectrt.plugins.discovery import PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.sdk import SinkConnector
from tests.unit.plugins.conftest import Install


@pytest.mark.parametrize("name", [
    "GoodSourceConnector", "GoodSource", "com.example.GoodSource", "connectrt_good.GoodSourceConnector", " GoodSource ",
])
def test_a_connector_is_found_by_any_of_its_names(install: Install, name: str) -> None:
    assert install("good").connector(name).__name__ == "GoodSourceConnector"


@pytest.mark.parametrize(("kind", "name"), [
    (PluginKind.CONVERTER, "Good"),
    (PluginKind.HEADER_CONVERTER, "Good"),
    (PluginKind.PREDICATE, "Good"),
    (PluginKind.CONFIG_PROVIDER, "Good"),
    (PluginKind.TRANSFORMATION, "org.apache.kafka.connect.transforms.Lower$Value"),
])
def test_every_kind_is_loaded_as_its_own_base(install: Install, kind: PluginKind, name: str) -> None:
    assert install("good").load(kind, name).__module__ == "connectrt_good"


def test_a_class_is_loaded_once(install: Install) -> None:
    plugins = install("good")
    assert plugins.connector("WriterSink") is plugins.connector("connectrt_good.WriterTask")


def test_a_task_without_a_connector_class_gets_one_with_its_config(install: Install) -> None:
    made = install("good").connector("WriterSink")
    assert issubclass(made, SinkConnector)
    assert made.__name__ == "WriterConnector"
    assert made.task_class.__name__ == "WriterTask"
    assert made.CONFIG is made.task_class.CONFIG
    assert (made.version, made.__doc__) == ("9.9", "Writes nothing.")


def test_a_short_name_of_several_classes_is_refused_with_the_candidates(install: Install) -> None:
    with pytest.raises(PluginError, match=r"Value .* of 2: .*Lower\$Value \(of connectrt-good\), .*Upper\$Value"):
        install("good").find(PluginKind.TRANSFORMATION, "Value")


def test_a_full_name_goes_before_the_short_names_of_others(install: Install) -> None:
    assert install("good", "clash").find(PluginKind.PREDICATE, "GoodPredicate").distribution == "connectrt-good"
    with pytest.raises(PluginError, match="of 2: "):
        install().find(PluginKind.PREDICATE, "Good")


def test_a_full_name_that_two_distributions_claim_is_refused(install: Install) -> None:
    plugins = install("good", "clash")
    with pytest.raises(PluginError, match=r"\(of connectrt-clash\).*\(of connectrt-good\).*uninstall one"):
        plugins.connector("com.example.GoodSource")
    assert plugins.connector("connectrt_clash.OtherSourceConnector").__name__ == "OtherSourceConnector"


def test_a_distribution_that_breaks_on_import_is_named_and_the_others_go_on(install: Install) -> None:
    plugins = install("good", "broken")
    with pytest.raises(PluginError, match=r"connectrt-broken 0\.0\.1 cannot .*: OSError: libbroken.*pip install"):
        plugins.connector("BrokenSink")
    assert plugins.connector("GoodSource")


@pytest.mark.parametrize(("kind", "name", "why"), [
    (PluginKind.SINK_CONNECTOR, "NotASink", "not a subclass of SinkConnector"),
    (PluginKind.SINK_CONNECTOR, "Function", "not a subclass of SinkConnector"),
    (PluginKind.SINK_CONNECTOR, "SourceAsSink", "not a subclass of SinkConnector"),
    (PluginKind.SINK_CONNECTOR, "Absent", "AttributeError"),
    (PluginKind.SINK_CONNECTOR, "Nameless", "AttributeError"),
    (PluginKind.CONVERTER, "TaskAsConverter", "not a subclass of Converter"),
])
def test_an_entry_point_to_anything_else_is_refused(install: Install, kind: PluginKind, name: str, why: str) -> None:
    with pytest.raises(PluginError, match=f"connectrt-wrong-type 0.0.1 .*{why}"):
        install("wrong_type").load(kind, name)


def test_a_misspelled_name_gets_the_nearest(install: Install) -> None:
    with pytest.raises(PluginError, match=r"which name matches GodSource, did you mean GoodSourceConnector\?"):
        install("good").connector("GodSource")


def test_a_plugin_of_another_kind_is_recognised(install: Install) -> None:
    with pytest.raises(PluginError, match="GoodConverter, it is a converter, not a connector"):
        install("good").connector("GoodConverter")


def test_nothing_alike_lists_what_there_is() -> None:
    with pytest.raises(PluginError, match=r"Xyz, available predicates are: none\. Every plugin .*connectrt plugins"):
        Plugins([]).find(PluginKind.PREDICATE, "Xyz")


@pytest.mark.parametrize(("name", "cure"), [
    ("io.confluent.connect.jdbc.JdbcSinkConnector", "pip install connectrt-sql"),
    ("io.debezium.connector.jdbc.JdbcSinkConnector", "pip install connectrt-sql"),
    ("io.debezium.connector.postgresql.PostgresConnector", "pip install connectrt-sql"),
    ("org.apache.kafka.connect.file.FileStreamSinkConnector", "pip install connectrt-file"),
    ("io.confluent.connect.s3.S3SinkConnector", "pip install connectrt-objectstore"),
    ("io.confluent.connect.http.HttpSinkConnector", "pip install connectrt-http"),
    ("DatagenSource", "pip install connectrt-datagen"),
    ("org.apache.kafka.connect.mirror.MirrorSourceConnector", "pip install connectrt-mirror"),
    ("io.debezium.connector.mysql.MySqlConnector", "no mysql change source here.*ExtractNewRecordState"),
    ("io.debezium.connector.mongodb.MongoDbConnector", "no mongodb change source here"),
])
def test_a_connector_that_is_not_installed_comes_with_the_cure(name: str, cure: str) -> None:
    with pytest.raises(PluginError, match=cure):
        Plugins([]).connector(name)


def test_a_config_of_a_managed_cloud_is_recognised() -> None:
    config = {"connector.class": "S3_SINK", "kafka.auth.mode": "KAFKA_API_KEY", "kafka.api.key": "secret"}
    found = hints.for_config(config)
    assert found
    assert found.startswith("kafka.auth.mode belongs to")
    assert "secret" not in found
    assert hints.for_config({"connector.class": "S3SinkConnector"}) is None
