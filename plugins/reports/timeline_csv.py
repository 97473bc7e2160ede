"""The timeline as CSV."""

from collections.abc import Iterator
from typing import BinaryIO

from analyzer.plugin import Tables, report
from analyzer.zones import UTC_NAME
from plugins.reports import csv_cells
from plugins.reports import text_columns as columns
from plugins.reports.clocks import clocks
from plugins.reports.machine_names import machine_names

COLUMNS = ("datetime", "timestamp_desc", "message", "topic", "table", "vm_id", "vm_name",
           "snapshot_id", "system", "source", "detail", "entry", "offset", "image_offset",
           "layer", "evidence", "clock", "clock_offset")


@report("timeline", "csv", "timeline.csv", zoned=True)
def timeline_csv(tables: Tables, out: BinaryIO) -> None:
    """One line for each dated moment, in order of time.

    Comma separated after RFC 4180, UTF-8; times in UTC with seven digits. Cells that a
    spreadsheet would run as a formula start with `'`, and the column `escaped` names them.
    `clock` is the system that wrote the time, `clock_offset` the bounds of a guest's clock against
    its host's, or "not known". `--timezone` adds a column `local`, with the offset from UTC, after
    `datetime`.
    """
    local = () if tables.zone == UTC_NAME else ("local",)
    csv_cells.write_columns(out, (*COLUMNS[:1], *local, *COLUMNS[1:]), _batches(tables))


def _batches(tables: Tables) -> Iterator[list[columns.Column]]:
    names, known = machine_names(tables), clocks(tables)
    for rows in tables.timeline():
        local = () if tables.zone == UTC_NAME else (columns.local_times(rows["at"], tables.zone),)
        yield [columns.iso(rows["at"]), *local, rows["what"], rows["subject"], rows["topic"],
               rows["table"], rows["vm_id"], columns.machine(rows, names), rows["snapshot_id"],
               rows["system_id"], columns.address(rows), rows["source_detail"],
               rows["source_entry"], rows["source_offset"], rows["source_image_offset"],
               rows["source_layer"], rows["source_evidence"], known.clock(rows),
               known.offset(rows)]
