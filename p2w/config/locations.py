"""Where a task's rows live: on the Hub, or in files of one's own."""

from collections.abc import Mapping
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import Field, StringConstraints, field_validator, model_validator

from p2w.config.settings import Revision, Settings, Sha256, Text

SPLITS = ("train", "validation", "test")
Columns = Annotated[tuple[Text, ...], Field(min_length=1)]


class HubDataset(Settings):
    """A dataset on the Hub at a pinned revision: one of its configs, or files by the dataset's own split names.

    `sha256` pins splits that are one file; the Hub's own hash is checked in any case.
    """

    dataset: Annotated[str, StringConstraints(pattern="^[^/]+/[^/]+$")]
    revision: Revision
    config: Text | None = None
    files: dict[str, Text] = Field(default_factory=dict)
    sha256: dict[str, Sha256] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check(self) -> "HubDataset":
        if self.files and self.config is not None:
            raise ValueError("config: found one beside files, expected one of them")
        _check_pins(self.sha256, self.files)
        return self


class Location(Settings):
    """Where a task's rows live: a dataset on the Hub, or files of one's own, by path or http(s) address.

    `file` is one file, which is divided into train and test; `files` are one for each split; `folder` holds the splits
    under the names that `datasets` knows. `splits` says which of the dataset's own splits is P2W's, `id` which column
    identifies a row, or which of them together (without it rows are numbered). Rows alike in the columns `together` are
    never on both sides of a divided file.
    """

    hub: HubDataset | None = None
    file: Text | None = None
    files: dict[str, Text] = Field(default_factory=dict)
    folder: Text | None = None
    sha256: dict[str, Sha256] | Sha256 = Field(default_factory=dict)
    splits: dict[str, Text]
    id: Text | Columns | None = None
    together: Columns | None = None

    @model_validator(mode="before")
    @classmethod
    def _own_splits(cls, content: Any) -> Any:
        """The splits that the user's own files have by themselves."""
        if not isinstance(content, Mapping) or "splits" in content or not {"file", "files", "folder"} & set(content):
            return content
        files = content.get("files")
        names = [name for name in SPLITS if name in files] if isinstance(files, Mapping) else ["train", "test"]
        return {**content, "splits": {name: name for name in names}}

    @field_validator("splits")
    @classmethod
    def _check_splits(cls, splits: dict[str, str]) -> dict[str, str]:
        if not {"train"} <= set(splits) <= set(SPLITS):
            raise ValueError(f"found {sorted(splits)}, expected train and any of validation, test")
        return splits

    @model_validator(mode="after")
    def _check_places(self) -> "Location":
        places = {"hub": self.hub, "file": self.file, "files": self.files, "folder": self.folder}
        if len(given := [name for name, place in places.items() if place]) > 1:
            raise ValueError(f"found {' and '.join(given)}, expected exactly one of {', '.join(places)}")
        if self.sha256 and given != (["file"] if isinstance(self.sha256, str) else ["files"]):
            raise ValueError("sha256: expected the hash of a file, or with files one for each split")
        if isinstance(self.sha256, dict):
            _check_pins(self.sha256, self.files)
        if any("@" in urlsplit(place).netloc for place in (self.file or "", *self.files.values())):
            raise ValueError("found a user in an address, expected one without: it would be in files of results")
        if self.together and not self.file:
            raise ValueError("together: found one without a file to divide, expected it beside file")
        if self.file and not set(self.splits.values()) <= {"train", "test"}:
            raise ValueError(f"splits: found {self.splits}, expected train and test, into which one file is divided")
        return self


def _check_pins(pins: Mapping[str, str], files: Mapping[str, str]) -> None:
    for split in pins:
        if files and split not in files:
            raise ValueError(f"sha256: no split {split!r} in files; splits: {', '.join(files)}")
