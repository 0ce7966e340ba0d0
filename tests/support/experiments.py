"""Shipped experiments, as tests read them."""

import yaml

from p2w.config.settings import overlay
from tests.support.workspace import PROJECT

FILES = {path.stem: path for path in sorted((PROJECT / "config/experiments").rglob("*.yaml"))}


def whole(name):
    """An experiment with what it inherits."""
    content = yaml.safe_load(FILES[name].read_text())
    parent = content.pop("inherits", None)
    return overlay(whole(parent), content) if parent else content
