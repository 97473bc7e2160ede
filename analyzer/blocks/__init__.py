"""Blocks: random access to bytes, and maps that say where those bytes lie beneath."""

from analyzer.blocks.blocks import (
    Blocks,
    FileBacked,
    Memory,
    OpenFile,
    Slice,
    read_into,
    read_known,
)
from analyzer.blocks.extents import Extent, ExtentMap, Kind
from analyzer.blocks.flat import LOST, ZEROS, Mapped, flatten, withhold

__all__ = ["LOST", "ZEROS", "Blocks", "Extent", "ExtentMap", "FileBacked", "Kind", "Mapped",
           "Memory", "OpenFile", "Slice", "flatten", "read_into", "read_known", "withhold"]
