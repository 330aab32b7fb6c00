from collections.abc import Mapping
from pathlib import Path

import pytest

from connectrt.errors import ConfigErrors
from connectrt.plugins.discovery import PluginInfo, PluginKind
from connectrt.plugins.loader import Plugins
from connectrt.worker.variables import make_resolver


def provider(module: str, name: str) -> PluginInfo:
    return PluginInfo(PluginKind.CONFIG_PROVIDER, f"connectrt.config_providers.{module}:{name}", (name,), "c", "1")


PLUGINS = Plugins([provider("env", "EnvVarConfigProvider"), provider("file", "FileConfigProvider"),
                   provider("directory", "DirectoryConfigProvider")])


def resolved(worker: Mapping[str, str], text: str) -> str:
    return make_resolver(worker, PLUGINS)({"k": text})["k"]


def test_files_folders_and_the_environment_need_not_be_configured(tmp_path: Path,
                                                                  monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x.properties").write_text("a=1")
    (tmp_path / "token").write_text("2")
    monkeypatch.setenv("CONNECTRT_TEST", "3")
    text = f"${{file:{tmp_path}/x.properties:a}}${{dir:{tmp_path}:token}}${{env:CONNECTRT_TEST}}${{vault:x}}"
    assert resolved({}, text) == "123${vault:x}"


def test_configured_providers_have_their_own_names_and_parameters(tmp_path: Path) -> None:
    (tmp_path / "x.properties").write_text("a=1")
    worker = {"config.providers": "mine", "config.providers.mine.class": "FileConfigProvider",
              "config.providers.mine.param.allowed.paths": str(tmp_path)}
    assert resolved(worker, f"${{mine:{tmp_path}/x.properties:a}}") == "1"
    assert resolved(worker, "${mine:/etc/passwd:root}") == "${mine:/etc/passwd:root}"


def test_a_built_in_provider_may_be_restricted_under_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "x.properties").write_text("a=1")
    worker = {"config.providers": "file", "config.providers.file.param.allowed.paths": "/etc"}
    assert resolved(worker, f"${{file:{tmp_path}/x.properties:a}}").startswith("${file:")


def test_providers_that_cannot_be_made_are_reported_together() -> None:
    worker = {"config.providers": "vault,mine,bad", "config.providers.mine.class": "NoSuchProvider",
              "config.providers.bad.class": "FileConfigProvider", "config.providers.bad.param.allowed.paths": "x"}
    with pytest.raises(ConfigErrors) as caught:
        make_resolver(worker, PLUGINS)
    vault, mine, bad = caught.value.faults
    assert vault.startswith("config.providers.vault.class: Missing required configuration")
    assert "which name matches NoSuchProvider" in mine
    assert bad == "config.providers.bad.class: Path x is not absolute"
