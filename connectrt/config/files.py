"""Gather the config of a worker and its connectors from files, the environment and the command line.

Invariant: nothing is raised; what is wrong with any file is in `faults`, each with file and line, and every key knows
where it was written. `--set` wins over `CONNECT_…` variables, those over files; what no one sets is a default.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple

from connectrt.config.documents import MAX_DEPTH, MAX_KEYS, Documents, Node, Table, read_document
from connectrt.config.overrides import from_command_line, from_environment, from_foreign_environment
from connectrt.config.settings import INITIAL_STATES, ConfigFiles, ConnectorConfig, Origin, Settings

ENDINGS: Final = (".yaml", ".yml", ".json", ".properties")
_NULL: Final = 'Null value can not be supplied as the configuration value: write "" for no text, or leave the key out'


class _Text(NamedTuple):
    text: str
    origin: Origin


_Keys = dict[str, _Text]


def read_config(paths: Sequence[str | Path], *, is_worker_key: Callable[[str], bool], sets: Sequence[str] = (),
                environ: Mapping[str, str] | None = None) -> ConfigFiles:
    """Read files and folders of files; `is_worker_key` tells which keys are a worker's, environ None: use none."""
    gathered = _Gathered()
    for path in paths:
        gathered.read(Path(path))
    worker: _Keys = {}
    strong, warnings = from_environment(environ or {}, is_worker_key)
    weak, faults = from_foreign_environment(environ or {})
    connectors = {found.name: dict(found.keys) for found in gathered.connectors}
    chosen, bad_sets = from_command_line(sets, connectors, is_worker_key)
    worker |= {one.key: _Text(one.text, one.origin) for one in weak}
    worker |= gathered.worker
    worker |= {one.key: _Text(one.text, one.origin) for one in strong}
    for name, one in chosen:
        (worker if name is None else connectors[name])[one.key] = _Text(one.text, one.origin)
    return ConfigFiles(
        worker=_settings(worker),
        connectors=tuple(
            ConnectorConfig(found.name, _settings(connectors[found.name]), found.origin, found.initial_state)
            for found in gathered.connectors),
        faults=(*gathered.faults, *faults, *bad_sets),
        warnings=(*gathered.warnings, *warnings))


def _settings(keys: _Keys) -> Settings:
    return Settings({name: one.text for name, one in keys.items()}, {name: one.origin for name, one in keys.items()})


class _Found(NamedTuple):
    name: str
    keys: _Keys
    origin: Origin
    initial_state: str


class _Gathered:
    """What the files read so far say together."""

    def __init__(self) -> None:
        self.worker: _Keys = {}
        self.connectors: list[_Found] = []
        self.faults: list[str] = []
        self.warnings: list[str] = []

    def read(self, path: Path) -> None:
        try:
            if not path.is_dir():
                _File(self, str(path), path.stem).read(read_document(path.name, path.read_bytes()))
                return
            files = sorted(file for file in path.iterdir() if file.name.endswith(ENDINGS) and file.name[0] != ".")
        except (OSError, ValueError) as error:
            self.faults.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}")
            return
        for file in files:
            if file.is_file():
                self.read(file)
        if not files:
            self.faults.append(f"{path}: there is no file in it that ends in {', '.join(ENDINGS)}")

    def add_worker(self, keys: _Keys) -> None:
        for name, one in keys.items():
            other = self.worker.setdefault(name, one)
            if other.text != one.text:
                self.faults.append(f"{one.origin}: {name}: {other.origin} says otherwise; there is one worker")

    def add_connector(self, found: _Found) -> None:
        for other in self.connectors:
            if other.name == found.name:
                self.faults.append(f"{found.origin}: {found.name}: a connector of this name stands in {other.origin}")
                return
        self.connectors.append(found)


class _TooMuchError(Exception):
    """A file is beyond any config."""


