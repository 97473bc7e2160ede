"""The timeline for Timeline Explorer."""

from collections.abc import Iterator
from typing import BinaryIO

from analyzer.plugin import Tables, report
from analyzer.zones import UTC_NAME
from plugins.reports import csv_cells
from plugins.reports import text_columns as columns
from plugins.reports.clocks import clocks
from plugins.reports.machine_names import machine_names
from plugins.reports.text_columns import pc

COLUMNS = ("Timestamp", "TimestampDescription", "Message", "Topic", "Clock", "ClockTimeZone",
           "ClockOffset", "MachineName", "MachineId", "SnapshotId", "SourceFile", "Detail",
           "EntryNumber", "Offset", "ImageOffset", "Layer", "Table", "Evidence")


@report("timeline", "ez", "timeline.ez.csv", on_request=True, zoned=True)
def timeline_ez(tables: Tables, out: BinaryIO) -> None:
    """CSV with times as Eric Zimmerman's tools write them, `2008-11-09 05:34:40.4317320`, UTC.

    `Clock` is the system that wrote the time, host or guest, and `ClockTimeZone` its zone as
    Windows calls it. `ClockOffset` has the bounds of a guest's clock against its host's that
    follow from snapshots, or "not known"; no time is corrected by it. Cells that a spreadsheet
    would run as a formula start with `'`, and the column `escaped` names them. `--timezone` adds
    `LocalTime`, with the offset from UTC, after `Timestamp`.
    """
    is_local = tables.zone != UTC_NAME
    names, known = machine_names(tables), clocks(tables)

    def batches() -> Iterator[list[columns.Column]]:
        for rows in tables.timeline():
            time = pc.utf8_replace_slice(columns.iso(rows["at"]), 10, 11, " ")
            local = [columns.local_times(rows["at"], tables.zone)] if is_local else []
            yield [pc.utf8_slice_codeunits(time, 0, 27), *local, rows["what"], rows["subject"],
                   rows["topic"], known.clock(rows), known.zone(rows), known.offset(rows),
                   columns.machine(rows, names), rows["vm_id"], rows["snapshot_id"],
                   columns.address(rows), rows["source_detail"], rows["source_entry"],
                   rows["source_offset"], rows["source_image_offset"], rows["source_layer"],
                   rows["table"], rows["source_evidence"]]

    local = ("LocalTime",) if is_local else ()
    csv_cells.write_columns(out, (*COLUMNS[:1], *local, *COLUMNS[1:]), batches())
