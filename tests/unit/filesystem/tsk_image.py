"""Bytes in memory as an image for The Sleuth Kit alone, which no code of ours reads through."""

from mmap import mmap

import pytsk3


class Image(pytsk3.Img_Info):  # type: ignore[misc] # pytsk3 has no types
    """The bytes as they are; what lies behind them is not there."""

    def __init__(self, data: bytes | mmap) -> None:
        self._data = data
        super().__init__(url="", type=pytsk3.TSK_IMG_TYPE_EXTERNAL)

    def read(self, offset: int, size: int) -> bytes:
        return self._data[offset:offset + size]

    def get_size(self) -> int:
        return len(self._data)
