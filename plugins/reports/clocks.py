"""Whose clock a time is from: the system that wrote the artefact, and its time zone."""

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from analyzer.plugin import Tables
from plugins.reports import text_columns as columns
from plugins.reports.clock_bounds import UNKNOWN, clock_bounds
from plugins.reports.text_columns import pc

_MACB: Final = {"Created (": "...B", "Content modified (": "M...", "Accessed (": ".A..",
                "Entry changed (": "..C."}


@dataclass(frozen=True, slots=True)
class Clocks:
    """System id -> whether it is host or guest, its name, and its time zone as its registry has
    it, with the offset from UTC where that tells; of guests also the bounds of their clock.
    """

    kinds: dict[str, str]
    names: dict[str, str]
    zones: dict[str, str]
    bounds: dict[str, str]

    def clock(self, rows: pa.RecordBatch) -> columns.Column:
        """`guest DC01`; "" where the evidence itself or an unknown system says the time."""
        name = self.name(rows)
        text = columns.joined(_looked_up(rows["system_id"], self.kinds), " ", name)
        return pc.utf8_trim(text, " ")

    def name(self, rows: pa.RecordBatch) -> columns.Column:
        """`DC01`."""
        return _looked_up(rows["system_id"], self.names)

    def zone(self, rows: pa.RecordBatch) -> columns.Column:
        """`W. Europe Standard Time (UTC+01:00)`; "" where it is not known."""
        return _looked_up(rows["system_id"], self.zones)

    def offset(self, rows: pa.RecordBatch) -> columns.Column:
        """Bounds of a guest's clock against its host's, or "not known"; "" for a host."""
        return _looked_up(rows["system_id"], self.bounds)


def clocks(tables: Tables) -> Clocks:
    """The clocks of a case. The present state of a system, where there is one, names it."""
    kinds: dict[str, str] = {}
    names: dict[str, str] = {}
    zones: dict[str, str] = {}
    for row in tables.rows("system"):
        if row["system_id"] in names and row["snapshot_id"]:
            continue
        is_guest = row["role"] == "guest" or row["vm_id"]
        kinds[row["system_id"]] = "guest" if is_guest else "host"
        names[row["system_id"]] = row["host_name"]
        zones[row["system_id"]] = row["time_zone"]
    found = clock_bounds(tables)
    bounds = {system_id: found.get(system_id, UNKNOWN)
              for system_id, kind in kinds.items() if kind == "guest"}
    return Clocks(kinds, names, zones, bounds)


def _looked_up(ids: columns.Column, known: dict[str, str]) -> columns.Column:
    places = pc.index_in(ids, value_set=pa.array(list(known), pa.string()))
    return pc.fill_null(pa.array(list(known.values()), pa.string()).take(places), "")


def macb(rows: pa.RecordBatch) -> columns.Column:
    """Which of its four times a moment of a file is, `....` for all else."""
    what = rows["what"].dictionary_encode()
    found = [next((mark for start, mark in _MACB.items() if str(text).startswith(start)), "....")
             for text in what.dictionary.to_pylist()]
    is_file = pc.equal(rows["table"], "file_entry")
    return pc.if_else(is_file, pa.array(found, pa.string()).take(what.indices), "....")
