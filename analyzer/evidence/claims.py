"""Which places in a container's file are claimed by more than one of its table's entries."""

import numpy as np
from numpy.typing import NDArray


def overlapping(places: NDArray[np.uint64], size: int,
                taken: NDArray[np.uint64] | None = None) -> frozenset[int]:
    """Those of `places`, of `size` bytes each, that overlap another or begin where `taken` does.

    Nobody can say which of them is right: one of the entries was damaged.
    """
    ordered = np.sort(places)
    close = np.nonzero(np.diff(ordered) < np.uint64(size))[0]
    found = set(ordered[close].tolist()) | set(ordered[close + 1].tolist())
    if taken is not None:
        found |= set(places[np.isin(places, taken)].tolist())
    return frozenset(found)
