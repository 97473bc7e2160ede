"""Blocks: random access to bytes, and maps that say where those bytes lie beneath."""

from analyzer.blocks.blocks import Blocks, Memory, Slice, read_known
from analyzer.blocks.extents import Extent, ExtentMap, Kind
from analyzer.blocks.flat import Mapped, flatten, withhold

__all__ = ["Blocks", "Extent", "ExtentMap", "Kind", "Mapped", "Memory", "Slice", "flatten",
           "read_known", "withhold"]
