"""Where the MFT records of a volume lie in what was acquired, for all of them at once."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class Span(NamedTuple):
    """Bytes that lie together: `layer` owns them, `at` in the acquired image, None for nowhere."""

    start: int
    length: int
    layer: str
    at: int | None


@dataclass(frozen=True, slots=True, eq=False)
class RecordPlaces:
    """Spans of $MFT as columns, in order; `layer` is a place in `layers`, `at` -1 for None."""

    layers: tuple[str, ...]
    start: Ints
    end: Ints
    layer: Ints
    at: Ints

    @classmethod
    def of(cls, spans: list[Span], otherwise: str) -> "RecordPlaces":
        """`otherwise` is the layer of records that are in no span; it is the first of `layers`."""
        layers = tuple(dict.fromkeys((otherwise, *(span.layer for span in spans))))
        rows = [(s.start, s.start + s.length, layers.index(s.layer), -1 if s.at is None else s.at)
                for s in spans] or [(0, 0, 0, -1)]
        return cls(layers, *np.array(rows, np.int64).T)

    def find(self, offsets: Ints) -> tuple[Ints, Ints]:
        """Places in `layers`, and offsets in the acquired image or -1, of bytes of $MFT."""
        row = np.maximum(np.searchsorted(self.start, offsets, side="right") - 1, 0)
        inside = (self.start[row] <= offsets) & (offsets < self.end[row])
        at = np.where(inside & (self.at[row] >= 0), self.at[row] + offsets - self.start[row], -1)
        return np.where(inside, self.layer[row], 0), at
