"""The lineage of an artifact: what made it, from what, down to raw data and base models, and whether it still holds."""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from p2w.code import code_files, code_hash
from p2w.files import sha256
from p2w.records import NoRecordError, find_record, record_of

SHORT = 12  # hex digits of a hash that are shown
WIDEST = 160  # characters of a configuration value that are shown
# What a raw table and the manifest of a model say about where they come from.
ORIGIN = ("dataset", "hub", "revision", "file", "sha256", "rows")


def explain(path: Path) -> str:
    """Lineage of a file as an indented tree, every step once; paths are taken from the current folder.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is damaged, or that no record explains.
    """
    return "\n".join([path.as_posix(), *_Lineage().lines(path)])


class _Lineage:
    """The steps that were told already, and the library versions that were named first."""

    def __init__(self) -> None:
        self.told: set[Path] = set()
        self.versions: Mapping[str, str] = {}
        self.sha256 = cache(sha256)

    def lines(self, path: Path) -> Iterator[str]:
        """What made one file, and in turn its inputs."""
        holder, found = find_record(path)
        self.told.add(holder)
        record = record_of(found) or {}
        yield from self._facts(holder if holder != path else None, found, record)
        for name, recorded in record.get("inputs", {}).items():
            now = self._state(name, recorded)
            yield f"  {now:8}{name}  sha256 {recorded[:SHORT]}"
            yield from (f"      {line}" for line in self._below(Path(name)))

    def _facts(self, holder: Path | None, found: Mapping[str, Any], record: Mapping[str, Any]) -> Iterator[str]:
        if holder is not None:
            yield f"  record  {holder.as_posix()}"
        yield f"  made by {record['made_by']}, code {record.get('code_sha256', '')[:SHORT]} ({_code_state(record)})"
        if record.get("seed") is not None:
            yield f"  seed    {record['seed']}"
        yield from (f"  config  {name}: {_text(value)}" for name, value in record.get("config", {}).items())
        yield from (f"  from    {name}: {found[name]}" for name in ORIGIN if found.get(name) is not None)
        if "encoder" in found:
            yield f"  encoder {_text(found['encoder'])}"
        if record.get("versions", {}) != self.versions:
            self.versions = self.versions or record["versions"]
            yield f"  with    {', '.join(f'{name} {version}' for name, version in record['versions'].items())}"

    def _state(self, path: str, recorded: str) -> str:
        """Whether the file that is there now is the recorded one: `ok`, `changed` or `missing`."""
        if not Path(path).is_file():
            return "missing"
        return "ok" if self.sha256(path) == recorded else "changed"

    def _below(self, path: Path) -> Iterator[str]:
        """What made an input; one line where it is not there, was told above, or is where the lineage ends."""
        if not path.is_file():
            return
        try:
            holder, _ = find_record(path)
        except NoRecordError:
            yield "a source: nothing made it"
            return
        except ValueError as error:
            yield f"what made it cannot be read: {error}"
            return
        if holder in self.told:
            yield f"made as said above ({holder.as_posix()})"
        else:
            yield from (line[2:] for line in self.lines(path))


def _code_state(record: Mapping[str, Any]) -> str:
    script = record["made_by"]
    if not Path(script).is_file():
        return "not here"
    return "as it is now" if code_hash(code_files(script)) == record.get("code_sha256") else "has changed since"


def _text(value: Any) -> str:
    if isinstance(value, Mapping):
        text = ", ".join(f"{name} {item}" for name, item in value.items() if item is not None)
    else:
        text = str(value)
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}…"
