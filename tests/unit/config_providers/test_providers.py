from pathlib import Path

import pytest

from connectrt.config_providers.directory import DirectoryConfigProvider
from connectrt.config_providers.env import EnvVarConfigProvider
from connectrt.config_providers.file import FileConfigProvider
from connectrt.errors import ConfigError


def keys(*names: str) -> frozenset[str]:
    return frozenset(names)


@pytest.fixture
def secrets(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "db.properties").write_text("user=u\npassword=p\\=w\n")
    (folder / "token").write_text("t0ken\n")
    (tmp_path / "outside.properties").write_text("user=other")
    (folder / "link.properties").symlink_to(tmp_path / "outside.properties")
    return folder


def test_a_properties_file_gives_the_keys_it_has(secrets: Path) -> None:
    found = FileConfigProvider().get(str(secrets / "db.properties"), keys("password", "absent"))
    assert found == {"password": "p=w"}


def test_a_properties_file_that_cannot_be_read_is_named(secrets: Path) -> None:
    with pytest.raises(ConfigError, match=r"Could not read properties from file .*none\.properties: .*No such file"):
        FileConfigProvider().get(str(secrets / "none.properties"), keys("a"))
    with pytest.raises(ConfigError, match="is no path of a file"):
        FileConfigProvider().get("a\0b", keys("a"))
    (secrets / "bad.properties").write_text("a=\\u12")
    with pytest.raises(ConfigError, match=r"line 1: Malformed \\uxxxx"):
        FileConfigProvider().get(str(secrets / "bad.properties"), keys("a"))


def test_files_outside_of_allowed_paths_are_not_read_whatever_links_and_dots_say(secrets: Path) -> None:
    provider = FileConfigProvider()
    provider.configure({"allowed.paths": f" {secrets} "})
    assert provider.get(str(secrets / "db.properties"), keys("user")) == {"user": "u"}
    assert provider.get(str(secrets.parent / "outside.properties"), keys("user")) == {}
    assert provider.get(str(secrets / ".." / "outside.properties"), keys("user")) == {}
    assert provider.get(str(secrets / "link.properties"), keys("user")) == {}


@pytest.mark.parametrize(("text", "message"), [("relative", "is not absolute"), ("/does/not/exist", "does not exist")])
def test_an_allowed_path_must_be_absolute_and_exist(text: str, message: str) -> None:
    for provider in (FileConfigProvider(), DirectoryConfigProvider()):
        with pytest.raises(ConfigError, match=message):
            provider.configure({"allowed.paths": text})


def test_a_directory_gives_whole_files_by_name(secrets: Path) -> None:
    provider = DirectoryConfigProvider()
    assert provider.get(str(secrets), keys("token", "absent", "../outside.properties")) == {"token": "t0ken\n"}
    assert provider.get("", keys("token")) == {}


def test_a_directory_that_is_none_is_refused_and_so_is_a_file_that_is_no_text(secrets: Path) -> None:
    with pytest.raises(ConfigError, match="Could not read directory"):
        DirectoryConfigProvider().get(str(secrets / "token"), keys("a"))
    (secrets / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8 text"):
        DirectoryConfigProvider().get(str(secrets), keys("binary"))


def test_a_directory_outside_of_allowed_paths_is_not_read(secrets: Path) -> None:
    provider = DirectoryConfigProvider()
    provider.configure({"allowed.paths": str(secrets / "token")})
    assert provider.get(str(secrets), keys("token")) == {}


def test_environment_variables_are_given_as_far_as_the_pattern_allows() -> None:
    provider = EnvVarConfigProvider({"PGPASSWORD": "p", "HOME": "/h"})
    assert provider.get("", keys("PGPASSWORD", "HOME", "ABSENT")) == {"PGPASSWORD": "p", "HOME": "/h"}
    provider.configure({"allowlist.pattern": "PG.*"})
    assert provider.get("", keys("PGPASSWORD", "HOME")) == {"PGPASSWORD": "p"}


def test_environment_variables_have_no_path_and_the_pattern_must_be_one() -> None:
    with pytest.raises(ConfigError, match=r"Path is not supported for EnvVarConfigProvider, invalid value 'x'"):
        EnvVarConfigProvider({}).get("x", keys("HOME"))
    with pytest.raises(ConfigError, match="Invalid regex"):
        EnvVarConfigProvider({}).configure({"allowlist.pattern": "("})
