"""Where raw tables come from: the Hub, a folder in the Hub's layout, the pocket world, or files of the user's own."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from p2w.config.settings import convert
from p2w.config.tasks import SPLITS
from p2w.config.yaml_files import read_yaml

NEEDS = {"hub": (), "local": ("root",), "pocket": ("seed", "rows"), "files": ()}


@dataclass(frozen=True)
class Source:
    """One source of raw tables; `root` belongs to kind local, `seed` and `rows` (by P2W split) to kind pocket."""

    kind: Literal["hub", "local", "pocket", "files"]
    root: str | None = None
    seed: int | None = None
    rows: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        given = {name for name in ("root", "seed", "rows") if getattr(self, name) not in (None, {})}
        if given != set(NEEDS[self.kind]):
            expected = ", ".join(NEEDS[self.kind]) or "no other key"
            raise ValueError(
                f"kind {self.kind!r}: found {', '.join(sorted(given)) or 'no other key'}, expected {expected}"
            )
        if unknown := sorted(set(self.rows) - set(SPLITS)):
            raise ValueError(f"rows: no split {unknown[0]!r}; splits: {', '.join(SPLITS)}")
        if few := [name for name, count in self.rows.items() if count < 1]:
            raise ValueError(f"rows.{few[0]}: found {self.rows[few[0]]}, expected at least 1")

    def describe(self) -> dict[str, Any]:
        """The keys that are set, as plain JSON values."""
        values = {"kind": self.kind, "root": self.root, "seed": self.seed, "rows": self.rows}
        return {name: value for name, value in values.items() if value not in (None, {})}


def load_sources(path: str | Path) -> dict[str, Source]:
    """Read the named sources; ValueError names file, key, found and expected."""
    return convert(read_yaml(path), dict[str, Source], str(path))


def pick_source(sources: dict[str, Source], name: str) -> Source:
    """The source of that name; ValueError lists what exists."""
    if name not in sources:
        raise ValueError(f"no source {name!r}; sources: {', '.join(sorted(sources))}")
    return sources[name]
