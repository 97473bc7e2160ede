"""MFT records by their signature, wherever they lie in a volume: the third look.

A pass over sectors reads four bytes of each; it is as fast as the volume can be read. What it
finds may be of an older file system, or of one inside a file: who asks has to judge.
"""

from collections.abc import Iterable, Iterator
from typing import Final

import numpy as np

from analyzer import attention
from analyzer.blocks import Blocks, read_known
from analyzer.filesystem.mft import SECTOR
from analyzer.filesystem.record_batch import FILE

_CHUNK: Final = 4 << 20


def find_records(blocks: Blocks, spans: Iterable[tuple[int, int]]) -> Iterator[int]:
    """Offsets of sectors in `spans` of (offset, length) that begin with `FILE`.

    Spans begin at sectors. Bytes that cannot be read hold nothing.
    """
    for start, length in spans:
        for at in range(start, start + length, _CHUNK):
            size = min(_CHUNK, start + length - at)
            attention.progress()
            data = read_known(blocks, at, size, lambda _: None)
            words = np.frombuffer(data, "<u4", len(data) // 4)
            for sector in np.flatnonzero(words[::SECTOR // 4] == FILE).tolist():
                yield at + sector * SECTOR
