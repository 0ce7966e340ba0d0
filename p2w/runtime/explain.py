"""The lineage of an artifact: what made it, from what, down to raw data and base models, and whether it still holds."""

import json
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from p2w.runtime.code import ROOT
from p2w.runtime.files import sha256
from p2w.runtime.known_code import known_code_hash
from p2w.runtime.records import NoRecordError, find_record, record_of

SHORT = 12  # hex digits of a hash that are shown
WIDEST = 160  # characters of a configuration value that are shown
# What a raw table and the manifest of a model say about where they come from.
ORIGIN = ("dataset", "hub", "revision", "file", "sha256", "rows")


def explain(path: Path) -> str:
    """Lineage of a file as an indented tree, every step once; paths are taken from the current folder.

    FileNotFoundError without the file; ValueError when one is damaged, or no record explains it.
    """
    return "\n".join([path.as_posix(), *(f"  {line}" for line in _Lineage().lines(path))])


class _Lineage:
    """The steps that were told already, the library versions that were named first, and hashes of files as they are."""

    def __init__(self) -> None:
        self.told: set[Path] = set()
        self.versions: Mapping[str, str] = {}
        self.sha256 = cache(sha256)

    def lines(self, path: Path) -> Iterator[str]:
        """What made one file, and in turn its inputs."""
        holder, found = find_record(path)
        # What was asked for is told in full, what is below it in short: it can be asked for too.
        widest = WIDEST if self.told else None
        self.told.add(holder)
        record = record_of(found) or {}
        if holder != path:
            yield f"record  {holder.as_posix()}"
        yield from _facts(found, record, widest)
        if record.get("versions", {}) != self.versions:
            self.versions = self.versions or record["versions"]
            yield f"with    {_text(record['versions'], None)}"
        for name, recorded in record.get("inputs", {}).items():
            yield from self._input(name, recorded)

    def _input(self, name: str, recorded: str) -> Iterator[str]:
        """An input, whether it is still what it was, and what made it unless that was told."""
        line, path = f"{self._state(name, recorded):8}{name}  sha256 {recorded[:SHORT]}", Path(name)
        try:
            holder = find_record(path)[0] if path.is_file() else None
        except NoRecordError:
            yield f"{line}  a source"
        except ValueError as error:
            yield f"{line}  what made it cannot be read: {error}"
        else:
            above = holder in self.told
            yield f"{line}  made as said above" if above else line
            if holder is not None and not above:
                yield from (f"    {below}" for below in self.lines(path))

    def _state(self, path: str, recorded: str) -> str:
        """Whether the file that is there now is the recorded one: `ok`, `changed` or `missing`."""
        if not Path(path).is_file():
            return "missing"
        return "ok" if self.sha256(path) == recorded else "changed"


def _facts(found: Mapping[str, Any], record: Mapping[str, Any], widest: int | None) -> Iterator[str]:
    yield f"made by {record['made_by']}, code {record.get('code_sha256', '')[:SHORT]} ({_code_state(record)})"
    if record.get("seed") is not None:
        yield f"seed    {record['seed']}"
    config = record.get("config", {})
    plain = {name: value for name, value in config.items() if not isinstance(value, Mapping | list)}
    if plain:
        yield f"config  {_text(plain, widest)}"
    yield from (f"config  {name}: {_text(config[name], widest)}" for name in config if name not in plain)
    origin = {name: found[name] for name in ORIGIN if found.get(name) is not None}
    if origin:
        yield f"from    {_text(origin, None)}"
    if "encoder" in found:
        yield f"encoder {_text(found['encoder'], None)}"


def _code_state(record: Mapping[str, Any]) -> str:
    script = record["made_by"]
    if not (ROOT / script).is_file():
        return "not here"
    return "as it is now" if known_code_hash(script) == record.get("code_sha256") else "has changed since"


def _text(value: Any, widest: int | None) -> str:
    """A value on one line, cut where it is too long."""
    if isinstance(value, Mapping):
        kept = {name: item for name, item in value.items() if item is not None}
        text = ", ".join(f"{name} {_text(item, None)}" for name, item in kept.items())
    else:
        text = value if isinstance(value, str) and value.isprintable() else json.dumps(value, ensure_ascii=False)
    return text if widest is None or len(text) <= widest else f"{text[:widest]} …"