class _File:
    """Tells apart the shapes of configs: our sections, flat, a POST body, Kubernetes resources, a list of these."""

    def __init__(self, gathered: _Gathered, source: str, stem: str) -> None:
        self._gathered = gathered
        self._source = source
        self._stem = stem
        self._format = "yaml"
        self._entries = 0

    def read(self, documents: Documents) -> None:
        self._format = documents.format
        for fault in documents.faults:
            self._gathered.faults.append(f"{Origin(self._source, fault.line)}: {fault.text}")
        try:
            for tree in documents.trees:
                self._tree(tree)
        except _TooMuchError:
            self._gathered.faults.append(f"{self._source}: more than {MAX_KEYS} keys, or nested too deeply")
        if not documents.faults and not any(documents.trees):
            self._gathered.faults.append(f"{self._source}: the file holds no config")

    def _tree(self, tree: Node) -> None:
        match tree:
            case Table():
                items = tree.get("items")
                if tree.get("kind") in ("List", "KafkaConnectorList") and isinstance(items, list):
                    self._each(items)
                else:
                    self._table(tree, self._stem)
            case list():
                self._each(tree)
            case str():
                self._fault(1, "a config is a mapping of keys to values, not one text")

    def _each(self, items: Iterable[Node]) -> None:
        for item in items:
            if isinstance(item, Table):
                self._table(item, None)
            else:
                self._fault(1, "a list of connectors may only hold mappings")

    def _table(self, table: Table, name: str | None) -> None:
        """`name` is that of a connector which says none: the file's, if it is alone in it."""
        if name is not None and ("worker" in table or "connectors" in table):
            self._sections(table)
        elif "apiVersion" in table and "kind" in table:
            self._kubernetes(table)
        elif isinstance(table.get("config"), Table):
            self._body(table, name)
        elif table.entries:
            keys = self._flatten(table)
            # A misspelt connector.class is a connector as well: it is refused with the right name.
            if "name" in keys or difflib.get_close_matches("connector.class", keys, 1, 0.8):
                self._add(table.line, keys, name)
            else:
                self._gathered.add_worker(keys)

    def _sections(self, table: Table) -> None:
        for name, value, line in table.entries:
            match name, value:
                case "worker", Table():
                    self._gathered.add_worker(self._flatten(value))
                case "connectors", Table():
                    for connector, config, at in value.entries:
                        if isinstance(config, Table):
                            self._connector(replace(config, line=at), connector)
                        else:
                            self._fault(at, f"{connector}: a connector is a mapping of keys to values")
                case "connectors", list():
                    for config in value:
                        if isinstance(config, Table):
                            self._connector(config, None)
                        else:
                            self._fault(line, "connectors: each element must be a mapping of keys to values")
                case ("worker" | "connectors"), None:
                    pass
                case ("worker" | "connectors"), _:
                    self._fault(line, f"{name}: must be a mapping of keys to values")
                case _:
                    self._fault(line, f"{name}: worker: and connectors: are the only sections; move it into one")

    def _connector(self, table: Table, name: str | None) -> None:
        """One of the section's connectors; `name` is its key in a mapping by name."""
        if isinstance(table.get("config"), Table):
            self._body(table, name, around=name)
        else:
            self._add(table.line, self._flatten(table), name, around=name)

    def _body(self, table: Table, name: str | None, *, around: str | None = None) -> None:
        """The shape of a POST body: name, config, initial_state."""
        config, outer = table.get("config"), table.get("name")
        assert isinstance(config, Table)
        if isinstance(outer, str):
            name = around = outer.strip()
        self._add(table.line, self._flatten(config), name, around=around, initial_state=table.get("initial_state"))

    def _kubernetes(self, table: Table) -> None:
        kind, metadata, spec = table.get("kind"), table.get("metadata"), table.get("spec")
        if kind != "KafkaConnector" or not isinstance(spec, Table) or not isinstance(metadata, Table):
            what = f"this {kind}" if isinstance(kind, str) else "this one"
            self._warn(table.line, f"of Kubernetes only KafkaConnector resources are read; {what} is left out")
            return
        config, name = spec.get("config"), metadata.get("name")
        keys = self._flatten(config) if isinstance(config, Table) else {}
        for its_key, key in (("class", "connector.class"), ("tasksMax", "tasks.max")):
            value = spec.get(its_key)
            if isinstance(value, str):
                keys[key] = _Text(value, Origin(self._source, spec.line_of(its_key)))
        state = spec.get("state") or ("paused" if spec.get("pause") == "true" else None)
        self._add(table.line, keys, name if isinstance(name, str) else None, initial_state=state)

    def _add(self, line: int, keys: _Keys, name: str | None, *, around: str | None = None,
             initial_state: Node = None) -> None:
        """`name` counts if the keys hold none; `around`, a name that stands around them, must not differ."""
        origin = Origin(self._source, line)
        inner = keys.get("name")
        if inner is None and name is None:
            self._fault(line, "name: a connector needs one")
            return
        if inner is not None and around is not None and inner.text.strip() != around:
            self._fault(inner.origin.line or line, f"name: the config says {inner.text}, and around it stands {around}")
        chosen = inner.text.strip() if inner is not None else name or ""
        flat_state = keys.pop("initial_state", None)
        state = initial_state if flat_state is None else flat_state.text
        text = state.strip().upper() if isinstance(state, str) else "RUNNING"
        if text not in INITIAL_STATES:
            self._fault(line, f"{chosen}: initial_state: {text} is none of {', '.join(INITIAL_STATES)}")
        keys["name"] = _Text(chosen, inner.origin if inner is not None else origin)
        self._gathered.add_connector(_Found(chosen, keys, origin, text))

    def _flatten(self, table: Table) -> _Keys:
        keys: _Keys = {}
        self._flatten_into(keys, table, "", 0)
        return keys

    def _flatten_into(self, keys: _Keys, table: Table, prefix: str, depth: int) -> None:
        self._entries += len(table) + 1  # aliases may show one table many times, so an empty one counts as well
        if depth > MAX_DEPTH or self._entries > MAX_KEYS:
            raise _TooMuchError
        for name, value, line in table.entries:
            if isinstance(value, Table):
                self._flatten_into(keys, value, f"{prefix}{name}.", depth + 1)
                continue
            text = self._scalar(f"{prefix}{name}", value, line)
            if text is not None:
                self._put(keys, f"{prefix}{name}", _Text(text, Origin(self._source, line)))

    def _put(self, keys: _Keys, name: str, one: _Text) -> None:
        line = one.origin.line or 1
        if name in keys:
            twice = f"{name}: stands in line {keys[name].origin.line} as well"
            if self._format == "yaml":
                self._fault(line, twice)
            else:
                self._warn(line, f"{twice}; this one counts")
        quoted = len(one.text) > 1 and one.text[0] == one.text[-1] and one.text[0] in "\"'"
        if quoted and self._format == "properties":
            self._warn(line, f"{name}: the quotes are part of the value; remove them if that is not meant")
        keys[name] = one

    def _scalar(self, name: str, value: Node, line: int) -> str | None:
        if value is None:
            self._fault(line, f"{name}: {_NULL}")
            return None
        if isinstance(value, str):
            return value
        assert isinstance(value, list)
        self._entries += len(value)
        texts = [element for element in value if isinstance(element, str)]
        if len(texts) < len(value):
            self._fault(line, f"{name}: a list may only hold plain values")
        elif any("," in text for text in texts):
            self._fault(line, f"{name}: lists are joined with commas, and an element holds one: write each by itself")
        return ",".join(texts)

    def _fault(self, line: int, text: str) -> None:
        self._gathered.faults.append(f"{Origin(self._source, line)}: {text}")

    def _warn(self, line: int, text: str) -> None:
        self._gathered.warnings.append(f"{Origin(self._source, line)}: {text}")
