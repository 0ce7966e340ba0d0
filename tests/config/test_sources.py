"""The table of sources is closed: a source has the keys of its kind, no more and no fewer."""

import json
from pathlib import Path

import pytest

from p2w.config.sources import Source, load_sources


def test_shipped_sources_are_valid() -> None:
    sources = load_sources("config/sources.yaml")
    assert [sources[name].kind for name in ("hub", "local", "pocket")] == ["hub", "local", "pocket"]
    assert (sources["hub"], sources["files"]) == (Source(kind="hub"), Source(kind="files"))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"kind": "ftp"}, "kind: found 'ftp', expected one of 'hub', 'local', 'pocket', 'files'"),
        ({"kind": "local"}, "kind 'local': found no other key, expected root"),
        ({"kind": "hub", "root": "x"}, "kind 'hub': found root, expected no other key"),
        ({"kind": "pocket", "seed": 0}, "kind 'pocket': found seed, expected seed, rows"),
        ({"kind": "pocket", "seed": 0, "rows": {"dev": 3}}, "rows: no split 'dev'; splits: train, validation, test"),
        ({"kind": "pocket", "seed": 0, "rows": {"train": 0}}, "rows.train: found 0, expected an integer of at least 1"),
        ({"kind": "hub", "url": "x"}, "unknown key 'url'; known keys: kind, root, seed, rows"),
    ],
)
def test_sources_are_closed(tmp_path: Path, entry: dict, message: str) -> None:
    path = tmp_path / "sources.yaml"
    path.write_text(json.dumps({"mine": entry}))
    with pytest.raises(ValueError, match=message) as caught:
        load_sources(path)
    assert f"{path}: mine" in str(caught.value)
