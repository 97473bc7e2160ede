"""Where each statement of a page comes from: numbered once, printed at its end, opened in place."""

from dataclasses import dataclass
from pathlib import PureWindowsPath
from typing import Any, Final

from plugins.reports.hosts import Row
from plugins.reports.source_line import address, quoted

_COLUMNS: Final = ("evidence", "path", "detail", "entry", "offset", "image_offset", "layer")


def image_paths(arguments: list[str], names: list[str]) -> dict[str, str]:
    """Name of each image -> how the run that made the case was told to open it.

    A case that is moved keeps these words: they hold in the folder that the run was started in.
    """
    told = {PureWindowsPath(text).name: text for text in reversed(arguments)}
    return {name: told.get(name, name) for name in names}


@dataclass(frozen=True, slots=True)
class Footnote:
    """One place in the evidence."""

    number: int
    row: Row
    """Its seven columns, source_evidence ... source_layer."""
    image: str
    """Path of the image for commands."""

    @property
    def volume(self) -> str:
        """`p1 of the image`, `p1 of /p2/VMs/web.avhd`; "" where it is the image itself."""
        outside, _, inside = self.row["source_path"].rpartition("!")
        name = inside.strip("/").partition("/")[0]
        return f"{name} of {outside or 'the image'}" if name else ""

    @property
    def stat(self) -> str:
        """The command that shows the place again."""
        return f"vmtrail stat {self._address()}"

    @property
    def cat(self) -> str:
        """The command that shows the first bytes meant; "" for what is no file in any case."""
        if not self.row["source_path"].rpartition("!")[2].strip("/").partition("/")[2]:
            return ""
        skip = f"tail -c +{self.row['source_offset'] + 1} | " if self.row["source_offset"] else ""
        return f"vmtrail cat {self._address()} | {skip}head -c 256 | od -A x -t x1z"

    def _address(self) -> str:
        return quoted(address(self.row | {"source_evidence": self.image}))


class Footnotes:
    """The footnotes of one page, in order of first use."""

    def __init__(self, images: dict[str, str]) -> None:
        self._images = images
        self._numbers: dict[tuple[Any, ...], int] = {}
        self.notes: list[Footnote] = []

    def number(self, row: Row, whole_file: bool = False) -> int:
        """The number of a row's place; `whole_file` leaves out where in the file."""
        place = {f"source_{name}": row[f"source_{name}"] for name in _COLUMNS}
        if whole_file:
            place |= {"source_detail": "", "source_offset": None}
        key = tuple(place.values())
        if key not in self._numbers:
            self._numbers[key] = len(self.notes) + 1
            evidence = str(row["source_evidence"])
            self.notes.append(Footnote(len(self.notes) + 1, place,
                                       self._images.get(evidence, evidence)))
        return self._numbers[key]
