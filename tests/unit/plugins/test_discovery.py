"""Which plugins are found, and under which names."""

from __future__ import annotations

import subprocess
import sys

from connectrt.plugins.discovery import PluginInfo, PluginKind
from connectrt.plugins.loader import Plugins
from tests.unit.plugins.conftest import Install


def of_good(plugins: Plugins, kind: PluginKind) -> list[PluginInfo]:
    return [info for info in plugins.list(kind) if info.distribution == "connectrt-good"]


def test_entry_points_with_one_target_are_one_plugin_with_several_names(install: Install) -> None:
    [source] = of_good(install("good"), PluginKind.SOURCE_CONNECTOR)
    assert source.names == ("GoodSourceConnector", "com.example.GoodSource")
    assert (source.distribution, source.version) == ("connectrt-good", "1.2.3")


def test_a_plugin_is_called_by_its_python_name_unless_it_stands_in_for_one_of_kafkas(install: Install) -> None:
    plugins = install("good")
    [source] = of_good(plugins, PluginKind.SOURCE_CONNECTOR)
    assert source.class_name == "connectrt_good.GoodSourceConnector"
    [converter] = of_good(plugins, PluginKind.CONVERTER)
    assert converter.class_name == "org.apache.kafka.connect.good.GoodConverter"


def test_short_names_leave_out_package_and_suffix(install: Install) -> None:
    plugins = install("good")
    [source] = of_good(plugins, PluginKind.SOURCE_CONNECTOR)
    assert {"GoodSource", "GoodSourceConnector"} <= source.short_names
    [headers] = of_good(plugins, PluginKind.HEADER_CONVERTER)
    assert headers.short_names == {"Good", "GoodHeaderConverter"}


def test_a_nested_java_class_has_the_short_name_that_java_gives_it(install: Install) -> None:
    [key] = [info for info in of_good(install("good"), PluginKind.TRANSFORMATION) if info.target.endswith("UpperKey")]
    assert {"Key", "Upper$Key"} <= key.short_names


def test_every_kind_has_its_group() -> None:
    assert [kind.group for kind in PluginKind] == [
        "connectrt.sink_connectors", "connectrt.source_connectors", "connectrt.transformations",
        "connectrt.predicates", "connectrt.converters", "connectrt.header_converters", "connectrt.config_providers",
    ]


def test_nothing_is_imported_by_discovery(install: Install) -> None:
    install("good", "broken")
    assert not [name for name in sys.modules if name.startswith(("connectrt_good", "connectrt_broken"))]


def test_discovery_does_not_import_the_sdk() -> None:
    code = "import connectrt.plugins.discovery as d, sys; d.discover(); sys.exit('connectrt.sdk' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
