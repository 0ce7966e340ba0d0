"""Where raw tables come from: the Hub, a folder in its layout, the pocket world, or files of the user's own."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from p2w.config.locations import SPLITS
from p2w.config.places import FILES
from p2w.config.settings import Count, Name, Settings, Text, parse
from p2w.config.yaml_files import read_yaml

NEEDS = {"hub": (), "local": ("root",), "pocket": ("seed", "rows"), "files": ()}


class Source(Settings):
    """One source of raw tables.

    `root` belongs to kind local: the folder that holds {owner}/{dataset}/{file}, and {host}/{path} for the web; `seed`
    and `rows` (by P2W split) to kind pocket.
    """

    kind: Literal["hub", "local", "pocket", "files"]
    root: Text | None = None
    seed: int | None = None
    rows: dict[str, Count] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "Source":
        given = {name for name in ("root", "seed", "rows") if getattr(self, name) not in (None, {})}
        if given != set(NEEDS[self.kind]):
            found, expected = (", ".join(keys) or "no other key" for keys in (sorted(given), NEEDS[self.kind]))
            raise ValueError(f"kind {self.kind!r}: found {found}, expected {expected}")
        if unknown := sorted(set(self.rows) - set(SPLITS)):
            raise ValueError(f"rows: no split {unknown[0]!r}; splits: {', '.join(SPLITS)}")
        return self


def load_sources(path: str | Path) -> dict[str, Source]:
    """Read the named sources, and that of the user's own files; ValueError names file, key, found and expected."""
    sources = parse(dict[Name, Source], read_yaml(path), str(path))
    if FILES in sources:
        raise ValueError(f"{path}: found the name {FILES!r}, expected another: it is that of the user's own files")
    return {**sources, FILES: Source(kind="files")}
