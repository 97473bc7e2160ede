"""Batches of records as Arrow tables: the same rows as those of the records one by one."""

from dataclasses import MISSING, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from analyzer.case.schema import Column, arrow_schema, columns
from analyzer.columns import Texts
from analyzer.records import Batch, Event, Record, moments, table_name
from analyzer.source import Source
from analyzer.text import LOOKS_STORED, to_storable

_IDS = ("system_id", "vm_id", "snapshot_id")


def storable(value: Any) -> Any:
    """Text, or texts in a tuple, that UTF-8 can hold; anything else as it is."""
    if isinstance(value, str):
        return to_storable(value)
    return [to_storable(v) for v in value] if isinstance(value, tuple) else value


def looks_stored(array: Any) -> bool:
    """Whether a text in it must be escaped, as it would be read back as another one."""
    # a plain search for the shortest part of the pattern is ten times as fast as the pattern
    if not pc.any(pc.match_substring(array, "\\u")).as_py():
        return False
    return bool(pc.any(pc.match_substring_regex(array, LOOKS_STORED)).as_py())


def batch_table(batch: Batch) -> pa.Table:
    """The rows of its own table; raises KeyError for a column that no record has."""
    known = columns(batch.kind)
    unknown = set(batch.columns) - {column.name for column in known}
    if unknown:
        raise KeyError(f"{batch.kind.__name__} has no {sorted(unknown)}")
    defaults = _defaults(batch.kind) | {name: getattr(batch, name) for name in _IDS}
    arrays = [_array(batch.columns[c.name] if c.name in batch.columns else defaults[c.name],
                     c, batch.count) for c in known]
    return pa.Table.from_arrays(arrays, schema=arrow_schema(batch.kind))


def batch_events(batch: Batch, table: pa.Table) -> pa.Table:
    """The rows of the timeline; `table` is that of the batch."""
    labels = moments(batch.kind)
    times = [table.column(name).combine_chunks() for name in labels]
    is_known = np.stack([time.is_valid().to_numpy(zero_copy_only=False) for time in times], axis=1)
    at = np.stack([time.fill_null(0).to_numpy() for time in times], axis=1)
    row, label = np.nonzero(is_known)
    found: dict[str, Any] = {name: table.column(name).take(row)
                             for name in arrow_schema(Event).names if name in table.column_names}
    found |= {
        "at": pa.array(at[is_known]), "subject": _texts(batch.subjects).take(row),
        "what": pa.array([*labels.values()], pa.string()).take(label),
        "table": _repeated(table_name(batch.kind), pa.string(), len(row)),
        "topic": _repeated(batch.kind.TOPIC, pa.string(), len(row))}
    schema = arrow_schema(Event)
    return pa.Table.from_arrays([found[name] for name in schema.names], schema=schema)


def _array(value: Any, column: Column, count: int) -> Any:
    if isinstance(value, Texts):
        array = _texts(value)
    elif isinstance(value, np.ndarray):
        array = pa.array(value, type=column.type)
    else:
        array = _repeated(storable(value), column.type, count)
    if len(array) != count:
        raise ValueError(f"column {column.name} has {len(array)} of {count} rows")
    if array.null_count and not column.nullable:
        raise ValueError(f"column {column.name} cannot be None")
    return array


def _texts(texts: Texts) -> Any:
    bounds = texts.bounds.astype(np.int32)
    array = pa.Array.from_buffers(pa.string(), len(texts),
                                  [None, pa.py_buffer(bounds.data), pa.py_buffer(texts.data.data)])
    # bytes of a lone surrogate begin with 0xED and go on at 0xA0 or above
    is_odd = (texts.data[:-1] == 0xED) & (texts.data[1:] >= 0xA0)
    if is_odd.any() or looks_stored(array):
        return pa.array([to_storable(text) for text in texts.tolist()], pa.string())
    return array


def _repeated(value: Any, kind: pa.DataType, count: int) -> Any:
    scalar: Any = pa.scalar(value, kind)
    array: Any = pa.repeat(scalar, count)
    return array


def _defaults(record: type[Record]) -> dict[str, Any]:
    """What columns hold where a batch has none, by name."""
    own = {field.name: field.default for field in fields(record)}
    own |= {f"source_{field.name}": field.default for field in fields(Source)}
    return {name: value for name, value in own.items() if value is not MISSING}
