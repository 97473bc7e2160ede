"""Columns of text made of the columns of a batch, all rows at once.

Evidence text that needs a closer look is rare: a pattern finds it, a function of one text makes
it, and Arrow makes the rest. What a file holds is the same as if each row went through that
function; only 40 times as much of it is written in a second.
"""

from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute

from analyzer.times import TICKS_PER_SECOND, UNIX_EPOCH
from analyzer.zones import local, zone_named

Column = Any
"""pa.Array. Its stubs do not know that a function takes one text for all rows."""
pc: Any = pyarrow.compute


def joined(*parts: Column) -> Column:
    """The parts of each row put together; a part may be one text for all rows."""
    return pc.binary_join_element_wise(*parts, "")


def exactly(values: Column, made: Column, exact: Callable[[str], str],
            odd: str = "") -> Column:
    """`made`, and `exact` of the value in rows whose value the pattern `odd` (RE2) finds.

    Without a pattern, what is not printable ASCII is odd.
    """
    if not odd and is_plain(values):
        return made
    rows = pc.match_substring_regex(values, odd or "[^ -~]")
    if not pc.any(rows).as_py():
        return made
    texts = values.filter(rows).dictionary_encode()
    found = pa.array([exact(text) for text in texts.dictionary.to_pylist()], pa.string())
    return pc.replace_with_mask(made, rows, found.take(texts.indices))


def has_any(values: Column, characters: str) -> bool:
    """Whether any of these ASCII characters is in any of the texts; quick where none is."""
    text = bytes(text_bytes(values))
    return any(character in text for character in characters.encode())


def is_plain(values: Column) -> bool:
    """Whether all texts are printable ASCII."""
    text = np.frombuffer(text_bytes(values), np.uint8)
    return not len(text) or (text.min() >= 0x20 and text.max() < 0x7F)


def number(values: Column, missing: str = "") -> Column:
    """Whole numbers as text."""
    return pc.fill_null(pc.cast(values, pa.string()), missing)


def address(rows: pa.RecordBatch) -> Column:
    """What `vmtrail cat` and `vmtrail stat` take; source_line.address for all rows."""
    evidence, path = rows["source_evidence"], rows["source_path"]
    return pc.if_else(pc.equal(path, ""), evidence, joined(evidence, "!", path))


def machine(rows: pa.RecordBatch, names: Mapping[str, str]) -> Column:
    """The name of each row's machine, "" where it has none or none is known."""
    ids = pc.index_in(rows["vm_id"], value_set=pa.array(list(names), pa.string()))
    return pc.fill_null(pa.array(list(names.values()), pa.string()).take(ids), "")


def microseconds(ticks: Column) -> Column:
    """Times as Arrow's, UTC; the 100 ns digit is cut."""
    return pa.array(_floor(ticks, 10, UNIX_EPOCH)).cast(pa.timestamp("us"))


def day_and_time(ticks: Column) -> Column:
    """`2008-11-09T05:34:40.431732`."""
    return pc.utf8_replace_slice(pc.cast(microseconds(ticks), pa.string()), 10, 11, "T")


def iso(ticks: Column) -> Column:
    """`2008-11-09T05:34:40.4317320Z`; times.iso for all rows."""
    last = pa.array(ticks.to_numpy() % 10)
    return joined(day_and_time(ticks), pc.cast(last, pa.string()), "Z")


def local_times(ticks: Column, zone: str) -> Column:
    """`2009-07-14 23:03:12.4411900 +02:00`; zones.local for all rows."""
    found = zone_named(zone)
    distinct = ticks.dictionary_encode()
    texts = pa.array([local(value, found) for value in distinct.dictionary.to_pylist()],
                     pa.string())
    return texts.take(distinct.indices)


def unix_seconds(ticks: Column) -> Column:
    """Whole seconds since 1970, rounded down; null where there is no time."""
    missing = pc.is_null(ticks).to_numpy(zero_copy_only=False)
    return pa.array(_floor(pc.fill_null(ticks, 0), TICKS_PER_SECOND, UNIX_EPOCH), mask=missing)


def _floor(ticks: Column, unit: int, since: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    found: np.ndarray[Any, np.dtype[np.int64]] = (ticks.to_numpy() - since) // unit
    return found


def write(out: BinaryIO, lines: Column) -> None:
    """The texts one after the other, in UTF-8."""
    out.write(text_bytes(lines))


def text_bytes(texts: Column) -> memoryview:
    """All texts as they lie in memory."""
    _, offsets, text = texts.buffers()
    if not len(texts) or text is None:
        return memoryview(b"")
    ends = np.frombuffer(offsets, np.int32)
    return memoryview(text)[ends[texts.offset]:ends[texts.offset + len(texts)]]
