"""Makes cases: events and file entries as a host with guests has them, without any evidence.

A guest's files come in the order of a walk, so in no order of time. Partitions are written as
the store writes them: blocks in order, an event's row groups small.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analyzer.case.schema import arrow_schema
from analyzer.case.store import BLOCK, EVENTS
from analyzer.records import TABLES, Event, FileEntry
from analyzer.records.record import moments

SYSTEMS: Final = 8
FIRST: Final = 128_444_736_000_000_000
"""2008-01-10."""
DAY: Final = 864_000_000_000
_SPAN: Final = 1_000 * DAY
_LABELS: Final = moments(FileEntry)


def make(folder: Path, events: int, files: int, systems: int = SYSTEMS) -> Path:
    """A case with so many events (eight a file) and file entries, over so many systems."""
    if not (folder / "case.json").exists():
        for number in range(systems):
            _write(folder, number, "event", _events(number, events // systems // 8))
            _write(folder, number, "file_entry", _files(number, files // systems))
        (folder / "case.json").write_text("{}")
    return folder


def make_crowded(folder: Path, partitions: int = 1_000) -> Path:
    """A case with so many partitions in each table, all but those of `event` without rows."""
    for table, record in TABLES.items():
        rows = _events(0, 10) if table == "event" else arrow_schema(record).empty_table()
        for number in range(partitions):
            _write(folder, number, table, rows)
    return folder


def _write(folder: Path, number: int, table: str, rows: pa.Table) -> None:
    path = folder / "tables" / table / f"task-{number:04}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    names = sorted(rows.column_names, key=lambda name: name != "at")
    with pq.ParquetWriter(path, rows.schema, compression="zstd") as writer:
        for start in range(0, rows.num_rows, BLOCK):
            block = rows.slice(start, BLOCK).sort_by([(name, "ascending") for name in names])
            writer.write_table(block, row_group_size=EVENTS if table == "event" else BLOCK)


def _common(number: int, names: list[str]) -> dict[str, Any]:
    """Columns that events and file entries share, one row a name."""
    guest = f"/p1/VMs/vm{number}.vhd" if number else ""
    inside = f"{guest}!/p1" if guest else "/p1"
    count = len(names)
    return {
        "source_evidence": ["hv01.E01"] * count,
        "source_path": [f"{inside}/{name}" for name in names],
        "source_detail": [""] * count, "source_entry": range(count),
        "source_offset": [None] * count,
        "source_image_offset": [3_000_000 + 1_024 * n for n in range(count)],
        "source_layer": [f"hv01.E01!{guest}" if guest else ""] * count,
        "system_id": [f"hv01.E01!{inside}"] * count,
        "vm_id": [f"{number:08X}-0000-0000-0000-000000000000" if number else ""] * count,
        "snapshot_id": [""] * count,
    }


def _names(count: int) -> list[str]:
    return [f"Windows/winsxs/amd64_{n % 997:x}/ä, {n}.dll" if n % 50 == 0
            else f"Windows/winsxs/amd64_{n % 997:x}/file{n}.dll" for n in range(count)]


def _times(number: int, count: int) -> "np.ndarray[Any, np.dtype[np.int64]]":
    """Eight a file, near each other; half of them whole seconds."""
    chance = np.random.default_rng(number)
    base = chance.integers(FIRST, FIRST + _SPAN, count)[:, None]
    times = base + chance.integers(0, DAY, (count, 8))
    is_whole = chance.random((count, 8)) < 0.5
    return np.where(is_whole, times // 10_000_000 * 10_000_000, times)


def _events(number: int, files: int) -> pa.Table:
    names = _names(files)
    columns = _common(number, names) | {
        "at": [0] * files, "what": [""] * files,
        "subject": [f"C:\\{name}".replace("/", "\\") for name in names],
        "table": ["file_entry"] * files, "topic": ["file"] * files}
    once = pa.table(columns, arrow_schema(Event))
    rows = once.take(np.repeat(np.arange(files), 8))
    labels = pa.array(list(_LABELS.values())).take(np.tile(np.arange(8), files))
    at = pa.array(_times(number, files).ravel())
    schema = rows.schema
    rows = rows.set_column(schema.get_field_index("at"), schema.field("at"), at)
    return rows.set_column(schema.get_field_index("what"), schema.field("what"), labels)


def _files(number: int, files: int) -> pa.Table:
    names, times = _names(files), _times(number, files)
    columns = _common(number, names) | {
        "volume_id": ["p1"] * files, "entry": range(files), "sequence": [1] * files,
        "path": [f"C:\\{name}".replace("/", "\\") for name in names],
        "size": [n % 100_000 for n in range(files)], "allocated": [n % 9 > 0 for n in range(files)],
        "is_directory": [n % 12 == 0 for n in range(files)],
        **{name: times[:, place] for place, name in enumerate(_LABELS)}}
    schema = arrow_schema(FileEntry)
    return pa.table({field.name: columns.get(field.name, [""] * files) for field in schema}, schema)
