"""The shipped table of sources; tests/reliability/test_bad_configuration.py has bad ones."""

from p2w.config.sources import Source, load_sources


def test_shipped_sources_are_valid() -> None:
    sources = load_sources("config/sources.yaml")
    assert [sources[name].kind for name in ("hub", "local", "pocket")] == ["hub", "local", "pocket"]
    assert (sources["hub"], sources["files"]) == (Source(kind="hub"), Source(kind="files"))
